// What the fuzz targets share: an oracle that says what it found, and ways to cut an input up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace cloister::fuzz {

// Ends the program with WHAT, which is false of the input, unless HOLDS. libFuzzer keeps the input then.
inline void require(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "not so: %s\n", what.c_str());
  std::abort();
}

inline std::string_view textOf(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// TEXT between its SEPARATORs, in at most MOST parts: the last one takes the rest.
inline std::vector<std::string_view> split(std::string_view text, std::string_view separator, size_t most) {
  std::vector<std::string_view> parts;
  for (size_t end = 0; parts.size() + 1 < most; text.remove_prefix(end + separator.size())) {
    end = text.find(separator);
    if (end == std::string_view::npos) break;
    parts.push_back(text.substr(0, end));
  }
  parts.push_back(text);
  return parts;
}

// BYTES in pieces of SIZE.
inline std::vector<std::string_view> pieces(std::string_view bytes, size_t size) {
  std::vector<std::string_view> out;
  for (size_t at = 0; at < bytes.size(); at += size) out.push_back(bytes.substr(at, size));
  return out;
}

// The line that MESSAGE ("FILE:LINE: reason") names; 0 when it does not.
inline size_t lineOf(std::string_view message, std::string_view file) {
  if (!message.starts_with(std::string(file) + ":")) return 0;
  return std::strtoull(std::string(message.substr(file.size() + 1)).c_str(), nullptr, 10);
}

}  // namespace cloister::fuzz
