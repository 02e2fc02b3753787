#pragma once

#include <string>
#include <string_view>

namespace cloister {

// The API server and JSON parsers refuse anything else.
bool isUtf8(std::string_view text);

// TEXT with each byte that belongs to no well-formed UTF-8 sequence replaced by U+FFFD, cut to at most
// LARGEST bytes between two characters.
std::string validUtf8(std::string_view text, size_t largest = std::string_view::npos);

}  // namespace cloister
