// Brings snapshots from the store that are to be restored here, and were taken by another node.
#pragma once

#include <map>

#include "base/task_group.h"
#include "node/agent/depot.h"
#include "node/agent/reconciler.h"

namespace cloister::node {

class Fetcher {
 public:
  Fetcher(Parts parts, Depot& depot) : parts_(std::move(parts)), depot_(depot) {}

  // Before all else: what is fetched is fetched in GROUP.
  void start(TaskGroup& group) { group_ = &group; }
  // SNAPSHOT, which is stored, is wanted: it is fetched, unless it is being fetched. How that stands, for
  // people.
  std::string want(const api::SandboxSnapshot& snapshot);
  // All of it, verified, is in the vault then; InvalidInput when what is in the store is not what was saved.
  Task<Result<void>> fetch(api::SandboxSnapshot snapshot);

 private:
  struct Fetch {
    int64_t total = 0;  // bytes; 0: not known
    std::shared_ptr<std::atomic<int64_t>> done =
        std::make_shared<std::atomic<int64_t>>(0);  // written by the disk's thread
    bool running = false;
    std::string failure = {};  // of the last attempt
  };

  Task<void> run(api::SandboxSnapshot snapshot);
  Task<Result<void>> fetchAll(SnapshotId id, api::SandboxSnapshotStatus status);

  Parts parts_;
  Depot& depot_;
  TaskGroup* group_ = nullptr;
  std::map<SnapshotId, Fetch> fetches_;
};

}  // namespace cloister::node
