// A sandbox whose memory is saved in a SandboxSnapshot of the operator's own, and whose pod is then deleted,
// by spec.desiredState. Pure. The order of the writes, and why it is safe: docs/decisions/0014-suspend.md.
#pragma once

#include "operator/sandbox/plan.h"

namespace cloister::sandbox {

struct Situation;

// What status.suspension is about.
enum class SuspendStage {
  None,       // nothing, or an attempt that failed
  Saving,     // its pod stands still, or shall, and is saved
  Suspended,  // it is saved, and has no pod or one that goes
  Resuming    // another pod shall continue, and has not run yet
};
SuspendStage suspendStage(const api::SandboxStatus& status);

// The next step of saving it.
struct SaveStep {
  enum class Kind {
    None,     // as it is, or as its pod is told
    Begin,    // an attempt, with a new name
    Take,     // the snapshot is to be created
    Done,     // the Sandbox is suspended with this plan's status
    Failed,   // this attempt
    Abandon,  // its owner wants it no more
  };
  Kind kind = Kind::None;
  std::string message = {};  // of Failed: why
  bool final = false;        // ... and another attempt would fail as well
};
SaveStep nextSave(const Situation& at, Time now);
// The name that the attempt has had is given up with this plan's status.
bool endsAttempt(const SaveStep& step);

// status.suspension after that step.
std::optional<api::SandboxSuspension> nextSuspension(const Situation& at, Time now);

// No further attempt is made.
bool isGivenUp(const api::Sandbox& sandbox);
// When another attempt may be made: 30 s after the first that failed, twice as long after each further one.
// None: at once, or not any more, after 5 of them.
std::optional<Time> retryTime(const api::Sandbox& sandbox);

// The snapshot that AT's Sandbox, at stage Saving, is saved as.
json::value snapshotFor(const api::Sandbox& sandbox);

// The operator made SNAPSHOT to save SANDBOX.
bool isOwn(const api::Sandbox& sandbox, const api::SandboxSnapshot& snapshot);

// WISH, of a pod of SANDBOX, was made to save it, and not to pause it.
bool isToSave(const api::Sandbox& sandbox, std::string_view wish);
// ... of POD, by an attempt that SANDBOX's status does not tell of any more.
bool isUnnamedWish(const api::Sandbox& sandbox, const api::Pod& pod);

// The snapshot is there and the pod stands still, as far as the stores know: time to ask for Observed::live.
bool seemsSaved(const Observed& observed);

// Snapshots of ours that the Sandbox's status does not name.
std::vector<std::shared_ptr<const api::SandboxSnapshot>> unnamed(const Observed& observed);

// What PAUSED, by diagnosePause(), means for one that is to be suspended, maybe since its time is over.
Diagnosis diagnoseSaving(const Situation& at, Diagnosis paused);

}  // namespace cloister::sandbox
