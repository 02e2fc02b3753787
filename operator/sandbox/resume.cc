#include "operator/sandbox/resume.h"

#include "operator/sandbox/overtime.h"
#include "operator/sandbox/reasons.h"
#include "operator/sandbox/restart.h"
#include "operator/sandbox/situation.h"

namespace cloister::sandbox {
namespace {

// The API server has none, either.
bool hasNoPod(const Situation& at) {
  return at.pod == nullptr && at.observed.podConfirmedGone;
}

// It had begun to go on, no pod has come of it, and its owner wants it no more.
bool goesBack(const Situation& at) {
  return at.stage == SuspendStage::Resuming && at.resolved.suspended && hasNoPod(at);
}

Diagnosis suspended(std::string_view why, std::string message, bool problem = false) {
  return {.phase = api::Phase::Suspended, .reason = why, .message = std::move(message), .problem = problem};
}

}  // namespace

bool wantsSuspended(const api::SandboxSpec& spec) {
  return spec.desiredState == api::DesiredState::Suspended;
}

bool needsNoPod(const api::Sandbox& sandbox, Time now) {
  const SuspendStage stage = suspendStage(sandbox.status);
  const bool over = isKept(sandbox.spec) && seemsOver(sandbox.status, now);
  const bool stays = wantsSuspended(sandbox.spec) || over;
  return stays ? stage == SuspendStage::Resuming : stage == SuspendStage::Suspended;
}

bool needsSnapshot(const Observed& observed) {
  const SuspendStage stage = suspendStage(observed.sandbox->status);
  return (stage == SuspendStage::Suspended || stage == SuspendStage::Resuming) &&
         observed.snapshot == nullptr && !api::suspendedAs(*observed.sandbox).empty();
}

std::optional<Refusal> refuseResume(const api::Sandbox& sandbox, const api::SandboxSnapshot* snapshot) {
  const auto lost = [&](const std::string& why) {
    return Refusal{reason::snapshotLost, "Its memory was kept in the SandboxSnapshot " +
                                             api::suspendedAs(sandbox) + ", which " + why +
                                             ". It can't go on: delete the Sandbox, and create another one."};
  };
  const bool named = snapshot != nullptr && snapshot->metadata.name == api::suspendedAs(sandbox);
  if (!named || snapshot->metadata.deletionTimestamp) return lost("is gone");
  if (isReleased(sandbox, *snapshot)) {
    return Refusal{reason::snapshotLost,
                   "Its end was moved after its memory had been handed over: create another Sandbox, with "
                   "restoreFrom " +
                       snapshot->metadata.name + ", and delete this one."};
  }
  if (!isOwn(sandbox, *snapshot)) return lost("belongs to somebody else");
  if (snapshot->status.phase == api::SnapshotPhase::Ready) return std::nullopt;
  const api::Condition* ready = api::findCondition(snapshot->status.conditions, api::snapshot::ready);
  return lost("has failed" + (ready != nullptr ? " (" + excerpt(ready->message) + ")" : ""));
}

bool goesOn(const Situation& at) {
  return at.stage == SuspendStage::Suspended && !at.toSuspend && !at.resolved.refusal && hasNoPod(at);
}

bool isSuspended(const Situation& at) {
  return at.stage == SuspendStage::Suspended || at.save.kind == SaveStep::Kind::Done || goesBack(at);
}

api::SandboxStatus resumed(api::SandboxStatus next, Time now) {
  next.resumes = next.resumes.value_or(0) + 1;
  const std::string name = next.suspension->snapshotName;
  return awaitPod(std::move(next), reason::resuming,
                  "Another pod follows, which continues from the SandboxSnapshot " + name + ".", now);
}

Diagnosis diagnoseSuspended(const Situation& at) {
  const bool leaves = !at.toSuspend;
  if (at.resolved.refusal && (leaves || at.resolved.refusal->reason == reason::snapshotLost))
    return suspended(at.resolved.refusal->reason, at.resolved.refusal->message, true);
  if (leaves && at.pod != nullptr)
    return suspended(reason::resuming,
                     "It goes on once its former pod " + at.pod->metadata.name + " is gone.");
  if (at.overdue) return diagnoseOverdue(at);
  return suspended(reason::suspended, "It has no pod; its memory is kept in the SandboxSnapshot " +
                                          api::suspendedAs(at.sandbox) +
                                          ". Let it go on with desiredState Running.");
}

}  // namespace cloister::sandbox
