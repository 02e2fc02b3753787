#include "node/agent/fetcher.h"

#include <cassert>

#include "base/log.h"
#include "node/agent/on_disk.h"

namespace cloister::node {
namespace {

// Left on the disk for others besides.
constexpr int64_t spareBytes = int64_t(256) << 20;

SnapshotId idOf(const api::SandboxSnapshot& snapshot) {
  return {.namespace_ = snapshot.metadata.namespace_, .uid = snapshot.metadata.uid};
}

Result<void> checkRoom(Vault& vault, int64_t needed) {
  const auto room = vault.room();
  if (!room) return fail(room.error());
  if (*room >= needed + spareBytes) return {};
  return fail(Errc::Internal, "the node's disk has room for " + std::to_string(*room >> 20) +
                                  " MiB more, and it needs " + std::to_string((needed + spareBytes) >> 20) +
                                  " MiB; delete snapshots or other files there");
}

}  // namespace

std::string Fetcher::want(const api::SandboxSnapshot& snapshot) {
  assert(group_ != nullptr);
  Fetch& fetch = fetches_[idOf(snapshot)];
  if (!fetch.running) {
    fetch.running = true;
    fetch.total = snapshot.status.sizeBytes.value_or(0);
    *fetch.done = 0;
    group_->spawn("fetch", run(snapshot));
  }
  std::string text = "it is being fetched from the store, " + std::to_string(*fetch.done >> 20) + " of " +
                     std::to_string(fetch.total >> 20) + " MiB";
  if (!fetch.failure.empty()) text += "; the last attempt failed: " + fetch.failure;
  return text;
}

Task<void> Fetcher::run(api::SandboxSnapshot snapshot) {
  const SnapshotId id = idOf(snapshot);
  auto done = co_await fetch(std::move(snapshot));
  if (done) {
    fetches_.erase(id);
    log::info("snapshot fetched", {{"namespace", id.namespace_}, {"uid", id.uid}});
    co_return;
  }
  log::warn("snapshot not fetched",
            {{"namespace", id.namespace_}, {"uid", id.uid}, {"reason", done.error().message}});
  fetches_[id].failure = done.error().message;
  fetches_[id].running = false;
}

Task<Result<void>> Fetcher::fetch(api::SandboxSnapshot snapshot) {
  const SnapshotId id = idOf(snapshot);
  auto done = co_await fetchAll(id, std::move(snapshot.status));
  if (!done) {
    (void)co_await onDisk(parts_.disk, [&] { return parts_.vault.discard(id); });
    co_return done;
  }
  parts_.vault.acquit(id);
  // It may have been deleted meanwhile; nobody would look for what came after.
  for (const auto& one : parts_.stores.snapshots.inNamespace(id.namespace_)) {
    if (one->metadata.uid == id.uid) co_return Result<void>{};
  }
  co_return co_await onDisk(parts_.disk, [&] { return parts_.vault.remove(id); });
}

Task<Result<void>> Fetcher::fetchAll(SnapshotId id, api::SandboxSnapshotStatus status) {
  auto text = co_await depot_.fetchManifest(id, *status.store);
  if (!text) co_return fail(text.error());
  if (digestOf(*text) != status.digest)
    co_return fail(Errc::InvalidInput, "the manifest in the store is not the one that status.digest tells");
  auto manifest = parseManifest(*text);
  if (!manifest) co_return fail(manifest.error());
  if (auto enough = checkRoom(parts_.vault, sizeOf(*manifest)); !enough) co_return enough;
  // A copy that is there is no good, or it would not be wanted.
  auto removed = co_await onDisk(parts_.disk, [&] { return parts_.vault.remove(id); });
  if (!removed) co_return removed;
  auto folder = parts_.vault.stage(id);
  if (!folder) co_return fail(folder.error());
  const auto done = fetches_[id].done;
  for (const ManifestFile& file : manifest->files) {
    const std::string path = *folder + "/" + file.name;
    auto fetched =
        co_await depot_.fetch(id, *status.store, file.name, path, [done](int64_t bytes) { *done += bytes; });
    if (!fetched) co_return fetched;
  }
  auto kept = co_await onDisk(parts_.disk, [&] { return parts_.vault.adopt(id, *text); });
  if (!kept) co_return fail(kept.error());
  co_return Result<void>{};
}

}  // namespace cloister::node
