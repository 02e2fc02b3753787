// Logging: one JSON object a line on standard error: {"time","level","msg", fields...}.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

#include <boost/json/value.hpp>

#include "base/time.h"

namespace cloister::log {

enum class Level { Debug, Info, Warn, Error };

struct Field {
  template <class T>
  Field(std::string_view key, const T& v) : name(key), value(convert(v)) {}

  std::string_view name;
  boost::json::value value;

 private:
  template <class T>
  static boost::json::value convert(const T& v) {
    if constexpr (std::is_convertible_v<T, std::string_view>) {
      return boost::json::value(std::string_view(v));
    } else {
      return boost::json::value(v);
    }
  }
};
using Fields = std::initializer_list<Field>;

// "debug", "info", "warn" or "error"; false for anything else, and nothing changes.
bool setLevel(std::string_view name);

// The line for one record, without its line end. Bytes that are not UTF-8 become U+FFFD.
std::string formatLine(Time time, Level level, std::string_view message, Fields fields);

void write(Level level, std::string_view message, Fields fields);

inline void debug(std::string_view message, Fields fields = {}) {
  write(Level::Debug, message, fields);
}
inline void info(std::string_view message, Fields fields = {}) {
  write(Level::Info, message, fields);
}
inline void warn(std::string_view message, Fields fields = {}) {
  write(Level::Warn, message, fields);
}
inline void error(std::string_view message, Fields fields = {}) {
  write(Level::Error, message, fields);
}

}  // namespace cloister::log
