#include "operator/sandbox/situation.h"

#include "operator/sandbox/expiry.h"
#include "operator/sandbox/overtime.h"
#include "operator/sandbox/own.h"
#include "operator/sandbox/reasons.h"
#include "operator/sandbox/restart.h"
#include "operator/sandbox/restore.h"
#include "operator/sandbox/resume.h"
#include "operator/sandbox/status.h"

namespace cloister::sandbox {
namespace {

std::optional<Refusal> refusalOfFrozen(const Observed& observed, const Completed& whole) {
  if (!observed.sandbox->unreadable.empty()) {
    return Refusal{reason::unreadable,
                   "This version cannot read the object: " + observed.sandbox->unreadable + ". Correct it."};
  }
  const std::string pinned = pinnedRevision(*observed.sandbox, ownPod(observed).get());
  if (!whole.lost || pinned.empty()) return std::nullopt;
  return Refusal{
      reason::templateNotFound,
      "The ControllerRevision \"" + pinned +
          "\", from which the sandbox was made, is gone: it goes on as it is, to status.expiresAt, and "
          "changes of its spec have no effect."};
}

// AT's of a Sandbox whose template's ttl and maximal lifetime are lost: what was told of them stays. Before
// the first start no ttl was part of that: then it is the Sandbox's own, or the default.
Time expiryWhenLost(const Situation& at) {
  const api::SandboxStatus& status = at.sandbox.status;
  if (!status.expiresAt) return at.expiresAt;
  if (status.startedAt || !at.startedAt) return *status.expiresAt;
  return std::min(*status.expiresAt, *at.startedAt + at.resolved.ttl);
}

// Of one that is kept in a snapshot, or of one that shall begin.
std::optional<Refusal> refusalOfSnapshot(const Situation& at, bool begins, const Config& config) {
  const Observed& observed = at.observed;
  if (at.stage == SuspendStage::Suspended || at.stage == SuspendStage::Resuming) {
    if (at.stage == SuspendStage::Resuming && at.pod != nullptr) return std::nullopt;
    if (!config.snapshots.enabled) {
      return Refusal{reason::unsupported,
                     "It is suspended, and snapshots are not available on this cluster any more: ask the "
                     "administrator to run cloister-node and set snapshots.enabled"};
    }
    return refuseResume(at.sandbox, observed.snapshot.get());
  }
  return begins && at.sandbox.spec.restoreFrom
             ? refuseRestore(at.sandbox.spec, observed.snapshot.get(), observed.pool.get())
             : std::nullopt;
}

// Its processes make no step, wherever its memory is.
bool isStill(const Situation& at) {
  return (at.pod != nullptr && standsStill(*at.pod)) || at.stage == SuspendStage::Suspended ||
         (at.stage == SuspendStage::Resuming && !at.begun);
}

// What it shall be now, by its desiredState and its end.
void setAim(Situation& at, Time now) {
  const api::SandboxSpec& spec = at.sandbox.spec;
  const auto shown = shownTime(at.sandbox.status, at.standstill.since);
  at.overdue = isKept(spec) && isReached(at.expiresAt, shown, now);
  at.toSuspend = at.overdue || wantsSuspended(spec);
  if (at.overdue) at.resolved.suspended = at.resolved.savable;
}

}  // namespace

Situation situationOf(const Observed& observed, api::Sandbox& sandbox, const Config& config, Time now) {
  auto pod = ownPod(observed);
  Completed whole = complete(observed, pod.get());
  sandbox.spec = std::move(whole.spec);
  Situation at{.observed = observed,
               .sandbox = sandbox,
               .pod = std::move(pod),
               .resolved = resolve(sandbox.spec, config),
               .profile = policy::networkProfile(sandbox.spec.network, config.network),
               .startedAt = {},
               .standstill = {},
               .expiresAt = {}};
  if (whole.refusal) at.resolved.refusal = std::move(whole.refusal);
  at.frozen = whole.lost || !observed.sandbox->unreadable.empty();
  if (auto refusal = refusalOfFrozen(observed, whole)) at.resolved.refusal = std::move(refusal);
  at.startedAt = firstReady(sandbox, at.pod.get());
  at.quotaLifetime = quotaLifetime(observed);
  if (at.quotaLifetime) at.resolved.maxLifetime = std::min(at.resolved.maxLifetime, *at.quotaLifetime);
  at.begun = hasBegun(sandbox.status) || (at.pod != nullptr && hasRun(sandbox, *at.pod));
  at.stage = suspendStage(sandbox.status);
  // Of one that is on its way out nothing more is told: its time goes on, or stands still, as was told last.
  const bool still = sandbox.metadata.deletionTimestamp ? sandbox.status.pausedAt.has_value() : isStill(at);
  at.standstill = standstillOf(sandbox.status, still, now);
  at.expiresAt = expiryOf(sandbox, at.resolved, at.startedAt, at.standstill);
  if (whole.lost) at.expiresAt = expiryWhenLost(at);
  setAim(at, now);
  // A sandbox that once ran is not started again behind its owner's back: its memory and files are gone.
  const bool over = at.begun || hasEnded(sandbox.status);
  at.waits = at.pod == nullptr && isToRestart(sandbox) && !(observed.newest && mayRestart(observed, now));
  const bool stays = at.overdue || (at.stage == SuspendStage::Resuming && at.toSuspend);
  const bool begins = at.pod == nullptr && !at.resolved.refusal && !over && !at.waits && !stays;
  if (!at.resolved.refusal) at.resolved.refusal = refusalOfSnapshot(at, begins, config);
  if (begins && !at.resolved.refusal) {
    at.start = chooseStart(observed, sandbox.spec, at.resolved, config);
    at.request = requestOf(observed, *at.start, at.resolved);
  }
  at.save = nextSave(at, now);
  return at;
}

std::optional<Time> nextTime(const Situation& at, Time now) {
  std::optional<Time> next;
  const auto consider = [&](std::optional<Time> one) {
    if (one && *one > now) next = std::min(next.value_or(*one), *one);
  };
  consider(at.expiresAt);
  if (at.waits && !at.overdue) consider(nextLook(at.observed, now));
  if (at.resolved.suspended) consider(retryTime(at.sandbox));
  consider(freezeLimit(at, now));
  // The end of a snapshot that somebody else asked for brings nothing back here.
  if (at.overdue && at.observed.checkpointing) consider(now + longestFreeze);
  return next;
}

}  // namespace cloister::sandbox
