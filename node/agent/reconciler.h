// The SandboxSnapshots of this node: observe, plan, apply.
#pragma once

#include "kube/client.h"
#include "node/agent/plan.h"
#include "node/agent/runsc.h"
#include "runtime/controller.h"
#include "runtime/store.h"

namespace cloister::node {

struct Stores {
  Stores();

  runtime::Store<api::SandboxSnapshot> snapshots;  // of every node
  runtime::Store<api::Pod> pods;                   // of this node, and of Sandboxes
  // The pod of the Sandbox KEY that its label names, or null.
  std::shared_ptr<const api::Pod> podOf(const kube::ObjectKey& sandbox) const;
  // The snapshots of the Sandbox KEY.
  std::vector<std::shared_ptr<const api::SandboxSnapshot>> snapshotsOf(const kube::ObjectKey& sandbox) const;
};

class Depot;

// What the agent works with; all of it outlives the agent.
struct Parts {
  kube::Client& client;
  Clock& clock;
  Stores& stores;
  Vault& vault;
  Files& files;
  Runsc& runsc;
  boost::asio::any_io_executor disk;  // threads that may wait for the disk
  std::string node;                   // its name
  Depot* depot = nullptr;             // null: snapshots stay on the node
  int64_t quota = 0;                  // bytes that the vault may take; 0: as many as the disk has
};

class Reconciler {
 public:
  explicit Reconciler(Parts parts) : parts_(std::move(parts)) {}

  // The SandboxSnapshot KEY, or what the node keeps of such as are gone in its namespace.
  Task<Result<runtime::Outcome>> reconcile(kube::ObjectKey key, uint64_t id);

 private:
  Task<Result<Observed>> observe(std::shared_ptr<const api::SandboxSnapshot> snapshot);
  Result<std::optional<std::string>> damageOf(const api::SandboxSnapshot& snapshot);
  Task<Result<runtime::Outcome>> apply(Observed observed);
  Task<Result<Kept>> take(Observed observed);
  Task<Result<runtime::Outcome>> drop(Observed observed);
  Task<Result<void>> sweep(std::string namespace_);

  Parts parts_;
};

}  // namespace cloister::node
