// A Sandbox with all that its plan needs. Pure.
#pragma once

#include "operator/sandbox/gate.h"
#include "operator/sandbox/pause.h"
#include "operator/sandbox/plan.h"
#include "operator/sandbox/suspend.h"
#include "operator/sandbox/warm.h"

namespace cloister::sandbox {

struct Situation {
  const Observed& observed;
  const api::Sandbox& sandbox;  // its spec completed
  std::shared_ptr<const api::Pod> pod;
  Resolved resolved;
  policy::NetworkProfile profile;
  std::optional<Time> startedAt;
  Standstill standstill;
  Time expiresAt;
  bool begun = false;                          // the present pod, or what the status tells of it, has run
  bool waits = false;                          // it has no pod, and may not have the next one yet
  bool frozen = false;                         // what runs goes on as it is
  std::optional<Start> start = {};             // it has no pod, and may have one
  std::optional<quota::Request> request = {};  // that START needs the quota's grant for
  std::optional<Duration> quotaLifetime = {};

  bool overdue = false;    // its end has come, and it is to be kept
  bool toSuspend = false;  // therefore, or as its owner wants; whether that can be had is not asked
  SuspendStage stage = SuspendStage::None;
  SaveStep save = {};

  bool queued() const { return request && isShut(observed, *request); }
};

// When time alone makes a difference to AT again.
std::optional<Time> nextTime(const Situation& at, Time now);

// SANDBOX is OBSERVED's, about to be completed.
Situation situationOf(const Observed& observed, api::Sandbox& sandbox, const Config& config, Time now);

}  // namespace cloister::sandbox
