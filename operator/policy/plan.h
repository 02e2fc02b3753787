// What is to be done for one of our NetworkPolicies. Pure.
//
// The Sandbox controller creates policies before the pods that need them. This one keeps them: it repairs
// what somebody changed or deleted while pods rely on it, and removes profiles that nothing has used for a
// while.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/core.h"
#include "operator/policy/profile.h"

namespace cloister::policy {

constexpr Duration unusedGrace = std::chrono::minutes(10);
// Nobody tells when a policy is awaited no more: it is looked at this often.
constexpr Duration awaitedPeriod = std::chrono::minutes(1);

struct Observed {
  std::string name;                                  // the policy's
  std::shared_ptr<const api::NetworkPolicy> policy;  // null: there is none
  bool used = false;     // a pod carries its label (default-deny: any sandbox pod)
  bool awaited = false;  // unused, but a Sandbox that may get a pod yet asks for it, or a pool does
  // Since this process first saw it neither used nor awaited, on a clock that never jumps.
  Duration unusedFor = {};
  std::optional<json::object> wanted = {};  // its spec if it is not that, and a pod that uses it tells
};

enum class Step {
  Nothing,
  Create,  // with Observed::wanted
  Repair,  // put Observed::wanted in place of the present spec
  Delete,  // if unchanged since
};

struct Plan {
  Step step = Step::Nothing;
  std::optional<Time> again = {};
};

Plan plan(const Observed& observed, Time now);

}  // namespace cloister::policy
