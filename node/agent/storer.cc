#include "node/agent/storer.h"

#include "api/golden.h"
#include "base/log.h"
#include "base/utf8.h"
#include "node/agent/on_disk.h"
#include "node/agent/sweep.h"
#include "runtime/conditions.h"
#include "runtime/write_status.h"

namespace cloister::node {
namespace {

namespace reason = api::snapshot;

// Others write the status as well.
constexpr int writes = 5;
// Bytes of a failure that go into the status.
constexpr size_t longestMessage = 1024;

SnapshotId idOf(const api::SandboxSnapshot& snapshot) {
  return {.namespace_ = snapshot.metadata.namespace_, .uid = snapshot.metadata.uid};
}

std::string mebibytes(int64_t bytes) {
  return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB";
}

}  // namespace

bool isToStore(const api::SandboxSnapshot& snapshot, std::string_view node, const Depot& depot) {
  return snapshot.unreadable.empty() && !snapshot.metadata.deletionTimestamp &&
         snapshot.status.phase == api::SnapshotPhase::Ready && snapshot.status.nodeName == node &&
         !(api::isStored(snapshot) && depot.isHere(*snapshot.status.store)) && !api::isGolden(snapshot);
}

std::string_view reasonOf(const Error& failure) {
  if (failure.reason == reason::corrupt) return reason::corrupt;
  switch (failure.code) {
    case Errc::Unavailable:
    case Errc::Timeout:
    case Errc::TooManyRequests:
      return reason::storeUnreachable;
    case Errc::Unauthorized:
    case Errc::Forbidden:
    case Errc::InvalidInput:
    case Errc::NotFound:
      return reason::storeRefused;
    default:
      return reason::storeFailed;
  }
}

Task<Result<runtime::Outcome>> Storer::reconcile(kube::ObjectKey key, uint64_t) {
  const auto snapshot = parts_.stores.snapshots.get(key);
  if (snapshot == nullptr || !isToStore(*snapshot, parts_.node, depot_)) co_return runtime::Outcome{};
  if (api::isStored(*snapshot)) {
    // In another bucket; and here is nothing any more to bring to this one.
    const auto kept = parts_.vault.find(idOf(*snapshot));
    if (kept && !*kept) co_return runtime::Outcome{};
  }
  auto size = co_await bring(snapshot);
  if (!size && size.error().reason == reason::corrupt) co_return co_await condemn(snapshot, size.error());
  if (!size) {
    log::warn("snapshot not stored", {{"snapshot", toString(key)}, {"reason", size.error().message}});
    // What went wrong with the API server is not the store's, and could not be told.
    auto told = co_await tell(
        snapshot, {.status = "False",
                   .reason = reasonOf(size.error()),
                   .message = validUtf8(size.error().message, longestMessage) + ". It is tried again.",
                   .store = {}});
    if (!told) co_return fail(told.error());
    co_return fail(size.error());
  }
  log::info("snapshot stored", {{"snapshot", toString(key)}, {"bytes", *size}});
  co_return runtime::Outcome{};
}

// Its bytes in the store, once all that is told.
Task<Result<int64_t>> Storer::bring(Snapshot snapshot) {
  const SnapshotId id = idOf(*snapshot);
  auto kept = co_await examine(snapshot);
  if (!kept) co_return fail(kept.error());
  auto store = co_await place(snapshot);
  if (!store) co_return fail(store.error());
  auto size = co_await depot_.store(id, std::move(*kept), *store);
  if (!size) co_return fail(size.error());
  store->sizeBytes = *size;
  News news{.status = "True",
            .reason = reason::inStore,
            .message = "It is in the store, with " + mebibytes(*size) + ", and can be restored on any node.",
            .store = std::move(*store)};
  auto told = co_await tell(snapshot, std::move(news));
  if (!told) co_return fail(told.error());
  co_return *size;
}

// Its files, which are whole as far as can be told. What is in another bucket stays where it is until they
// have been read again: else a bad disk would lose what is whole there.
Task<Result<Kept>> Storer::examine(Snapshot snapshot) {
  auto kept = parts_.vault.sound(idOf(*snapshot), snapshot->status.digest);
  if (kept && !*kept) {
    report_(idOf(*snapshot));  // it may be that the disk is not mounted: others judge that
    co_return fail(Errc::Internal, "its files on the node are gone");
  }
  if (kept && api::isStored(*snapshot)) {
    auto whole = co_await onDisk(parts_.disk, [&] { return parts_.vault.verify(**kept); });
    if (!whole) kept = fail(whole.error());
  }
  if (kept) co_return std::move(**kept);
  Error error = std::move(kept.error());
  if (error.code == Errc::InvalidInput) error.reason = reason::corrupt;
  co_return fail(std::move(error));
}

// No other attempt will mend it.
Task<Result<runtime::Outcome>> Storer::condemn(Snapshot snapshot, Error damage) {
  const SnapshotId id = idOf(*snapshot);
  log::error("snapshot is corrupt",
             {{"namespace", id.namespace_}, {"uid", id.uid}, {"reason", damage.message}});
  parts_.vault.condemn(id, damage.message);
  auto told = co_await tell(snapshot, {.status = "False",
                                       .reason = reason::corrupt,
                                       .message = "It is not stored: " + damage.message + ".",
                                       .store = {}});
  report_(id);
  if (!told) co_return fail(told.error());
  co_return runtime::Outcome{};
}

// Where it goes, and its key. They are in its status before anything is there: so an attempt that was
// interrupted is resumed, and what nobody can read any more is not.
Task<Result<api::SnapshotStore>> Storer::place(Snapshot snapshot) {
  const auto& present = snapshot->status.store;
  if (present && depot_.check(idOf(*snapshot), *present)) co_return *present;
  auto cluster = co_await this->cluster();
  if (!cluster) co_return fail(cluster.error());
  auto chosen = depot_.choosePlace(idOf(*snapshot), *cluster);
  if (!chosen) co_return fail(chosen.error());
  auto told = co_await tell(
      snapshot,
      {.status = "False", .reason = reason::storing, .message = "It is being stored.", .store = *chosen});
  if (!told) co_return fail(told.error());
  co_return *chosen;
}

Task<Result<void>> Storer::tell(Snapshot snapshot, News news) {
  const kube::ObjectKey key = api::keyOf(snapshot->metadata);
  Result<void> done;
  for (int i = 0; i < writes; ++i) {
    const auto present = parts_.stores.snapshots.get(key);
    if (present == nullptr || present->metadata.uid != snapshot->metadata.uid ||
        !isToStore(*present, parts_.node, depot_))
      co_return fail(Errc::Conflict, "the snapshot has been deleted, or is Ready no longer");
    // What is whole in another bucket stays so, until it goes to this one.
    if (!news.store && api::isStored(*present)) co_return Result<void>{};
    api::SandboxSnapshotStatus status = present->status;
    runtime::Conditions conditions(status.conditions, present->metadata.generation, parts_.clock.now());
    conditions.set(reason::stored, news.status, news.reason, news.message);
    status.conditions = conditions.take();
    if (news.store) status.store = news.store;
    done = co_await writeStatus(parts_.client, kube::sandboxSnapshots, parts_.stores.snapshots, present,
                                std::move(status));
    if (done || done.error().code != Errc::Conflict) co_return done;
  }
  co_return done;
}

Task<Result<std::string>> Storer::cluster() {
  if (!cluster_.empty()) co_return cluster_;
  auto id = co_await readClusterId(parts_.client);
  if (id) cluster_ = *id;
  co_return id;
}

}  // namespace cloister::node
