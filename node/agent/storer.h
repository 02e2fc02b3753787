// Brings the snapshots that this node has taken to the store, one at a time, and says so in their condition
// Stored. That a snapshot is Ready does not wait for it.
#pragma once

#include "kube/client.h"
#include "node/agent/depot.h"
#include "node/agent/reconciler.h"

namespace cloister::node {

// It is this NODE's to store, and is not in the store. Pure.
bool isToStore(const api::SandboxSnapshot& snapshot, std::string_view node);
// The reason in the condition Stored for a failure that ended an attempt. Pure.
std::string_view reasonOf(const Error& failure);

class Storer {
 public:
  Storer(Parts parts, Depot& depot) : parts_(std::move(parts)), depot_(depot) {}

  Task<Result<runtime::Outcome>> reconcile(kube::ObjectKey key, uint64_t id);

 private:
  struct News {
    std::string_view status;
    std::string_view reason;
    std::string message;
    std::optional<api::SnapshotStore> store;
  };
  using Snapshot = std::shared_ptr<const api::SandboxSnapshot>;

  Task<Result<int64_t>> bring(Snapshot snapshot);
  Task<Result<api::SnapshotStore>> place(Snapshot snapshot);
  Task<Result<void>> tell(Snapshot snapshot, News news);
  Task<Result<std::string>> cluster();

  Parts parts_;
  Depot& depot_;
  std::string cluster_;  // its id, once it is known
};

}  // namespace cloister::node
