#include "node/agent/sweep.h"

#include "base/log.h"

namespace cloister::node {
namespace {

constexpr const char* notAllowed = "; let them delete objects, or set snapshots.store.sweep to false";

}  // namespace

Task<Result<std::string>> readClusterId(kube::Client& client) {
  auto object = co_await client.get(kube::namespaces, {"", "kube-system"});
  if (!object) co_return failWith("asking for the cluster's id", object.error());
  std::string id = json::findString(*object, "metadata.uid");
  if (id.empty()) co_return fail(Errc::Protocol, "the namespace kube-system has no uid");
  co_return id;
}

Task<void> Sweeper::run() {
  for (;;) {
    co_await with_.clock.sleep(
        std::chrono::duration_cast<Duration>(sweepPeriod * (0.5 + random_.fraction())));
    auto removed = co_await sweep();
    if (removed) continue;
    log::warn("the store cannot be swept", {{"reason", removed.error().message}});
  }
}

Task<Result<std::vector<SnapshotId>>> Sweeper::sweep() {
  std::vector<SnapshotId> removed;
  const auto cluster = co_await readClusterId(with_.client);
  if (!cluster) co_return fail(cluster.error());
  // The objects are listed last: what is in the store by now had one by then.
  auto unwanted = co_await with_.depot.places(*cluster);
  if (!unwanted) co_return fail(unwanted.error());
  if (auto done = co_await forgetLiving(*unwanted); !done) co_return fail(done.error());
  if (unwanted->empty()) co_return removed;
  co_await with_.clock.sleep(sweepDoubt);
  const auto again = co_await readClusterId(with_.client);
  if (!again) co_return fail(again.error());
  if (*again != *cluster) co_return fail(Errc::Conflict, "the API server answers for another cluster now");
  if (auto done = co_await forgetLiving(*unwanted); !done) co_return fail(done.error());
  for (const SnapshotId& id : *unwanted) {
    auto done = co_await with_.depot.remove(id, *cluster);
    if (!done && done.error().code == Errc::Forbidden)
      done = fail(Errc::Forbidden, done.error().message + notAllowed);
    if (!done) co_return failWith("removing what is left of " + id.namespace_ + "/" + id.uid, done.error());
    log::info("removed from the store", {{"namespace", id.namespace_}, {"uid", id.uid}});
    removed.push_back(id);
  }
  co_return removed;
}

Task<Result<void>> Sweeper::forgetLiving(std::set<SnapshotId>& unwanted) {
  if (unwanted.empty()) co_return Result<void>{};
  const auto uids = co_await living();
  if (!uids) co_return failWith("listing the SandboxSnapshots", uids.error());
  std::erase_if(unwanted, [&](const SnapshotId& id) { return uids->contains(id.uid); });
  co_return Result<void>{};
}

// The uids of all SandboxSnapshots, from the API server itself: a watch may be behind.
Task<Result<std::set<std::string>>> Sweeper::living() {
  std::set<std::string> uids;
  kube::ListOptions options;
  do {
    auto page = co_await with_.client.list(kube::sandboxSnapshots, "", options);
    if (!page) co_return fail(page.error());
    for (const json::value& object : page->items) {
      std::string uid = json::findString(object, "metadata.uid");
      if (uid.empty()) co_return fail(Errc::Protocol, "one of them has no uid");
      uids.insert(std::move(uid));
    }
    options.continueToken = page->continueToken;
  } while (!options.continueToken.empty());
  co_return uids;
}

}  // namespace cloister::node
