#include "operator/sandbox/overtime.h"

#include "operator/sandbox/reasons.h"
#include "operator/sandbox/resume.h"
#include "operator/sandbox/situation.h"

namespace cloister::sandbox {
namespace {

Diagnosis unsaved(const std::string& why) {
  return {.phase = api::Phase::Failed,
          .reason = reason::expiredUnsaved,
          .message = "Its time is over, and it could not be saved: " + why + createAgain.data(),
          .problem = true};
}

// Whose end could still be noticed, and has not been decided.
bool isRunning(const Situation& at) {
  return hasBegun(at.sandbox.status) && at.pod != nullptr && !hasPodEnded(*at.pod) &&
         (at.stage == SuspendStage::None || at.stage == SuspendStage::Saving);
}

// From when it was told to stand still until it is ended instead.
Duration longestWait(const Situation& at) {
  const bool waits = api::saysFrozen(*at.pod) || at.observed.checkpointing;
  return waits ? longestAnswer : longestFreeze;
}

// When its node last said that it has done something else with it, and can stop it now. By a clock that was
// put back nothing is known of when that was.
Time lastWord(const Situation& at, Time now) {
  const auto& suspension = at.sandbox.status.suspension;
  const api::PodCondition* frozen = api::findPodCondition(*at.pod, api::frozenCondition);
  Time last = Time::min();
  for (const auto& moment : {suspension ? suspension->startedAt : std::nullopt, at.observed.checkpointed,
                             frozen != nullptr ? frozen->lastTransitionTime : std::nullopt}) {
    if (moment && *moment <= now + longestFreeze) last = std::max(last, *moment);
  }
  return last;
}

}  // namespace

bool isKept(const api::SandboxSpec& spec) {
  return spec.lifecycle.onExpiry.value_or(api::OnExpiry::Delete) != api::OnExpiry::Delete;
}

std::optional<Time> shownTime(const api::SandboxStatus& status, std::optional<Time> stopped) {
  std::optional<Time> latest = stopped;
  if (status.suspension) {
    latest = std::max(latest, status.suspension->startedAt);
    latest = std::max(latest, status.suspension->failedAt);
  }
  const api::Condition* ready = api::findCondition(status.conditions, condition::ready);
  const bool expired = ready != nullptr && ready->reason == reason::expired;
  return expired ? std::max(latest, status.expiresAt) : latest;
}

bool isReached(Time expiry, std::optional<Time> shown, Time now) {
  return now >= expiry || (shown && *shown >= std::chrono::floor<seconds>(expiry));
}

bool seemsOver(const api::SandboxStatus& status, Time now) {
  return status.expiresAt && isReached(*status.expiresAt, shownTime(status, status.pausedAt), now);
}

bool isDeletedAtEnd(const Situation& at) {
  if (at.sandbox.spec.lifecycle.onExpiry != api::OnExpiry::Snapshot) return !isKept(at.sandbox.spec);
  // What could not be saved stays, to tell so.
  if (hasEnded(at.sandbox.status)) return !at.sandbox.status.suspension;
  const auto& snapshot = at.observed.snapshot;
  if (at.stage == SuspendStage::Suspended)
    return snapshotToRelease(at) != nullptr || (snapshot != nullptr && isReleased(at.sandbox, *snapshot));
  return at.stage == SuspendStage::None && !at.begun;
}

bool mayRelease(const api::Sandbox& sandbox, Time now) {
  return suspendStage(sandbox.status) == SuspendStage::Suspended && seemsOver(sandbox.status, now) &&
         sandbox.spec.lifecycle.onExpiry != api::OnExpiry::Suspend;
}

// Its owner may have moved its end meanwhile: then it goes on from there.
std::shared_ptr<const api::SandboxSnapshot> snapshotToRelease(const Situation& at) {
  const auto& snapshot = at.observed.snapshot;
  const bool due = at.overdue && at.sandbox.spec.lifecycle.onExpiry == api::OnExpiry::Snapshot &&
                   at.stage == SuspendStage::Suspended && at.observed.newest;
  return due && !refuseResume(at.sandbox, snapshot.get()) ? snapshot : nullptr;
}

bool isReleased(const api::Sandbox& sandbox, const api::SandboxSnapshot& snapshot) {
  return snapshot.metadata.ownerReferences.empty() && snapshot.metadata.name == api::suspendedAs(sandbox) &&
         snapshot.spec.sandboxRef.name == sandbox.metadata.name && !snapshot.metadata.deletionTimestamp &&
         snapshot.status.phase == api::SnapshotPhase::Ready;
}

std::optional<Diagnosis> diagnoseUnsaved(const Situation& at, Time now) {
  if (!at.overdue || !isRunning(at)) return std::nullopt;
  if (!at.resolved.suspended)
    return unsaved(at.resolved.refusal ? at.resolved.refusal->message + "." : "it is not possible here.");
  const bool decided = at.save.kind == SaveStep::Kind::Begin || at.save.kind == SaveStep::Kind::Done ||
                       at.save.kind == SaveStep::Kind::Failed;
  if (decided) return std::nullopt;
  if (isGivenUp(at.sandbox) && at.stage == SuspendStage::None)
    return unsaved(at.sandbox.status.suspension->message);
  if (const auto limit = freezeLimit(at, now); limit && now >= *limit) {
    return unsaved("the cloister-node on " + at.pod->spec.nodeName + " has not stopped it within " +
                   formatDuration(longestWait(at)) + ".");
  }
  return std::nullopt;
}

std::optional<Time> freezeLimit(const Situation& at, Time now) {
  if (!at.overdue || !isRunning(at) || standsStill(*at.pod)) return std::nullopt;
  return std::max(at.expiresAt, lastWord(at, now)) + longestWait(at);
}

Diagnosis diagnoseUnstarted() {
  return {.phase = api::Phase::Pending,
          .reason = reason::expired,
          .message =
              "Its time was over before it ran. Move its end (lifecycle.ttl, expiresAt, maxLifetime) "
              "into the future to start it, or delete it."};
}

Diagnosis diagnoseOverdue(const Situation& at) {
  const std::string kept = "Its time is over. It has no pod; its memory is kept in the SandboxSnapshot " +
                           api::suspendedAs(at.sandbox);
  const bool goes = at.sandbox.spec.lifecycle.onExpiry == api::OnExpiry::Snapshot;
  return {
      .phase = api::Phase::Suspended,
      .reason = reason::expired,
      .message = kept + (goes ? ", and the Sandbox is deleted."
                              : ". Move its end (lifecycle.ttl, expiresAt, maxLifetime) into the future to "
                                "let it go on.")};
}

std::optional<api::SandboxSuspension> unsavedSuspension(const Situation& at, const Diagnosis& diagnosis,
                                                        Time now) {
  if (!at.overdue || diagnosis.phase != api::Phase::Failed) return std::nullopt;
  return api::SandboxSuspension{.snapshotName = {},
                                .startedAt = {},
                                .failures = {},
                                .failedAt = std::chrono::floor<seconds>(now),
                                .message = diagnosis.message};
}

}  // namespace cloister::sandbox
