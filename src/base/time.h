// Points in time and lengths of time, and their texts in Kubernetes objects.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace cloister {

using Duration = std::chrono::microseconds;
// Wall-clock time: what objects carry. May jump.
using Time = std::chrono::sys_time<Duration>;
// Monotonic time since an arbitrary start: what deadlines and backoff use.
using Instant = std::chrono::time_point<std::chrono::steady_clock, Duration>;

using std::chrono::milliseconds;
using std::chrono::seconds;

// RFC 3339: "2026-01-02T03:04:05Z" (metav1.Time), with any fraction or offset accepted by the parser; in the
// years 0 to 9999 of UTC.
std::optional<Time> parseTime(std::string_view text);
std::string formatTime(Time time);       // whole seconds, as metav1.Time
std::string formatMicroTime(Time time);  // six decimals, as metav1.MicroTime

// Go's duration syntax ("90s", "1h30m", "1.5h", "250ms", "0"); nothing negative, at most 100 years.
std::optional<Duration> parseDuration(std::string_view text);
// The shortest of Go's forms: "1h30m", "90s" becomes "1m30s", zero is "0s".
std::string formatDuration(Duration duration);

}  // namespace cloister
