// The snapshots that this node keeps, one folder each: ROOT/NAMESPACE/UID. What is being written or removed
// is below ROOT/.staging, which is emptied at each start: so whatever dies when, a folder in its place is
// whole. All of it blocks.
#pragma once

#include <map>
#include <optional>

#include "node/agent/files.h"
#include "node/agent/manifest.h"

namespace cloister::node {

struct SnapshotId {
  std::string namespace_;
  std::string uid;
  auto operator<=>(const SnapshotId&) const = default;
};

struct Kept {
  std::string folder;
  Manifest manifest;
  std::string digest;
};

class Vault {
 public:
  Vault(Files& files, std::string root) : files_(files), root_(std::move(root)) {}

  // Once, before all else: what was left half done is gone.
  Result<void> open();
  // An empty folder to write the files of ID to.
  Result<std::string> stage(const SnapshotId& id);
  // The files that were written there, with MANIFEST completed by them, are kept from now on: all, or none.
  Result<Kept> publish(const SnapshotId& id, Manifest manifest);
  // The files that were brought there from elsewhere, with TEXT, the manifest that they came with, are kept
  // from now on. InvalidInput when they are not what it tells.
  Result<Kept> adopt(const SnapshotId& id, std::string_view text);
  // What was staged for ID is gone.
  Result<void> discard(const SnapshotId& id);
  // Bytes that may still be staged.
  Result<int64_t> room() { return files_.freeBytes(staging()); }
  // None when there is none of ID. InvalidInput when what is there cannot be used, or was condemned.
  Result<std::optional<Kept>> find(const SnapshotId& id);
  // Its files are there, as long as they were. InvalidInput names one that is not.
  Result<void> check(const Kept& kept);
  // It is no longer to be found, for the reason WHY, until the agent ends: its status tells for ever.
  void condemn(const SnapshotId& id, std::string why) { condemned_[id] = std::move(why); }
  // ... but for its successor, which has come from elsewhere.
  void acquit(const SnapshotId& id) { condemned_.erase(id); }
  Result<void> remove(const SnapshotId& id);
  Result<std::vector<SnapshotId>> all();

 private:
  Result<void> putInPlace(const SnapshotId& id, std::string_view text);
  std::string staging() const { return root_ + "/.staging"; }
  std::string stagingOf(const SnapshotId& id) const { return staging() + "/" + id.uid; }
  std::string folderOf(const SnapshotId& id) const { return root_ + "/" + id.namespace_ + "/" + id.uid; }

  Files& files_;
  std::string root_;
  std::map<SnapshotId, std::string> condemned_;
};

}  // namespace cloister::node
