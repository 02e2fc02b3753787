// What becomes of a Sandbox at its end, where spec.lifecycle.onExpiry wants it kept. Pure.
//
// It is suspended (operator/sandbox/suspend.h), whatever its desiredState; with Snapshot its snapshot is then
// released, and the Sandbox deleted. The order and the bounds: docs/decisions/0014-suspend.md.
#pragma once

#include "operator/sandbox/plan.h"

namespace cloister::sandbox {

struct Situation;

// What is to be saved stands still so long after its end, or after its saving was begun if that was later: it
// is ended otherwise.
inline constexpr Duration longestFreeze = seconds(30);
// ... and so long if it stood still before, for something else: it makes no step while its node's agent is
// away; or if a snapshot of it is being taken: the node stops it after that.
inline constexpr Duration longestAnswer = std::chrono::minutes(10);

// What runs at the end of SPEC's sandbox is to be saved.
bool isKept(const api::SandboxSpec& spec);

// The latest that a clock has shown to whoever wrote STATUS, or stopped the sandbox, at STOPPED: what was
// over by that clock stays so for a replica whose clock is behind it. None: nothing is told.
std::optional<Time> shownTime(const api::SandboxStatus& status, std::optional<Time> stopped);
// EXPIRY has come, by a clock that shows NOW, or by another that has SHOWN it before.
bool isReached(Time expiry, std::optional<Time> shown, Time now);
// ... as STATUS tells, which may be older than the spec.
bool seemsOver(const api::SandboxStatus& status, Time now);

// AT's Sandbox, whose end has come, is deleted now: there is nothing left to save of it.
bool isDeletedAtEnd(const Situation& at);
// The snapshot that is to outlive AT's Sandbox, until it is released; or null.
std::shared_ptr<const api::SandboxSnapshot> snapshotToRelease(const Situation& at);
// SANDBOX, as the stores have it, may have one: it has to be the newest then.
bool mayRelease(const api::Sandbox& sandbox, Time now);
// SNAPSHOT, which SANDBOX's status names, is nobody's any more.
bool isReleased(const api::Sandbox& sandbox, const api::SandboxSnapshot& snapshot);

// Of one that is overdue and runs: why it ends now, unsaved.
std::optional<Diagnosis> diagnoseUnsaved(const Situation& at, Time now);
// When that is to be asked again.
std::optional<Time> freezeLimit(const Situation& at, Time now);
// Of one that is overdue and has not run.
Diagnosis diagnoseUnstarted();
// Of one that is overdue and suspended.
Diagnosis diagnoseOverdue(const Situation& at);

// status.suspension of one that is overdue and ends with DIAGNOSIS.
std::optional<api::SandboxSuspension> unsavedSuspension(const Situation& at, const Diagnosis& diagnosis,
                                                        Time now);

}  // namespace cloister::sandbox
