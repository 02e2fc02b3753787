// A Sandbox whose end comes, and which is kept then.
#pragma once

#include "tests/unit/operator/sandbox/suspending.h"

namespace cloister::test {

class Expiring : public Suspending {
 protected:
  static constexpr Duration ttl = std::chrono::minutes(60) + milliseconds(500);

  explicit Expiring(api::OnExpiry end = api::OnExpiry::Suspend) {
    setLifecycle({.ttl = ttl, .expiresAt = {}, .idleTimeout = {}, .maxLifetime = {}, .onExpiry = end});
  }
  void setLifecycle(const api::SandboxLifecycle& lifecycle) {
    world_.edit([&](api::Sandbox& sandbox) { sandbox.spec.lifecycle = lifecycle; });
    settle();
  }
  void setTtl(Duration next) {
    world_.edit([&](api::Sandbox& sandbox) { sandbox.spec.lifecycle.ttl = next; });
    settle();
  }
  void setEnd(api::OnExpiry end) {
    world_.edit([&](api::Sandbox& sandbox) { sandbox.spec.lifecycle.onExpiry = end; });
    settle();
  }
  Time end() const { return *status().startedAt + ttl; }
  void pass(Duration duration) {
    world_.clock.advance(duration);
    settle();
  }
  // AFTER its end.
  void passEnd(Duration after = {}) { pass(end() + after - world_.clock.now()); }
  // The status of a snapshot of its pod, as the node tells it now.
  json::value taken(const char* phase, const char* reason) const {
    return {{"phase", phase},
            {"podUID", status().podUID},
            {"conditions", json::array{{{"type", "Ready"},
                                        {"status", std::string_view(phase) == "Ready" ? "True" : "False"},
                                        {"reason", reason},
                                        {"message", ""},
                                        {"lastTransitionTime", formatTime(world_.clock.now())}}}}};
  }
  std::string wish() const { return api::freezeWish(world_.pods().at(0)); }
};

}  // namespace cloister::test
