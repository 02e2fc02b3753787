#include "base/quantity.h"

#include <array>
#include <cmath>

namespace cloister {
namespace {

struct Suffix {
  std::string_view text;
  long double factor;
};
constexpr std::array<Suffix, 15> suffixes{{{"Ki", 1024.0L},
                                           {"Mi", 1048576.0L},
                                           {"Gi", 1073741824.0L},
                                           {"Ti", 1099511627776.0L},
                                           {"Pi", 1125899906842624.0L},
                                           {"Ei", 1152921504606846976.0L},
                                           {"n", 1e-9L},
                                           {"u", 1e-6L},
                                           {"m", 1e-3L},
                                           {"k", 1e3L},
                                           {"M", 1e6L},
                                           {"G", 1e9L},
                                           {"T", 1e12L},
                                           {"P", 1e15L},
                                           {"E", 1e18L}}};

std::optional<long double> factorOf(std::string_view suffix) {
  if (suffix.empty()) return 1.0L;
  for (const Suffix& known : suffixes) {
    if (suffix == known.text) return known.factor;
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
  return std::pow(10.0L, sign * exponent);
}

std::optional<long double> parse(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  long double value = 0;
  long double place = 1;
  bool digits = false;
  bool dot = false;
  size_t i = 0;
  for (; i < text.size() && i < 40; ++i) {
    const char c = text[i];
    if (c == '.' && !dot) {
      dot = true;
    } else if (c >= '0' && c <= '9') {
      digits = true;
      if (dot) place /= 10;
      value = dot ? value + place * (c - '0') : value * 10 + (c - '0');
    } else {
      break;
    }
  }
  if (!digits) return std::nullopt;
  const auto factor = factorOf(text.substr(i));
  if (!factor) return std::nullopt;
  return value * *factor;
}

std::optional<int64_t> roundUp(std::optional<long double> value) {
  constexpr long double largest = 4611686018427387904.0L;  // 2^62
  if (!value || *value > largest) return std::nullopt;
  // Forgives the binary error of decimal fractions: 0.1 is 100 thousandths, not 101.
  const long double nearest = std::round(*value);
  const bool whole = std::fabs(*value - nearest) <= *value * 1e-17L;
  return int64_t(whole ? nearest : std::ceil(*value));
}

}  // namespace

std::optional<int64_t> parseMilli(std::string_view text) {
  auto value = parse(text);
  if (value) *value *= 1000;
  return roundUp(value);
}

std::optional<int64_t> parseUnits(std::string_view text) {
  return roundUp(parse(text));
}

}  // namespace cloister
