#include "operator/sandbox/suspend.h"

#include "base/hash.h"
#include "operator/owner.h"
#include "operator/sandbox/reasons.h"
#include "operator/sandbox/situation.h"

namespace cloister::sandbox {
namespace {

using Kind = SaveStep::Kind;

constexpr int mostAttempts = 5;
constexpr Duration firstDelay = seconds(30);

std::string nextName(const api::Sandbox& sandbox) {
  const int64_t number = sandbox.status.suspends.value_or(0) + 1;
  return sandbox.metadata.name + "-" +
         shortHash(sandbox.metadata.uid + "/suspend/" + std::to_string(number), 8);
}

int failuresOf(const api::Sandbox& sandbox) {
  return sandbox.status.suspension ? sandbox.status.suspension->failures.value_or(0) : 0;
}

// At its end it is tried anew, whatever failed before: what has failed since its end stands still.
bool isFirstAtEnd(const Situation& at) {
  return at.overdue && at.pod != nullptr && api::freezeWish(*at.pod).empty();
}

bool mayTry(const Situation& at, Time now) {
  if (failuresOf(at.sandbox) == 0 || isFirstAtEnd(at)) return true;
  const auto& failedAt = at.sandbox.status.suspension->failedAt;
  if (at.overdue && (!failedAt || *failedAt < std::chrono::floor<seconds>(at.expiresAt))) return true;
  const auto time = retryTime(at.sandbox);
  return time && now >= *time;
}

// POD is the one that the status tells of, and lives.
bool isToBeSaved(const api::Sandbox& sandbox, const api::Pod* pod) {
  return pod != nullptr && pod->metadata.uid == sandbox.status.podUID && pod->status.phase == "Running" &&
         !pod->metadata.deletionTimestamp;
}

const api::Condition* readyOf(const api::SandboxSnapshot& snapshot) {
  return api::findCondition(snapshot.status.conditions, api::snapshot::ready);
}

bool isUsable(const api::Sandbox& sandbox, const api::SandboxSnapshot& snapshot) {
  return isOwn(sandbox, snapshot) && snapshot.metadata.name == api::suspendedAs(sandbox) &&
         !snapshot.metadata.deletionTimestamp && snapshot.status.phase == api::SnapshotPhase::Ready &&
         snapshot.status.podUID == sandbox.status.podUID;
}

// As the API server itself has the two. The pod may be on its way out: since it answered it has made no step.
bool isSaved(const api::Sandbox& sandbox, const std::optional<LiveSave>& live) {
  return live && isUsable(sandbox, live->snapshot) && live->pod.metadata.uid == sandbox.status.podUID &&
         api::freezeWish(live->pod) == api::suspendedAs(sandbox) && api::isFrozen(live->pod);
}

SaveStep failed(std::string message, bool final = false) {
  return {.kind = Kind::Failed, .message = std::move(message), .final = final};
}

// The pod stands still for SNAPSHOT (null: not there yet).
SaveStep stepWith(const api::Sandbox& sandbox, const api::SandboxSnapshot* snapshot,
                  const std::optional<Error>& failure) {
  if (failure && failure->reason == reason::suspendFailed) return failed(failure->message);
  if (snapshot == nullptr) return {.kind = Kind::Take};
  const std::string named = "The SandboxSnapshot " + snapshot->metadata.name;
  if (!isOwn(sandbox, *snapshot)) return failed(named + " exists and belongs to somebody else.");
  if (snapshot->metadata.deletionTimestamp) return failed(named + " was deleted.");
  if (snapshot->status.phase == api::SnapshotPhase::Ready && !isUsable(sandbox, *snapshot))
    return failed(named + " is of another pod.");
  const api::Condition* ready = readyOf(*snapshot);
  if (ready == nullptr) return {};
  const bool final = ready->reason == api::snapshot::unsupported;
  // The node would try again by itself, and the sandbox stand still meanwhile.
  const bool gaveUp = snapshot->status.phase == api::SnapshotPhase::Failed ||
                      ready->reason == api::snapshot::retrying || ready->reason == api::snapshot::noNodeAgent;
  return gaveUp ? failed(excerpt(ready->message), final) : SaveStep{};
}

std::string failureMessage(const api::Sandbox& sandbox, const std::string& state) {
  const auto time = retryTime(sandbox);
  return state + " could not be suspended: " + sandbox.status.suspension->message +
         (time ? " It is tried again at " + formatTime(*time) + "."
               : " It is not tried again until desiredState is set to Running and to Suspended anew.");
}

}  // namespace

SuspendStage suspendStage(const api::SandboxStatus& status) {
  if (status.phase == api::Phase::Suspended) return SuspendStage::Suspended;
  if (!status.suspension || status.suspension->snapshotName.empty() || hasEnded(status))
    return SuspendStage::None;
  return hasBegun(status) ? SuspendStage::Saving : SuspendStage::Resuming;
}

SaveStep nextSave(const Situation& at, Time now) {
  const api::Sandbox& sandbox = at.sandbox;
  const bool over = at.stage == SuspendStage::Suspended || at.stage == SuspendStage::Resuming;
  if (over || (at.frozen && !at.overdue) || !hasBegun(sandbox.status) || hasEnded(sandbox.status)) return {};
  if (at.stage == SuspendStage::None) {
    const bool begins = at.resolved.suspended && isToBeSaved(sandbox, at.pod.get()) && mayTry(at, now);
    return {.kind = begins ? Kind::Begin : Kind::None};
  }
  if (!at.resolved.suspended) return {.kind = Kind::Abandon};
  if (isSaved(sandbox, at.observed.live)) return {.kind = Kind::Done};
  if (at.pod == nullptr) return {};
  const bool asks = api::freezeWish(*at.pod) == api::suspendedAs(sandbox);
  // Somebody has let it go on since it stood still for this snapshot.
  const bool moved = !asks && at.observed.snapshot != nullptr && isOwn(sandbox, *at.observed.snapshot);
  if (moved) return {.kind = isToBeSaved(sandbox, at.pod.get()) ? Kind::Begin : Kind::None};
  if (!asks || !standsStill(*at.pod)) return {};
  return stepWith(sandbox, at.observed.snapshot.get(), at.observed.failure);
}

bool endsAttempt(const SaveStep& step) {
  return step.kind == Kind::Begin || step.kind == Kind::Failed || step.kind == Kind::Abandon;
}

std::optional<api::SandboxSuspension> nextSuspension(const Situation& at, Time now) {
  const std::optional<api::SandboxSuspension>& present = at.sandbox.status.suspension;
  if ((at.frozen && !at.overdue) || at.stage == SuspendStage::Suspended) return present;
  if (at.stage == SuspendStage::Resuming) return at.begun ? std::nullopt : present;
  api::SandboxSuspension next = present.value_or(api::SandboxSuspension());
  // What is done because its end has come is not done before it, by a clock that is behind either.
  const Time moment = std::chrono::floor<seconds>(at.overdue ? std::max(now, at.expiresAt) : now);
  switch (at.save.kind) {
    case Kind::Begin:
      next.snapshotName = nextName(at.sandbox);
      if (isFirstAtEnd(at)) next.failures.reset();
      next.startedAt = moment;
      return next;
    case Kind::Failed:
      return api::SandboxSuspension{.snapshotName = {},
                                    .startedAt = {},
                                    .failures = at.save.final ? mostAttempts : failuresOf(at.sandbox) + 1,
                                    .failedAt = moment,
                                    .message = at.save.message};
    case Kind::Abandon:
      return std::nullopt;
    default:
      return at.resolved.suspended ? present : std::nullopt;
  }
}

bool isGivenUp(const api::Sandbox& sandbox) {
  return failuresOf(sandbox) >= mostAttempts;
}

std::optional<Time> retryTime(const api::Sandbox& sandbox) {
  const int failures = failuresOf(sandbox);
  if (failures == 0 || isGivenUp(sandbox)) return std::nullopt;
  return sandbox.status.suspension->failedAt.value_or(Time{}) + firstDelay * (1 << (failures - 1));
}

json::value snapshotFor(const api::Sandbox& sandbox) {
  return {{"apiVersion", api::apiVersion},
          {"kind", "SandboxSnapshot"},
          {"metadata",
           {{"name", api::suspendedAs(sandbox)},
            {"namespace", sandbox.metadata.namespace_},
            {"labels", {{api::managedByLabel, api::managedBy}, {api::sandboxLabel, sandbox.metadata.name}}},
            {"ownerReferences", json::array{json::encode(ownerReference(sandbox.metadata, "Sandbox"))}}}},
          {"spec", {{"sandboxRef", {{"name", sandbox.metadata.name}}}}}};
}

bool isOwn(const api::Sandbox& sandbox, const api::SandboxSnapshot& snapshot) {
  const api::OwnerReference* owner = api::controllerOf(snapshot.metadata);
  return owner != nullptr && api::isSandbox(*owner) && owner->uid == sandbox.metadata.uid &&
         snapshot.spec.sandboxRef.name == sandbox.metadata.name;
}

bool isToSave(const api::Sandbox& sandbox, std::string_view wish) {
  return wish.starts_with(sandbox.metadata.name + "-");
}

bool isUnnamedWish(const api::Sandbox& sandbox, const api::Pod& pod) {
  const std::string wish = api::freezeWish(pod);
  return isToSave(sandbox, wish) && wish != api::suspendedAs(sandbox);
}

bool seemsSaved(const Observed& observed) {
  const api::Sandbox& sandbox = *observed.sandbox;
  return suspendStage(sandbox.status) == SuspendStage::Saving && observed.snapshot != nullptr &&
         isUsable(sandbox, *observed.snapshot);
}

std::vector<std::shared_ptr<const api::SandboxSnapshot>> unnamed(const Observed& observed) {
  std::vector<std::shared_ptr<const api::SandboxSnapshot>> found;
  for (const auto& snapshot : observed.ownSnapshots) {
    if (snapshot->metadata.name != api::suspendedAs(*observed.sandbox) &&
        !snapshot->metadata.deletionTimestamp)
      found.push_back(snapshot);
  }
  return found;
}

Diagnosis diagnoseSaving(const Situation& at, Diagnosis paused) {
  if (paused.problem || !at.resolved.suspended) return paused;
  const std::string over = at.overdue ? "Its time is over. " : "";
  const bool failed = at.stage == SuspendStage::None && failuresOf(at.sandbox) > 0;
  if (paused.reason == reason::paused && at.stage == SuspendStage::Saving) {
    paused.reason = reason::suspending;
    paused.message = over + "It stands still, and its memory is saved in the SandboxSnapshot " +
                     api::suspendedAs(at.sandbox) + ".";
  } else if (failed && paused.reason == (at.overdue ? reason::paused : reason::running)) {
    paused.reason = reason::suspendFailed;
    paused.message =
        failureMessage(at.sandbox, over + (at.overdue ? "It stands still, and" : "It runs, as it"));
    paused.problem = true;
  } else if (at.overdue && paused.reason == reason::paused) {
    paused.message = over + "It is stopped, to be saved.";
  }
  return paused;
}

}  // namespace cloister::sandbox
