// What spec.restoreFrom means for a Sandbox that has no pod yet. Whether its pod is restored at all is the
// node agent's to decide, when it starts (node/agent/start.h). Pure.
#pragma once

#include "operator/sandbox/plan.h"

namespace cloister::sandbox {

// Why SNAPSHOT (null: there is none) cannot be restored, or not yet. SPEC is completed, and POOL is what it
// may take a pod of (null: none).
std::optional<Refusal> refuseRestore(const api::SandboxSpec& spec, const api::SandboxSnapshot* snapshot,
                                     const api::SandboxPool* pool);

// Makes POD, as podFor() made it of SANDBOX, completed, ask for SNAPSHOT with the image that it has: on the
// node that keeps it; or, once it is stored elsewhere, too, on any with an agent, and rather on that one.
void restoreFrom(const api::Sandbox& sandbox, const api::SandboxSnapshot& snapshot,
                 const SnapshotsConfig& config, json::value& pod);

// Makes POD ask for the golden SNAPSHOT with the very image that it has, rather on the node that keeps it:
// elsewhere it starts as any other.
void beginFrom(const api::SandboxSnapshot& snapshot, json::value& pod);

}  // namespace cloister::sandbox
