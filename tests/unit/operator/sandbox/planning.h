// What tests of the Sandbox's plan have in common.
#pragma once

#include "operator/sandbox/plan.h"
#include "operator/sandbox/reasons.h"
#include "tests/unit/operator/examples.h"

namespace cloister::test {

inline const Config config;

inline sandbox::Plan planAt(const sandbox::Observed& observed, Time now = epoch + seconds(1)) {
  return sandbox::plan(observed, config, now);
}

// SANDBOX once the status of PLAN, if any, was written and read back.
inline api::Sandbox written(api::Sandbox sandbox, const sandbox::Plan& plan) {
  if (plan.status) sandbox.status = *json::decode<api::SandboxStatus>(json::encode(*plan.status));
  return sandbox;
}

inline api::Sandbox running(api::Sandbox sandbox = aSandbox()) {
  return written(sandbox, planAt(seen(sandbox, {ready(podOf(sandbox))})));
}

inline std::string_view readyReason(const api::SandboxStatus& status) {
  const api::Condition* ready = api::findCondition(status.conditions, sandbox::condition::ready);
  return ready == nullptr ? std::string_view() : std::string_view(ready->reason);
}

inline bool isStill(const sandbox::Plan& plan) {
  return plan.actions.empty() && !plan.status && !plan.report;
}

}  // namespace cloister::test
