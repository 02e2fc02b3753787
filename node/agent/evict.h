// Room for what is to come to this node: its snapshots have a quota and share their disk with others. Where
// there is too little, copies go that are in object storage as well, the one first that was used longest ago.
#pragma once

#include "node/agent/reconciler.h"

namespace cloister::node {

// Left on the disk for others besides.
constexpr int64_t spareBytes = int64_t(256) << 20;
// What was used so lately may be opened by a restore that has had its answer.
constexpr Duration useTime = std::chrono::minutes(2);

// As it stands, all in bytes.
struct Space {
  int64_t room = 0;   // of the disk, less what is reserved of it
  int64_t taken = 0;  // by snapshots, those that are on their way included
  int64_t quota = 0;  // that these may take; 0: as many as there is room for
};
// What is missing for BYTES more, 0 when nothing is. Pure.
int64_t shortage(const Space& space, int64_t bytes);
// That something is, for people: the limit in the way, and what to do. Pure.
std::string tellShortage(const Space& space, int64_t bytes);

// SNAPSHOT is in the store as well, by what its object says, and none of PODS, which are this node's, is
// about to begin from it. Pure.
bool isSpare(const api::SandboxSnapshot& snapshot, const Depot& depot,
             const std::vector<std::shared_ptr<const api::Pod>>& pods);
// The one of COPIES, all of them spare, that goes first for MISSING bytes: used longest ago, and not lately.
// None when all that may go are too few: then none goes for nothing. Pure.
std::optional<SnapshotId> chooseEvicted(const std::vector<Copy>& copies, int64_t missing, Time now);

// BYTES for ID, reserved in the vault from now on; what has to go for it is gone. An error tells why there is
// no room, and what to do. A copy goes only after the store has said that it has all of it.
Task<Result<void>> makeRoom(Parts parts, SnapshotId id, int64_t bytes);

}  // namespace cloister::node
