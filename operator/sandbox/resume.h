// A suspended sandbox that goes on, in another pod. Pure.
//
// The status is the decision: resumes counts one more. Everything else is as with any start, but that the pod
// continues from the snapshot in status.suspension.
#pragma once

#include "operator/sandbox/suspend.h"

namespace cloister::sandbox {

// Its owner wants it suspended; whether that can be had is not asked.
bool wantsSuspended(const api::SandboxSpec& spec);

// Nothing of it is lost if there is no pod: ask for that before deciding anything.
bool needsNoPod(const api::Sandbox& sandbox, Time now);
// Its snapshot has to be there, and the store lacks it: it may merely lag.
bool needsSnapshot(const Observed& observed);

// Why SNAPSHOT (null: there is none), in which SANDBOX is kept, can't be continued from.
std::optional<Refusal> refuseResume(const api::Sandbox& sandbox, const api::SandboxSnapshot* snapshot);

// AT's Sandbox, suspended, goes on with this plan's status.
bool goesOn(const Situation& at);
// ... is suspended with this plan's status, or stays so.
bool isSuspended(const Situation& at);

// What NEXT, of a suspended Sandbox, says instead once another pod shall continue.
api::SandboxStatus resumed(api::SandboxStatus next, Time now);

// Of one that isSuspended().
Diagnosis diagnoseSuspended(const Situation& at);

}  // namespace cloister::sandbox
