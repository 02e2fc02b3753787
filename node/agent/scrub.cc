#include "node/agent/scrub.h"

#include <algorithm>

#include "base/log.h"
#include "node/agent/on_disk.h"
#include "node/agent/sha256.h"

namespace cloister::node {
namespace {

// How soon a snapshot that is new is noticed.
constexpr Duration lookPeriod = std::chrono::minutes(10);

}  // namespace

std::optional<Due> nextScrub(const std::vector<SnapshotId>& kept,
                             const std::map<SnapshotId, Instant>& lastRead, Instant now) {
  std::optional<Due> next;
  for (const SnapshotId& id : kept) {
    const auto last = lastRead.find(id);
    const Instant at = last == lastRead.end() ? now : last->second + scrubPeriod;
    if (!next || at < next->at) next = Due{id, at};
  }
  return next;
}

Task<void> Scrubber::run() {
  for (;;) {
    const auto kept = with_.vault.all();
    if (kept) {
      std::erase_if(lastRead_,
                    [&](const auto& entry) { return std::ranges::find(*kept, entry.first) == kept->end(); });
      const Instant now = with_.clock.instant();
      const auto next = nextScrub(*kept, lastRead_, now);
      if (next && next->at <= now) {
        co_await readOne(next->id);
        lastRead_[next->id] = with_.clock.instant();
        continue;
      }
    }
    co_await with_.clock.sleep(lookPeriod);
  }
}

Task<void> Scrubber::readOne(SnapshotId id) {
  auto kept = with_.vault.find(id);
  if (!kept || !*kept) co_return;  // it is known to be bad, or gone by now
  const int64_t size = sizeOf((*kept)->manifest);
  auto found = co_await examine(std::move(**kept));
  // It may have been removed meanwhile.
  const auto there = with_.vault.find(id);
  if (!there || !*there) co_return;
  if (!found) {
    log::warn("snapshot cannot be read again",
              {{"namespace", id.namespace_}, {"uid", id.uid}, {"reason", found.error().message}});
  } else if (*found) {
    with_.vault.condemn(id, **found);
    log::error("snapshot is corrupt", {{"namespace", id.namespace_}, {"uid", id.uid}, {"reason", **found}});
    with_.report(id, **found);
  } else {
    log::info("snapshot read again", {{"namespace", id.namespace_}, {"uid", id.uid}, {"bytes", size}});
  }
}

Task<Result<std::optional<std::string>>> Scrubber::examine(Kept kept) {
  for (const ManifestFile& file : kept.manifest.files) {
    auto sum = co_await sumSlowly(kept.folder + "/" + file.name);
    if (!sum && sum.error().code == Errc::NotFound)
      co_return std::optional("its file " + file.name + " is missing");
    if (!sum) co_return fail(sum.error());
    if (sum->size != file.size || sum->sha256 != file.sha256)
      co_return std::optional("its file " + file.name + " is not as it was saved");
  }
  co_return std::optional<std::string>();
}

Task<Result<FileSum>> Scrubber::sumSlowly(std::string path) {
  Sha256 sum;
  FileSum out;
  for (;;) {
    auto block = co_await onDisk(with_.disk, [&] { return with_.files.readAt(path, out.size, scrubBlock); });
    if (!block) co_return fail(block.error());
    if (block->empty()) break;
    sum.add(*block);
    out.size += int64_t(block->size());
    co_await with_.clock.sleep(Duration(seconds(1)) * int64_t(block->size()) / scrubBytesPerSecond);
  }
  out.sha256 = sum.finish();
  co_return out;
}

}  // namespace cloister::node
