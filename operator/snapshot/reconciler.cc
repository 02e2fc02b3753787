#include "operator/snapshot/reconciler.h"

#include "base/log.h"
#include "runtime/remove_seen.h"
#include "runtime/write_status.h"

namespace cloister::snapshot {
namespace {

// The pod that the SNAPSHOT is being made of, or will be.
std::shared_ptr<const api::Pod> podOf(const Stores& stores, const api::SandboxSnapshot& snapshot,
                                      const api::Sandbox* sandbox) {
  std::string uid = snapshot.status.podUID;
  if (uid.empty() && sandbox != nullptr) uid = sandbox->status.podUID;
  for (auto& pod : stores.podsOf(sandboxOf(snapshot))) {
    if (pod->metadata.uid == uid) return pod;
  }
  return nullptr;
}

}  // namespace

// Where the operator may not read nodes, none is known to be gone.
Observed Reconciler::observe(std::shared_ptr<const api::SandboxSnapshot> snapshot) {
  const Stores& stores = parts_.stores;
  Observed seen{.snapshot = std::move(snapshot)};
  seen.sandbox = stores.sandboxes.get(sandboxOf(*seen.snapshot));
  seen.pod = podOf(stores, *seen.snapshot, seen.sandbox.get());
  seen.nodeGone = parts_.config.watchNamespaces.empty() &&
                  stores.nodes.get({"", seen.snapshot->status.nodeName}) == nullptr;
  seen.lasted = lasted(seen);
  return seen;
}

Duration Reconciler::lasted(const Observed& observed) {
  const api::ObjectMeta& meta = observed.snapshot->metadata;
  const Stage stage = stageOf(observed);
  if (graceOf(stage) == Duration(0)) {
    memory_.erase(api::keyOf(meta));
    return {};
  }
  const Instant now = parts_.clock.instant();
  Memory& memory = memory_.try_emplace(api::keyOf(meta), meta.uid, stage, now).first->second;
  if (memory.uid != meta.uid || memory.stage != stage) memory = {meta.uid, stage, now};
  return now - memory.since;
}

Task<Result<runtime::Outcome>> Reconciler::reconcile(kube::ObjectKey key, uint64_t id) {
  const auto snapshot = parts_.stores.snapshots.get(key);
  if (snapshot == nullptr) {
    memory_.erase(key);
    co_return runtime::Outcome{};
  }
  Plan next = plan(observe(snapshot), parts_.config.snapshots, parts_.clock.now());
  log::debug("reconcile", {{"snapshot", kube::toString(key)}, {"id", id}, {"remove", next.remove}});
  if (next.report) parts_.report(*snapshot, *next.report);
  Result<void> done;
  if (next.remove)
    done = co_await runtime::removeSeen(parts_.client, kube::sandboxSnapshots, parts_.stores.snapshots,
                                        snapshot, "deleting the expired SandboxSnapshot");
  if (next.status) {
    done = co_await writeStatus(parts_.client, kube::sandboxSnapshots, parts_.stores.snapshots, snapshot,
                                std::move(*next.status));
  }
  if (!done) co_return fail(done.error());
  co_return runtime::Outcome{.again = next.again};
}

}  // namespace cloister::snapshot
