// The heart of the pool controller: what is to be done for one pool, from what is seen of it. Pure.
#pragma once

#include <variant>

#include "operator/pool/view.h"

namespace cloister::pool {

using policy::CreatePolicy;
struct KeepRevision {  // of what it says now
  std::shared_ptr<const api::SandboxTemplate> template_;
};
struct CreatePod {
  std::string name;
  json::value pod;
};
struct DeletePod {
  std::shared_ptr<const api::Pod> pod;  // deleted only if unchanged: a Sandbox may have taken it
};
using Action = std::variant<CreatePolicy, KeepRevision, CreatePod, DeletePod>;

struct Plan {
  std::vector<Action> actions;  // in this order; the first failure ends them
  std::optional<Time> again;    // look again then, even if nothing changes
  // Pods that the namespace's SandboxQuota shall grant, or has granted. Nothing where it counts no pods.
  std::vector<quota::Request> wants = {};
};

// AT: view() of OBSERVED.
Plan plan(const Observed& observed, const View& at, Time now);

// Claims go first: no more than so many pods are created and deleted in a round, and the next comes no
// sooner.
inline constexpr int largestRound = 16;
inline constexpr Duration roundPeriod = milliseconds(200);
// For so long the pool waits for pods in the place of those that were taken before it calls itself not ready.
inline constexpr Duration quietRefill = seconds(10);

}  // namespace cloister::pool
