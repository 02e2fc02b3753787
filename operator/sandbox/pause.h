// A sandbox that stands still, by spec.desiredState. Pure.
//
// The operator asks by an annotation on the pod (api::freezeAnnotation), and the node's agent answers by a
// condition in the pod's status. What the two say together is all that counts.
#pragma once

#include "operator/sandbox/plan.h"

namespace cloister::sandbox {

// What POD shall ask its node for, where that differs from what it asks now: a word never used before for it,
// or nothing. WANTED: it shall stand still.
std::optional<std::string> nextWish(const api::Pod& pod, bool wanted);
// ... when it shall stand still by this very WORD.
std::optional<std::string> nextWish(const api::Pod& pod, const std::string& word);

// POD lives, and its processes stand still.
bool standsStill(const api::Pod& pod);

// STATUS tells that it stands still, and POD does not: it goes on, as its time does, or this POD is older
// than what was told.
bool doubtsStandstill(const api::SandboxStatus& status, const api::Pod& pod);

// Since when a sandbox stands still, and for how long it did before: its ttl does not run then.
struct Standstill {
  std::optional<Time> since;
  Duration total = {};
};
// What STATUS tells so far, brought up to NOW, by the operator's clock and in whole seconds.
Standstill standstillOf(const api::SandboxStatus& status, bool standsStill, Time now);

// What POD, which runs as RUNNING tells, means once it was asked to stand still, or to go on.
Diagnosis diagnosePause(const api::Pod& pod, Diagnosis running);

}  // namespace cloister::sandbox
