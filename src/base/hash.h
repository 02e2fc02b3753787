#pragma once

#include <string>
#include <string_view>

namespace cloister {

// BYTES as lower-case hexadecimal digits.
std::string hexOf(std::string_view bytes);

// SHA-256 of BYTES as 64 lower-case hexadecimal digits.
std::string sha256Hex(std::string_view bytes);

// The first LENGTH (at most 52) base-32 characters of BYTES' SHA-256, in an alphabet without vowels and
// look-alikes, so that a name made from it is a valid DNS label, carries no word and reads well.
std::string shortHash(std::string_view bytes, size_t length);

}  // namespace cloister
