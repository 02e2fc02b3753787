// Where a Sandbox's spec comes from, and its pod: template and pool. Pure.
#pragma once

#include "operator/sandbox/plan.h"

namespace cloister::sandbox {

// A Sandbox whose spec was completed.
struct Completed {
  api::SandboxSpec spec;
  // Why it cannot be: the template or the pool is missing, or does not let it set what it sets.
  std::optional<Refusal> refusal;
  // What its template said when it was made is lost, or it ended without a pod: it goes on as it is.
  bool lost = false;
};
// POD is the Sandbox's own, if there is one.
Completed complete(const Observed& observed, const api::Pod* pod);

// How a Sandbox that names a pool gets its pod.
struct Start {
  enum class Way { Cold, Adopt, Wait, Fail } way = Way::Cold;
  const Offer* offer = nullptr;                  // Adopt
  policy::NetworkProfile profile;                // that the pod shall have
  const api::SandboxSnapshot* golden = nullptr;  // that it is to begin from, where its node can
  // All others: why no pod of the pool was taken. Empty without a pool.
  std::string_view reason = {};
  std::string message = {};
};
// shapeOf the pod of a Sandbox of which FROM says everything.
std::string plainShape(const api::SandboxTemplate& from, const Config& config);

// What the status of OBSERVED's Sandbox has to say of golden snapshots before START: the node's agent
// believes it alone.
std::optional<api::GoldenStart> goldenToTell(const Observed& observed, const Start& start);

// SPEC and RESOLVED are completed from the present revision, and were not refused.
Start chooseStart(const Observed& observed, const api::SandboxSpec& spec, const Resolved& resolved,
                  const Config& config);

}  // namespace cloister::sandbox
