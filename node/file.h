// Small files, as cloister-runsc reads and writes them: whole, or not at all.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace cloister::node {

// Larger ones are not read.
inline constexpr size_t largestFile = 16 << 20;

// All that comes from FILE, which is closed then. Empty when it cannot be read, or is too large.
std::string readAll(int file);
std::string readFile(const std::string& path);
bool writeAll(int file, std::string_view text);
// TEXT is in PATH, for root alone, or what was there before.
Result<void> replaceFile(const std::string& path, std::string_view text);

}  // namespace cloister::node
