#include "node/agent/fetcher.h"

#include <cassert>

#include "base/log.h"
#include "base/utf8.h"
#include "node/agent/evict.h"
#include "node/agent/on_disk.h"

namespace cloister::node {
namespace {

// Bytes of a failure that are told.
constexpr size_t longestMessage = 1024;
// A failure of which nobody has asked for so long after its next turn came is forgotten.
constexpr Duration forgotten = std::chrono::minutes(10);

SnapshotId idOf(const api::SandboxSnapshot& snapshot) {
  return {.namespace_ = snapshot.metadata.namespace_, .uid = snapshot.metadata.uid};
}

}  // namespace

bool isFinal(const Error& failure) {
  switch (failure.code) {
    case Errc::InvalidInput:
    case Errc::NotFound:
    case Errc::Unauthorized:
    case Errc::Forbidden:
      return true;
    default:
      return false;
  }
}

FetchState Fetcher::want(const api::SandboxSnapshot& snapshot, Instant asked) {
  assert(group_ != nullptr);
  const Instant now = parts_.clock.instant();
  std::erase_if(fetches_, [&](const auto& entry) {
    return entry.second.stage == Stage::Failed && entry.second.again + forgotten <= now;
  });
  const auto [entry, isNew] = fetches_.try_emplace(idOf(snapshot));
  Fetch& fetch = entry->second;
  if (isNew || isDue(fetch, asked, now)) add(snapshot, fetch);
  return stateOf(fetch);
}

// Somebody may have mended what no waiting mends, and then makes another pod. Those that had asked before get
// the failure for an answer, however late they come for it.
bool Fetcher::isDue(const Fetch& fetch, Instant asked, Instant now) {
  if (fetch.stage != Stage::Failed) return false;
  return isFinal(fetch.failure) ? asked > fetch.failedAt : fetch.again <= now;
}

void Fetcher::add(const api::SandboxSnapshot& snapshot, Fetch& fetch) {
  fetch.stage = Stage::Waiting;
  fetch.total = snapshot.status.sizeBytes.value_or(0);
  fetch.done = 0;
  waiting_.push_back(snapshot);
  startNext();
}

void Fetcher::startNext() {
  while (running_ < mostFetches && !waiting_.empty()) {
    ++running_;
    fetches_[idOf(waiting_.front())].stage = Stage::Running;
    group_->spawn("fetch", run(std::move(waiting_.front())));
    waiting_.pop_front();
  }
}

FetchState Fetcher::stateOf(const Fetch& fetch) const {
  const bool failed = fetch.stage == Stage::Failed;
  const std::string why = validUtf8(fetch.failure.message, longestMessage);
  if (failed && isFinal(fetch.failure))
    return {.words = "it could not be fetched from the store: " + why, .isOver = true};
  std::string words = "it is being fetched from the store, " + std::to_string(fetch.done >> 20) + " of " +
                      std::to_string(fetch.total >> 20) + " MiB";
  if (fetch.stage == Stage::Waiting) words += "; it waits for others to be fetched";
  if (fetch.failures > 0) words += "; the last attempt failed: " + why;
  return {.words = std::move(words)};
}

Task<void> Fetcher::run(api::SandboxSnapshot snapshot) {
  const SnapshotId id = idOf(snapshot);
  auto done = co_await fetch(std::move(snapshot));
  --running_;
  if (done) {
    fetches_.erase(id);
    log::info("snapshot fetched", {{"namespace", id.namespace_}, {"uid", id.uid}});
  } else {
    log::warn("snapshot not fetched",
              {{"namespace", id.namespace_}, {"uid", id.uid}, {"reason", done.error().message}});
    Fetch& fetch = fetches_[id];
    fetch.stage = Stage::Failed;
    fetch.failedAt = parts_.clock.instant();
    fetch.again = fetch.failedAt + backoffDelay(fetchBackoff, fetch.failures++, random_);
    fetch.failure = std::move(done.error());
  }
  startNext();
}

Task<Result<void>> Fetcher::fetch(api::SandboxSnapshot snapshot) {
  const SnapshotId id = idOf(snapshot);
  auto done = co_await fetchAll(id, std::move(snapshot.status));
  parts_.vault.release(id);
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
  if (auto enough = co_await makeRoom(parts_, id, sizeOf(*manifest)); !enough) co_return enough;
  auto folder = parts_.vault.stage(id);
  if (!folder) co_return fail(folder.error());
  for (const ManifestFile& file : manifest->files) {
    const std::string path = *folder + "/" + file.name;
    auto fetched = co_await depot_.fetch(id, *status.store, file, path, [&](int64_t bytes) {
      if (const auto found = fetches_.find(id); found != fetches_.end()) found->second.done += bytes;
      parts_.vault.arrived(id, bytes);
    });
    if (!fetched) co_return fetched;
  }
  auto kept = co_await onDisk(parts_.disk, [&] { return parts_.vault.adopt(id, *text); });
  if (!kept) co_return fail(kept.error());
  co_return Result<void>{};
}

}  // namespace cloister::node
