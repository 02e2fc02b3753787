// Brings the snapshots that this node has taken to the store, one at a time, and says so in their condition
// Stored. That a snapshot is Ready does not wait for it.
#pragma once

#include "kube/client.h"
#include "node/agent/depot.h"
#include "node/agent/reconciler.h"

namespace cloister::node {

// It is this NODE's to store, and is not in DEPOT's bucket: never was, or is in another one. Pure.
bool isToStore(const api::SandboxSnapshot& snapshot, std::string_view node, const Depot& depot);
// The reason in the condition Stored for a failure that ended an attempt. Pure.
std::string_view reasonOf(const Error& failure);

class Storer {
 public:
  // Told of a snapshot whose files here are not what was saved; they are condemned already.
  using Report = std::function<void(const SnapshotId& id)>;

  Storer(Parts parts, Depot& depot, Report report)
      : parts_(std::move(parts)), depot_(depot), report_(std::move(report)) {}

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
  Task<Result<Kept>> examine(Snapshot snapshot);
  Task<Result<runtime::Outcome>> condemn(Snapshot snapshot, Error damage);
  Task<Result<api::SnapshotStore>> place(Snapshot snapshot);
  Task<Result<void>> tell(Snapshot snapshot, News news);
  Task<Result<std::string>> cluster();

  Parts parts_;
  Depot& depot_;
  Report report_;
  std::string cluster_;  // its id, once it is known
};

}  // namespace cloister::node
