// Snapshots of a running sandbox every so often, and how many of them stay: spec.snapshotSchedule. Pure.
#pragma once

#include "operator/sandbox/plan.h"

namespace cloister::sandbox {

struct Situation;

// How many stay where the spec does not say.
constexpr int defaultKeep = 3;
// None is taken in the last EVERY, or in the last so much if that is less, before an end at which the sandbox
// is saved.
constexpr Duration nearItsEnd = std::chrono::minutes(5);
// A refused one is tried again so often.
constexpr Duration scheduleRetry = std::chrono::minutes(1);

struct ScheduleStep {
  std::optional<Time> take = {};                                      // the moment that one is due for
  std::vector<std::shared_ptr<const api::SandboxSnapshot>> old = {};  // to be deleted
  std::optional<Time> again = {};                                     // the next moment
};
// Moments are whole multiples of `every` since the Sandbox was created, so that all replicas, whatever they
// have seen, mean the same one. Those that were missed are not made up for.
ScheduleStep nextScheduled(const Situation& at, Time now);

// The SandboxSnapshot of SANDBOX that is due at DUE. It goes when the Sandbox does.
json::value scheduledSnapshot(const api::Sandbox& sandbox, Time due);

}  // namespace cloister::sandbox
