#include "base/quantity.h"

#include <array>

#include <boost/multiprecision/cpp_int.hpp>

namespace cloister {
namespace {

using boost::multiprecision::cpp_int;
using boost::multiprecision::pow;

// An amount, exactly: a double would round what is to be rounded up.
struct Fraction {
  cpp_int numerator;
  cpp_int denominator = 1;
};

Fraction powerOf(int base, int exponent) {
  if (exponent < 0) return {1, pow(cpp_int(base), unsigned(-exponent))};
  return {pow(cpp_int(base), unsigned(exponent))};
}

struct Suffix {
  std::string_view text;
  int base;
  int exponent;
};
constexpr std::array<Suffix, 15> suffixes{{{"Ki", 2, 10},
                                           {"Mi", 2, 20},
                                           {"Gi", 2, 30},
                                           {"Ti", 2, 40},
                                           {"Pi", 2, 50},
                                           {"Ei", 2, 60},
                                           {"n", 10, -9},
                                           {"u", 10, -6},
                                           {"m", 10, -3},
                                           {"k", 10, 3},
                                           {"M", 10, 6},
                                           {"G", 10, 9},
                                           {"T", 10, 12},
                                           {"P", 10, 15},
                                           {"E", 10, 18}}};

std::optional<Fraction> factorOf(std::string_view suffix) {
  if (suffix.empty()) return Fraction{1};
  for (const Suffix& known : suffixes) {
    if (suffix == known.text) return powerOf(known.base, known.exponent);
  }
  if (suffix.size() < 2 || suffix.size() > 4 || (suffix[0] != 'e' && suffix[0] != 'E')) return std::nullopt;
  int sign = 1;
  size_t i = 1;
  if (suffix[i] == '+' || suffix[i] == '-') sign = suffix[i++] == '-' ? -1 : 1;
  if (i == suffix.size()) return std::nullopt;
  int exponent = 0;
  for (; i < suffix.size(); ++i) {
    if (suffix[i] < '0' || suffix[i] > '9') return std::nullopt;
    exponent = exponent * 10 + (suffix[i] - '0');
  }
  return powerOf(10, sign * exponent);
}

std::optional<Fraction> parse(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  Fraction value;
  bool digits = false;
  bool dot = false;
  size_t i = 0;
  for (; i < text.size() && i < 40; ++i) {
    const char c = text[i];
    if (c == '.' && !dot) {
      dot = true;
    } else if (c >= '0' && c <= '9') {
      digits = true;
      value.numerator = value.numerator * 10 + (c - '0');
      if (dot) value.denominator *= 10;
    } else {
      break;
    }
  }
  if (!digits) return std::nullopt;
  const auto factor = factorOf(text.substr(i));
  if (!factor) return std::nullopt;
  return Fraction{value.numerator * factor->numerator, value.denominator * factor->denominator};
}

std::optional<int64_t> roundUp(const Fraction& value) {
  const cpp_int rounded = (value.numerator + value.denominator - 1) / value.denominator;
  if (rounded > (1LL << 62)) return std::nullopt;
  return int64_t(rounded);
}

}  // namespace

std::optional<int64_t> parseMilli(std::string_view text) {
  auto value = parse(text);
  if (!value) return std::nullopt;
  value->numerator *= 1000;
  return roundUp(*value);
}

std::optional<int64_t> parseUnits(std::string_view text) {
  const auto value = parse(text);
  return value ? roundUp(*value) : std::nullopt;
}

}  // namespace cloister
