// How long each start took, stage by stage, as this process saw it: Kubernetes' own times are whole seconds.
// Forgotten on restart; a start that spans one is then not measured.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "api/sandbox.h"
#include "base/time.h"

namespace cloister::sandbox {

class StartTracker {
 public:
  // The Sandbox UID was seen for the first time; later calls change nothing.
  void seen(const std::string& uid, Instant now);
  // The first of each counts. Without seen() before, nothing is recorded.
  void posted(const std::string& uid, Instant now);
  void scheduled(const std::string& uid, Instant now);
  // True the first time: the start is measured whole.
  bool ready(const std::string& uid, Instant now);
  void forget(const std::string& uid);

  // Complete only once ready.
  std::optional<api::StartLatency> latency(const std::string& uid) const;
  size_t size() const { return starts_.size(); }

 private:
  struct Start {
    Instant seen;
    api::StartLatency latency = {};
  };
  bool mark(const std::string& uid, std::optional<int64_t> api::StartLatency::* stage, Instant now);

  std::unordered_map<std::string, Start> starts_;
};

}  // namespace cloister::sandbox
