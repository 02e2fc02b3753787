// The small texts inside of objects and files: times, durations, quantities, URLs, and bytes that may not be
// UTF-8.
#include <charconv>

#include "base/log.h"
#include "base/quantity.h"
#include "base/time.h"
#include "base/utf8.h"
#include "fuzz.h"
#include "json/codec.h"
#include "net/url.h"

using namespace cloister;
using fuzz::require;

namespace {

void times(std::string_view text) {
  const auto time = parseTime(text);
  if (!time) return;
  require(parseTime(formatMicroTime(*time)) == time, formatMicroTime(*time) + " reads back");
  require(parseTime(formatTime(*time)) == std::chrono::floor<seconds>(*time),
          formatTime(*time) + " reads back");
}

void durations(std::string_view text) {
  const auto duration = parseDuration(text);
  if (!duration) return;
  require(*duration >= Duration{}, "no duration is negative");
  require(parseDuration(formatDuration(*duration)) == duration, formatDuration(*duration) + " reads back");
}

// What TEXT, digits and at most one point, is in whole units rounded up.
std::optional<int64_t> plainUnits(std::string_view text) {
  const size_t point = std::min(text.find('.'), text.size());
  const bool more = text.substr(point).find_first_of("123456789") != std::string_view::npos;
  int64_t whole = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + point, whole);
  if (error != std::errc() || end != text.data() + point || whole > (1LL << 62) - more) return std::nullopt;
  return whole + more;
}

void quantities(std::string_view text) {
  const auto units = parseUnits(text);
  const auto milli = parseMilli(text);
  require(units || !milli, "what has thousandths has units");
  if (!units) return;
  require(*units >= 0 && *units <= 1LL << 62, "a quantity is within its bounds");
  require(parseUnits(std::to_string(*units)) == units, "units read back");
  const bool plain = text.find_first_not_of("0123456789.") == std::string_view::npos;
  if (plain && text.front() != '.') require(units == plainUnits(text), "a decimal is rounded up exactly");
  if (plain)
    require(milli == parseUnits(std::string(text) + "k"), "thousandths are a thousand times the units");
  if (!milli) return;
  require(parseMilli(std::to_string(*milli) + "m") == milli, "thousandths read back");
  require(*units == *milli / 1000 + (*milli % 1000 != 0),
          std::to_string(*units) + " units are " + std::to_string(*milli) + " thousandths rounded up");
}

void urls(std::string_view text) {
  const auto url = net::parseBaseUrl(text);
  if (!url) {
    require(url.error().code == Errc::InvalidInput, "bad URLs are InvalidInput");
    return;
  }
  const std::string written = (url->tls ? "https://" : "http://") + net::authority(*url) + url->prefix;
  const auto again = net::parseBaseUrl(written);
  require(again && *again == *url, written + " is the same URL");
}

void utf8(std::string_view text) {
  const std::string valid = validUtf8(text);
  require(json::parse(json::print(json::value(valid))).has_value(), "what was made valid is");
  require(validUtf8(valid) == valid, "what is valid stays");
  const bool wasValid = json::parse(json::print(json::value(text))).has_value();
  require(wasValid == (valid == text), "only what is not valid is changed");
  const size_t largest = text.size() / 2;
  const std::string cut = validUtf8(text, largest);
  require(cut.size() <= largest && valid.starts_with(cut), "a cut is the beginning, between two characters");
  const std::string line = log::formatLine(Time{}, log::Level::Info, text, {{"field", text}});
  require(!line.contains('\n') && json::parse(line).has_value(), "a log record is one line of JSON: " + line);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto text = fuzz::textOf(data, size);
  times(text);
  durations(text);
  quantities(text);
  urls(text);
  utf8(text);
  return 0;
}
