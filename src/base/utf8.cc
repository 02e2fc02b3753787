#include "base/utf8.h"

namespace cloister {
namespace {

// The length of the well-formed sequence that TEXT begins with, or 0. Source: the Unicode Standard, table
// 3-7.
size_t sequenceLength(std::string_view text) {
  const auto byte = [&](size_t i) {
    return i < text.size() ? unsigned(static_cast<unsigned char>(text[i])) : 0U;
  };
  const auto between = [&](size_t i, unsigned least, unsigned most) {
    return byte(i) >= least && byte(i) <= most;
  };
  const auto follows = [&](size_t i) { return between(i, 0x80, 0xbf); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (between(0, 0xc2, 0xdf)) return follows(1) ? 2 : 0;
  if (between(0, 0xe0, 0xef)) {
    const bool second = between(1, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf);
    return second && follows(2) ? 3 : 0;
  }
  if (between(0, 0xf0, 0xf4)) {
    const bool second = between(1, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf);
    return second && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

bool isUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = sequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string validUtf8(std::string_view text, size_t largest) {
  constexpr std::string_view replacement = "\ufffd";
  std::string valid;
  while (!text.empty()) {
    const size_t length = sequenceLength(text);
    const std::string_view next = length == 0 ? replacement : text.substr(0, length);
    if (next.size() > largest - valid.size()) break;
    valid += next;
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return valid;
}

}  // namespace cloister
