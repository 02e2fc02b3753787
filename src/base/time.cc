#include "base/time.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace cloister {
namespace {

constexpr Duration longest = std::chrono::hours(24 * 365 * 100);
constexpr Time earliest = std::chrono::sys_days(std::chrono::year(0) / 1 / 1);
constexpr Time latest = std::chrono::sys_days(std::chrono::year(10'000) / 1 / 1) - Duration(1);

// Reads exactly DIGITS decimal digits from the front of TEXT.
std::optional<int> takeNumber(std::string_view& text, size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

// Reads ".123456789" if present: microseconds, further digits cut.
std::optional<Duration> takeFraction(std::string_view& text) {
  if (!take(text, '.')) return Duration{0};
  int64_t micros = 0;
  int64_t unit = 100'000;
  size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits, unit /= 10) {
    micros += unit * (text[digits] - '0');
  }
  if (digits == 0) return std::nullopt;
  text.remove_prefix(digits);
  return Duration{micros};
}

// Reads "Z" or "+hh:mm" / "-hh:mm".
std::optional<Duration> takeOffset(std::string_view& text) {
  if (take(text, 'Z') || take(text, 'z')) return Duration{0};
  const bool negative = !text.empty() && text.front() == '-';
  if (!negative && (text.empty() || text.front() != '+')) return std::nullopt;
  text.remove_prefix(1);
  auto hours = takeNumber(text, 2);
  if (!hours || !take(text, ':')) return std::nullopt;
  auto minutes = takeNumber(text, 2);
  if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const Duration offset = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
  return negative ? -offset : offset;
}

std::string formatSeconds(Time time, const char* fraction) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<seconds>(time - day));
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%04d-%02u-%02uT%02d:%02d:%02d%sZ", int(date.year()),
                unsigned(date.month()), unsigned(date.day()), int(clock.hours().count()),
                int(clock.minutes().count()), int(clock.seconds().count()), fraction);
  return buffer.data();
}

struct Unit {
  std::string_view text;
  double micros;
};
// Longer spellings first: "ms" must not be read as "m". Of microseconds there are Go's three spellings.
constexpr std::array<Unit, 8> units{{{"ns", 1e-3},
                                     {"us", 1},
                                     {"\u00b5s", 1},
                                     {"\u03bcs", 1},
                                     {"ms", 1e3},
                                     {"s", 1e6},
                                     {"m", 60e6},
                                     {"h", 3600e6}}};

// Reads one "1.5h" from the front of TEXT.
std::optional<Duration> takeTerm(std::string_view& text) {
  const size_t length = std::min(text.find_first_not_of(".0123456789"), text.size());
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + length, value, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + length) return std::nullopt;
  text.remove_prefix(length);
  for (const Unit& unit : units) {
    if (!text.starts_with(unit.text)) continue;
    text.remove_prefix(unit.text.size());
    const double micros = value * unit.micros;
    if (micros > double(longest.count())) return std::nullopt;
    return Duration{std::llround(micros)};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Time> parseTime(std::string_view text) {
  auto year = takeNumber(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  auto month = takeNumber(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  auto day = takeNumber(text, 2);
  if (!day || !(take(text, 'T') || take(text, 't'))) return std::nullopt;
  auto hour = takeNumber(text, 2);
  if (!hour || !take(text, ':')) return std::nullopt;
  auto minute = takeNumber(text, 2);
  if (!minute || !take(text, ':')) return std::nullopt;
  auto second = takeNumber(text, 2);
  if (!second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(unsigned(*month)),
                                         std::chrono::day(unsigned(*day))};
  if (!date.ok()) return std::nullopt;
  auto fraction = takeFraction(text);
  if (!fraction) return std::nullopt;
  auto offset = takeOffset(text);
  if (!offset || !text.empty()) return std::nullopt;
  const Time time = std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
                    seconds(*second) + *fraction - *offset;
  // An offset may lead out of the years that can be written.
  if (time < earliest || time > latest) return std::nullopt;
  return time;
}

std::string formatTime(Time time) {
  return formatSeconds(time, "");
}

std::string formatMicroTime(Time time) {
  const auto micros = (time - std::chrono::floor<seconds>(time)).count();
  std::array<char, 16> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%06d", int(micros));
  return formatSeconds(time, fraction.data());
}

std::optional<Duration> parseDuration(std::string_view text) {
  take(text, '+');
  if (text == "0") return Duration{0};
  if (text.empty()) return std::nullopt;
  Duration total{0};
  while (!text.empty()) {
    auto term = takeTerm(text);
    if (!term) return std::nullopt;
    total += *term;
    if (total > longest) return std::nullopt;
  }
  return total;
}

std::string formatDuration(Duration duration) {
  if (duration == Duration{0}) return "0s";
  const auto hours = std::chrono::floor<std::chrono::hours>(duration);
  const auto minutes = std::chrono::floor<std::chrono::minutes>(duration - hours);
  const auto whole = std::chrono::floor<seconds>(duration - hours - minutes);
  const auto rest = duration - hours - minutes - whole;
  std::string text;
  if (hours.count() != 0) text += std::to_string(hours.count()) + "h";
  if (minutes.count() != 0) text += std::to_string(minutes.count()) + "m";
  if (whole.count() != 0) text += std::to_string(whole.count()) + "s";
  if (rest.count() % 1000 != 0) return text + std::to_string(rest.count()) + "us";
  if (rest.count() != 0) text += std::to_string(rest.count() / 1000) + "ms";
  return text;
}

}  // namespace cloister
