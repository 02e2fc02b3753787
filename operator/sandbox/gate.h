// What the namespace's SandboxQuota means for one Sandbox. Pure.
#pragma once

#include "operator/sandbox/warm.h"

namespace cloister::sandbox {

// The pod that START would give the Sandbox, where the quota must grant it: none if it need not, or there is
// no quota.
std::optional<quota::Request> requestOf(const Observed& observed, const Start& start,
                                        const Resolved& resolved);

// What the quota has granted for the restart that the Sandbox waits for.
std::optional<quota::Request> requestGranted(const Observed& observed);

// The quota has not granted REQUEST yet.
bool isShut(const Observed& observed, const quota::Request& request);
// What is then told.
Diagnosis diagnoseQueue(const Observed& observed);
// Perhaps another process has told what it waits for, and this one, which would say DIAGNOSIS, does not know
// yet.
bool isToldByAnother(const Observed& observed, const Diagnosis& diagnosis);

// The longest lifetime that the quota allows: as it was when the sandbox started, or as it is.
std::optional<Duration> quotaLifetime(const Observed& observed);

}  // namespace cloister::sandbox
