#include "operator/sandbox/schedule.h"

#include "base/hash.h"
#include "operator/owner.h"
#include "operator/sandbox/overtime.h"
#include "operator/sandbox/situation.h"

namespace cloister::sandbox {
namespace {

using Snapshots = std::vector<std::shared_ptr<const api::SandboxSnapshot>>;

bool isReady(const api::SandboxSnapshot& snapshot) {
  return snapshot.status.phase == api::SnapshotPhase::Ready;
}

bool isOpen(const api::SandboxSnapshot& snapshot) {
  return !isReady(snapshot) && snapshot.status.phase != api::SnapshotPhase::Failed;
}

// Its pod, as it runs by itself: what stands still is the same as before, or is being saved already.
bool isRunning(const Situation& at) {
  return at.pod != nullptr && at.begun && !hasEnded(at.sandbox.status) && !at.frozen &&
         at.pod->status.phase == "Running" && !at.pod->metadata.deletionTimestamp &&
         at.stage == SuspendStage::None && !at.resolved.refusal && !at.resolved.paused &&
         !at.resolved.suspended && !standsStill(*at.pod);
}

// The last moment that has come; none before the first.
std::optional<Time> lastMoment(const api::Sandbox& sandbox, Duration every, Time now) {
  const Duration age = now - sandbox.metadata.creationTimestamp;
  if (age < every) return std::nullopt;
  // As it is told: in whole seconds.
  return std::chrono::floor<seconds>(sandbox.metadata.creationTimestamp + every * (age / every));
}

bool isDue(const Situation& at, Time moment, Time now) {
  // What has run for no time has nothing to be saved.
  if (!at.startedAt || moment <= *at.startedAt) return false;
  return std::ranges::none_of(at.observed.scheduled, [&](const auto& snapshot) {
    const Time taken = *api::scheduledFor(*snapshot);
    // Who may label snapshots may not put its schedule off with a moment to come.
    return isOpen(*snapshot) || (taken >= moment && taken <= std::max(now, moment));
  });
}

// What is saved at its end is not saved right before it: the node does one after the other, and its end would
// wait.
bool isNearItsEnd(const Situation& at, Duration every, Time now) {
  return isKept(at.sandbox.spec) && now + std::min(every, nearItsEnd) >= at.expiresAt;
}

// The newest KEEP that can be restored stay, and what is WANTED; of those that failed the last one, until a
// newer is ready.
Snapshots beyond(Snapshots scheduled, const std::set<std::string>& wanted, int keep) {
  std::ranges::sort(scheduled, std::greater(), [](const auto& each) { return api::scheduledFor(*each); });
  Snapshots old;
  int ready = 0;
  int failed = 0;
  for (const auto& snapshot : scheduled) {
    if (isOpen(*snapshot)) continue;
    const bool stays = isReady(*snapshot) ? ++ready <= keep : ready == 0 && ++failed == 1;
    if (!stays && !wanted.contains(snapshot->metadata.name) && !snapshot->metadata.deletionTimestamp)
      old.push_back(snapshot);
  }
  return old;
}

}  // namespace

ScheduleStep nextScheduled(const Situation& at, Time now) {
  const auto& schedule = at.sandbox.spec.snapshotSchedule;
  if (!schedule) return {};
  ScheduleStep step{
      .old = beyond(at.observed.scheduled, at.observed.wanted, schedule->keep.value_or(defaultKeep))};
  if (!isRunning(at)) return step;
  const auto moment = lastMoment(at.sandbox, schedule->every, now);
  if (moment && isDue(at, *moment, now) && !isNearItsEnd(at, schedule->every, now)) step.take = moment;
  step.again = moment.value_or(at.sandbox.metadata.creationTimestamp) + schedule->every;
  return step;
}

json::value scheduledSnapshot(const api::Sandbox& sandbox, Time due) {
  const std::string moment = formatTime(due);
  api::OwnerReference owner = ownerReference(sandbox.metadata, "Sandbox");
  // Its controller is who suspends it.
  owner.controller = false;
  return {
      {"apiVersion", api::apiVersion},
      {"kind", "SandboxSnapshot"},
      {"metadata",
       {{"name", sandbox.metadata.name + "-" + shortHash(sandbox.metadata.uid + "/schedule/" + moment, 8)},
        {"namespace", sandbox.metadata.namespace_},
        {"labels", {{api::managedByLabel, api::managedBy}, {api::sandboxLabel, sandbox.metadata.name}}},
        {"annotations", {{api::scheduledForAnnotation, moment}}},
        {"ownerReferences", json::array{json::encode(owner)}}}},
      {"spec", {{"sandboxRef", {{"name", sandbox.metadata.name}}}}}};
}

}  // namespace cloister::sandbox
