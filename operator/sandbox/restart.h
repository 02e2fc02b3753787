// Whether and when a Sandbox whose pod has ended gets another one. Pure.
//
// The status is the decision: restarts counts one more, and history tells what ended. All else follows from
// the two.
#pragma once

#include "operator/sandbox/plan.h"

namespace cloister::sandbox {

inline bool hasFailed(const Diagnosis& diagnosis) {
  return diagnosis.phase == api::Phase::Failed;
}

// DIAGNOSIS is of a pod that has ended, and POLICY wants another one.
bool isRestarted(std::optional<api::RestartPolicy> policy, const Diagnosis& diagnosis);

// What NEXT, which tells of SANDBOX as it is with POD (null: gone), says instead once the pod's end,
// DIAGNOSIS, has been noticed at NOW, and another one shall follow.
api::SandboxStatus restarted(const api::Sandbox& sandbox, api::SandboxStatus next, const api::Pod* pod,
                             const Diagnosis& diagnosis, Time now);

// NEXT without what it tells of a former pod: phase Pending and Ready=False, WHY and with MESSAGE.
api::SandboxStatus awaitPod(api::SandboxStatus next, std::string_view why, std::string message, Time now);

// The present restart or resume has no pod that was Ready yet, and has not been given up.
bool isToRestart(const api::Sandbox& sandbox);

// From when on the next pod may be made: 10 s after the last end, twice as long for each end before it in a
// row whose pod ran less than 10 min, 5 min at most. As the kubelet does it with containers.
Time restartTime(const std::vector<api::SandboxEnd>& history);

// The time has come. An end later than NOW tells that a clock was put back: nothing is known of the wait
// then.
bool isRestartDue(const api::Sandbox& sandbox, Time now);

// ... and no former pod may still run beside the next one, nor is the view old.
bool mayRestart(const Observed& observed, Time now);

// When to look again at one that may not restart yet.
Time nextLook(const Observed& observed, Time now);

// What OBSERVED's Sandbox, which is to restart and has no pod, waits for.
Diagnosis diagnoseRestart(const Observed& observed, Time now);

}  // namespace cloister::sandbox
