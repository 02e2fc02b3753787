// Brings snapshots from the store that are to be restored here, and whose files are not here: of other nodes,
// and of this one after its disk has lost them.
#pragma once

#include <deque>
#include <map>

#include "base/backoff.h"
#include "base/task_group.h"
#include "node/agent/depot.h"
#include "node/agent/reconciler.h"

namespace cloister::node {

// At once: they share the node's network with its pods, and its disk.
constexpr size_t mostFetches = 2;
// After a failure that may pass, until it is tried again.
constexpr BackoffPolicy fetchBackoff{.first = seconds(5), .largest = seconds(300)};

// How a fetch stands.
struct FetchState {
  std::string words;    // for people
  bool isOver = false;  // it has failed, in a way that does not pass by waiting
};

// Whether FAILURE of a fetch lasts until somebody does something about it. Pure.
bool isFinal(const Error& failure);

class Fetcher {
 public:
  Fetcher(Parts parts, Depot& depot, uint64_t seed)
      : parts_(std::move(parts)), depot_(depot), random_(seed) {}

  // Before all else: what is fetched is fetched in GROUP.
  void start(TaskGroup& group) { group_ = &group; }
  // SNAPSHOT, which is stored, is wanted by a pod that asked for it first at ASKED: it is fetched when its
  // turn comes, which is by the order of the first questions. After a failure it is a later question that
  // brings it its next turn: once the backoff is over; or, where the failure is final, one of a pod that
  // asked after it.
  FetchState want(const api::SandboxSnapshot& snapshot, Instant asked);
  // All of it, verified, is in the vault then; InvalidInput when what is in the store is not what was saved.
  Task<Result<void>> fetch(api::SandboxSnapshot snapshot);

 private:
  enum class Stage { Waiting, Running, Failed };
  struct Fetch {
    Stage stage = Stage::Waiting;
    int64_t total = 0;  // bytes; 0: not known
    int64_t done = 0;
    unsigned failures = 0;
    Instant failedAt = {};  // once it has failed, and
    Instant again = {};     // ... when its backoff is over
    Error failure = {};     // of the last attempt
  };

  static bool isDue(const Fetch& fetch, Instant asked, Instant now);
  void add(const api::SandboxSnapshot& snapshot, Fetch& fetch);
  void startNext();
  Task<void> run(api::SandboxSnapshot snapshot);
  Task<Result<void>> fetchAll(SnapshotId id, api::SandboxSnapshotStatus status);
  FetchState stateOf(const Fetch& fetch) const;

  Parts parts_;
  Depot& depot_;
  Random random_;
  TaskGroup* group_ = nullptr;
  std::map<SnapshotId, Fetch> fetches_;
  std::deque<api::SandboxSnapshot> waiting_;
  size_t running_ = 0;
};

}  // namespace cloister::node
