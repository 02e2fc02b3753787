// The node's agent: stores, informers, the controller and the door, wired by hand.
#pragma once

#include "node/agent/door.h"
#include "node/agent/fetcher.h"
#include "node/agent/freezer.h"
#include "node/agent/holder.h"
#include "node/agent/reconciler.h"
#include "node/agent/refusals.h"
#include "node/agent/scrub.h"
#include "node/agent/start.h"
#include "node/agent/storer.h"
#include "node/agent/sweep.h"
#include "node/agent/versions.h"
#include "runtime/informer.h"

namespace cloister::node {

class Agent {
 public:
  struct Surroundings {
    kube::Client& client;
    Clock& clock;
    Files& files;
    Vault& vault;
    Runsc& runsc;
    boost::asio::any_io_executor disk;
    std::string node;
    uint64_t seed = 0;
    Depot* depot = nullptr;      // null: snapshots stay on the node
    bool sweeps = false;         // removes from there what nobody refers to any more
    int64_t quota = 0;           // bytes that snapshots may take on the node; 0: as many as the disk has
    std::string installed = {};  // the node's own runsc, and
    std::string copies = {};     // ... where copies of its versions are kept; empty: nowhere
  };
  explicit Agent(Surroundings with);

  // Starts everything in GROUP, once.
  void start(TaskGroup& group);
  // Decides about REQUEST; while the API server can't be asked, tries again for a while. One of a container
  // that is held is answered when its pod is taken.
  Task<StartAnswer> answer(StartRequest request);

 private:
  bool current() const { return snapshotInformer_.current() && podInformer_.current(); }
  void currentChanged();
  void wake(const SnapshotId& id);
  StartAnswer decide(const StartRequest& request, const StartView& view);
  Task<StartAnswer> answerStart(StartRequest request);
  Task<Result<StartView>> look(StartRequest request, Instant asked);
  void noteUse(const SnapshotId& id);
  Task<Result<StartView>> withRunsc(StartRequest request, StartView view);
  void lookAtContainers(const StartRequest& request, const json::value& pod, StartView& view);
  Result<void> lookInside(StartView& view, Instant asked);
  Task<void> keepVersions();
  Task<Result<void>> clearVersions();
  Task<Result<std::set<std::string>>> withoutUsed(std::set<std::string> left);

  Stores stores_;
  Parts parts_;
  uint64_t seed_;
  Reconciler reconciler_;
  Scrubber scrubber_;
  runtime::Controller controller_;
  struct Storing {
    Storing(const Parts& parts, Depot& depot, uint64_t seed, Storer::Report report,
            runtime::Controller::Gate gate);
    bool wants(const api::SandboxSnapshot& snapshot) const { return isToStore(snapshot, node, depot); }

    std::string node;
    Depot& depot;
    Storer storer;
    Fetcher fetcher;
    Sweeper sweeper;
    runtime::Controller controller;
  };
  std::unique_ptr<Storing> storing_;  // null without a depot
  bool sweeps_;
  Versions versions_;
  Refusals refusals_;
  Holder holder_;
  Freezer freezer_;
  runtime::Controller freezes_;
  runtime::Informer<api::SandboxSnapshot> snapshotInformer_;
  runtime::Informer<api::Pod> podInformer_;
  bool swept_ = false;  // what was removed while the agent was away
};

}  // namespace cloister::node
