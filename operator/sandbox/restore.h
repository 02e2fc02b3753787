// What spec.restoreFrom means for a Sandbox that has no pod yet. Whether its pod is restored at all is the
// node agent's to decide, when it starts (node/agent/start.h). Pure.
#pragma once

#include "operator/sandbox/plan.h"

namespace cloister::sandbox {

// Why SNAPSHOT, as the API server has it, cannot be restored, or not yet. SPEC is completed.
std::optional<Refusal> refuseRestore(const api::SandboxSpec& spec,
                                     const std::optional<api::SandboxSnapshot>& snapshot);
// How often one that is not there, or not Ready, is looked at again.
inline constexpr Duration snapshotPeriod = seconds(2);

// Makes POD, as podFor() made it, ask for SNAPSHOT, on the node that keeps it.
void restoreFrom(const api::SandboxSnapshot& snapshot, json::value& pod);

}  // namespace cloister::sandbox
