// What the operator does for one SandboxSnapshot: it says why no node takes it, ends what a lost node cannot
// end, and deletes what has expired. The status is the operator's until a node's agent claims the snapshot
// (status.nodeName), and that agent's from then on (node/agent/plan.h), but for its loss. Pure.
#pragma once

#include <memory>

#include "api/core.h"
#include "api/snapshot.h"
#include "operator/config.h"
#include "operator/sandbox/plan.h"

namespace cloister::snapshot {

// A node's agent claims within a second what it can take.
constexpr Duration claimGrace = seconds(30);
// A Node that registers itself anew has lost nothing.
constexpr Duration nodeGrace = std::chrono::minutes(5);
// The agent tells itself that the pod is gone. It may be busy with what it has saved of it until then: longer
// than runsc may take (node/agent/runsc.cc), and then the files are to be summed.
constexpr Duration podGrace = std::chrono::minutes(20);
// How often a deletion is tried that did not take effect.
constexpr Duration deletionPeriod = seconds(10);

enum class Stage {
  NoSandbox,
  NotRunning,  // its Sandbox
  Unclaimed,   // it could be taken
  PodGone,     // it is being taken, from a pod that is not there
  NodeGone,    // that takes it, or alone keeps it
  Settled      // whatever is to be told is its node's to tell, or told
};

struct Observed {
  std::shared_ptr<const api::SandboxSnapshot> snapshot;
  std::shared_ptr<const api::Sandbox> sandbox = {};  // of its spec; null: there is none
  std::shared_ptr<const api::Pod> pod = {};          // that is to be saved, or is being saved; null likewise
  bool nodeGone = false;                             // there is no Node of the name in its status
  Duration lasted = {};                              // since this process has seen it at this stage
};

struct Plan {
  std::optional<api::SandboxSnapshotStatus> status;  // to be written, if it differs from the present one
  bool remove = false;                               // if it is still the one that was read
  std::optional<sandbox::Report> report;             // before either
  std::optional<Time> again;
};

// Does not depend on Observed::lasted.
Stage stageOf(const Observed& observed);
// What is told at STAGE is told when it has lasted so long.
Duration graceOf(Stage stage);
Plan plan(const Observed& observed, const SnapshotsConfig& config, Time now);

}  // namespace cloister::snapshot
