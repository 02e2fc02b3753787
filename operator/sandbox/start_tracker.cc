#include "operator/sandbox/start_tracker.h"

namespace cloister::sandbox {

void StartTracker::seen(const std::string& uid, Instant now) {
  starts_.try_emplace(uid, Start{.seen = now});
}

bool StartTracker::mark(const std::string& uid, std::optional<int64_t> api::StartLatency::* stage,
                        Instant now) {
  const auto found = starts_.find(uid);
  if (found == starts_.end() || (found->second.latency.*stage).has_value()) return false;
  found->second.latency.*stage = std::chrono::floor<milliseconds>(now - found->second.seen).count();
  return true;
}

void StartTracker::posted(const std::string& uid, Instant now) {
  mark(uid, &api::StartLatency::acceptedMs, now);
}
void StartTracker::scheduled(const std::string& uid, Instant now) {
  mark(uid, &api::StartLatency::scheduledMs, now);
}
bool StartTracker::ready(const std::string& uid, Instant now) {
  return mark(uid, &api::StartLatency::readyMs, now);
}
void StartTracker::forget(const std::string& uid) {
  starts_.erase(uid);
}

std::optional<api::StartLatency> StartTracker::latency(const std::string& uid) const {
  const auto found = starts_.find(uid);
  if (found == starts_.end() || !found->second.latency.readyMs) return std::nullopt;
  return found->second.latency;
}

}  // namespace cloister::sandbox
