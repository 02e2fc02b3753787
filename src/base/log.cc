#include "base/log.h"

#include <array>
#include <chrono>

#include <boost/json/serialize.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/time.h"
#include "base/utf8.h"

namespace cloister::log {
namespace {

constexpr std::array<std::string_view, 4> names{"debug", "info", "warn", "error"};
constexpr std::array<spdlog::level::level_enum, 4> levels{spdlog::level::debug, spdlog::level::info,
                                                          spdlog::level::warn, spdlog::level::err};

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = spdlog::stderr_logger_mt("cloister");
    made->set_pattern("%v");
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *instance;
}

}  // namespace

bool setLevel(std::string_view name) {
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] != name) continue;
    logger().set_level(levels[i]);
    return true;
  }
  return false;
}

std::string formatLine(Time time, Level level, std::string_view message, Fields fields) {
  boost::json::object line;
  line["time"] = formatMicroTime(time);
  line["level"] = names[size_t(level)];
  line["msg"] = message;
  for (const auto& [name, value] : fields) line[name] = value;
  return validUtf8(boost::json::serialize(line));
}

void write(Level level, std::string_view message, Fields fields) {
  const auto severity = levels[size_t(level)];
  if (!logger().should_log(severity)) return;
  const Time now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
  logger().log(severity, "{}", formatLine(now, level, message, fields));
}

}  // namespace cloister::log
