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

Fraction powerOfTen(int exponent) {
  if (exponent < 0) return {1, pow(cpp_int(10), unsigned(-exponent))};
  return {pow(cpp_int(10), unsigned(exponent))};
}

// What the number before it is multiplied by.
struct Suffix {
  std::string_view text;
  int64_t numerator;
  int64_t denominator = 1;
};
constexpr std::array<Suffix, 15> suffixes{{{"Ki", 1LL << 10},
                                           {"Mi", 1LL << 20},
                                           {"Gi", 1LL << 30},
                                           {"Ti", 1LL << 40},
                                           {"Pi", 1LL << 50},
                                           {"Ei", 1LL << 60},
                                           {"n", 1, 1'000'000'000},
                                           {"u", 1, 1'000'000},
                                           {"m", 1, 1'000},
                                           {"k", 1'000},
                                           {"M", 1'000'000},
                                           {"G", 1'000'000'000},
                                           {"T", 1'000'000'000'000},
                                           {"P", 1'000'000'000'000'000},
                                           {"E", 1'000'000'000'000'000'000}}};

std::optional<Fraction> factorOf(std::string_view suffix) {
  if (suffix.empty()) return Fraction{1};
  for (const Suffix& known : suffixes) {
    if (suffix == known.text) return Fraction{known.numerator, known.denominator};
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
  return powerOfTen(sign * exponent);
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
