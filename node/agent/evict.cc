#include "node/agent/evict.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "base/log.h"
#include "base/within.h"
#include "node/agent/depot.h"
#include "node/agent/on_disk.h"

namespace cloister::node {
namespace {

using Snapshot = std::shared_ptr<const api::SandboxSnapshot>;

// For the store's word on one copy: what needs the room waits, and others behind it.
constexpr Duration patience = seconds(30);

std::string mebibytes(int64_t bytes) {
  return std::to_string(bytes >> 20) + " MiB";
}

bool wasUsedLately(const Copy& copy, Time now) {
  return copy.usedAt <= now && now - copy.usedAt < useTime;
}

bool isBeginning(const api::Pod& pod) {
  return pod.status.phase.empty() || pod.status.phase == "Pending";
}

// What the vault has, but for ID, which is to be replaced.
Result<std::vector<Copy>> copiesBeside(Vault& vault, const SnapshotId& id) {
  auto copies = vault.copies();
  if (copies) std::erase_if(*copies, [&](const Copy& copy) { return copy.id == id; });
  return copies;
}

// Without a quota, what is there is not looked at before the disk is short.
Result<Space> measure(const Parts& parts, const SnapshotId& id) {
  const auto room = parts.vault.room();
  if (!room) return fail(room.error());
  Space space{.room = *room, .taken = 0, .quota = parts.quota};
  if (space.quota == 0) return space;
  const auto copies = copiesBeside(parts.vault, id);
  if (!copies) return fail(copies.error());
  space.taken = parts.vault.reserved();
  for (const Copy& copy : *copies) space.taken += copy.bytes;
  return space;
}

// The object of what is kept as ID, where it is spare; null otherwise.
Snapshot spareOf(const Parts& parts, const SnapshotId& id) {
  for (const auto& snapshot : parts.stores.snapshots.inNamespace(id.namespace_)) {
    if (snapshot->metadata.uid != id.uid) continue;
    const auto pods = parts.stores.pods.inNamespace(id.namespace_);
    return isSpare(*snapshot, *parts.depot, pods) ? snapshot : nullptr;
  }
  return nullptr;
}

// What goes next for MISSING bytes of ID; null: nothing may, or too little. What is in KEPT does not.
Result<Snapshot> choose(const Parts& parts, const SnapshotId& id, const std::set<SnapshotId>& kept,
                        int64_t missing) {
  if (parts.depot == nullptr) return Snapshot();
  auto copies = copiesBeside(parts.vault, id);
  if (!copies) return fail(copies.error());
  std::erase_if(*copies, [&](const Copy& copy) {
    return kept.contains(copy.id) || spareOf(parts, copy.id) == nullptr;
  });
  const auto chosen = chooseEvicted(*copies, missing, parts.clock.now());
  return chosen ? spareOf(parts, *chosen) : nullptr;
}

SnapshotId idOf(const api::SandboxSnapshot& snapshot) {
  return {.namespace_ = snapshot.metadata.namespace_, .uid = snapshot.metadata.uid};
}

// That the store has all of SNAPSHOT, by its own word.
Task<Result<void>> confirm(Parts parts, Snapshot snapshot) {
  auto answer = co_await within(
      parts.clock, patience,
      parts.depot->confirm(idOf(*snapshot), *snapshot->status.store, snapshot->status.digest));
  if (!answer) co_return fail(Errc::Timeout, "it has not answered for " + formatDuration(patience));
  co_return std::move(*answer);
}

// FAILURE is about one snapshot, and another one may do.
bool isOfThatOne(const Error& failure) {
  return failure.code == Errc::NotFound || failure.code == Errc::InvalidInput;
}

// It is out of its place at once, so that nobody is sent there; its bytes take their time.
Task<Result<void>> evict(Parts parts, SnapshotId id) {
  if (auto done = parts.vault.hide(id); !done) co_return done;
  log::info("copy of a snapshot evicted, which is stored elsewhere",
            {{"namespace", id.namespace_}, {"uid", id.uid}});
  co_return co_await onDisk(parts.disk, [&] { return parts.vault.clear(id); });
}

}  // namespace

int64_t shortage(const Space& space, int64_t bytes) {
  const int64_t ofDisk = bytes + spareBytes - space.room;
  const int64_t ofQuota = space.quota == 0 ? 0 : space.taken + bytes - space.quota;
  return std::max<int64_t>({ofDisk, ofQuota, 0});
}

std::string tellShortage(const Space& space, int64_t bytes) {
  if (space.quota != 0 && bytes > space.quota) {
    return "it needs " + mebibytes(bytes) + ", and snapshots.localQuota allows all of the node's together " +
           mebibytes(space.quota) + "; raise it";
  }
  if (space.room < bytes + spareBytes) {
    return "the node's disk has room for " + mebibytes(space.room) + " more, and it needs " +
           mebibytes(bytes + spareBytes) + "; delete snapshots or other files there";
  }
  return "the node's snapshots take " + mebibytes(space.taken) + " of the " + mebibytes(space.quota) +
         " that snapshots.localQuota allows, and it needs " + mebibytes(bytes) +
         "; delete some of them, or raise it";
}

bool isSpare(const api::SandboxSnapshot& snapshot, const Depot& depot,
             const std::vector<std::shared_ptr<const api::Pod>>& pods) {
  if (!snapshot.unreadable.empty() || snapshot.status.phase != api::SnapshotPhase::Ready ||
      !api::isStored(snapshot) || !depot.isHere(*snapshot.status.store))
    return false;
  const std::string& name = snapshot.metadata.name;
  return std::ranges::none_of(pods, [&](const auto& pod) {
    const std::string from = api::annotationOf(pod->metadata, api::restoreAnnotation);
    return pod->metadata.namespace_ == snapshot.metadata.namespace_ && isBeginning(*pod) &&
           (from == name || from == std::string(api::goldenPrefix) + name);
  });
}

std::optional<SnapshotId> chooseEvicted(const std::vector<Copy>& copies, int64_t missing, Time now) {
  const Copy* first = nullptr;
  int64_t total = 0;
  for (const Copy& copy : copies) {
    if (wasUsedLately(copy, now)) continue;
    total += copy.bytes;
    if (first == nullptr || std::tie(copy.usedAt, copy.id) < std::tie(first->usedAt, first->id))
      first = &copy;
  }
  return first != nullptr && total >= missing ? std::optional(first->id) : std::nullopt;
}

Task<Result<void>> makeRoom(Parts parts, SnapshotId id, int64_t bytes) {
  std::set<SnapshotId> kept;
  for (;;) {
    const auto space = measure(parts, id);
    if (!space) co_return fail(space.error());
    const int64_t missing = shortage(*space, bytes);
    if (missing == 0) {
      parts.vault.reserve(id, bytes);
      co_return Result<void>{};
    }
    const auto next = choose(parts, id, kept, missing);
    if (!next) co_return fail(next.error());
    if (*next == nullptr) co_return fail(Errc::Internal, tellShortage(*space, bytes));
    const SnapshotId victim = idOf(**next);
    auto whole = co_await confirm(parts, *next);
    if (!whole && !isOfThatOne(whole.error())) {
      co_return fail(
          Errc::Internal,
          tellShortage(*space, bytes) +
              "; no copy goes for it, as the store does not say that it has them: " + whole.error().message);
    }
    if (!whole) {
      log::warn("the store has not all of a snapshot, and its copy stays",
                {{"namespace", victim.namespace_}, {"uid", victim.uid}, {"reason", whole.error().message}});
      kept.insert(victim);
      continue;
    }
    // Somebody may have used it meanwhile, or begun to.
    if (auto same = choose(parts, id, kept, 0); !same || *same == nullptr || idOf(**same) != victim) continue;
    if (auto gone = co_await evict(parts, victim); !gone)
      co_return failWith("making room for it", gone.error());
  }
}

}  // namespace cloister::node
