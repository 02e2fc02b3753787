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
  // from now on, in place of what was kept of ID until then. InvalidInput when they are not what it tells.
  Result<Kept> adopt(const SnapshotId& id, std::string_view text);
  // What was staged for ID is gone.
  Result<void> discard(const SnapshotId& id);
  // Bytes that may still be staged, besides all that is reserved.
  Result<int64_t> room();
  // BYTES more are going to be staged for ID: in place of what it had reserved. 0 when there will be no more.
  void reserve(const SnapshotId& id, int64_t bytes);
  // None when there is none of ID. InvalidInput when what is there cannot be used, or was condemned.
  Result<std::optional<Kept>> find(const SnapshotId& id);
  // Its files are there, as long as they were. InvalidInput names one that is not.
  Result<void> check(const Kept& kept);
  // What is kept of ID, whose manifest has DIGEST, as far as can be told without reading the files. None when
  // there is none of it. InvalidInput tells what is wrong with it; any other error, that it cannot be read,
  // which proves nothing.
  Result<std::optional<Kept>> sound(const SnapshotId& id, std::string_view digest);
  // Reads all of KEPT. InvalidInput when its files are not what they were.
  Result<void> verify(const Kept& kept) { return checkSums(kept.folder, kept.manifest); }
  // It is no longer to be found, for the reason WHY, until the agent ends: its status tells for ever.
  void condemn(const SnapshotId& id, std::string why) { condemned_[id] = std::move(why); }
  // ... but for its successor, which has come from elsewhere.
  void acquit(const SnapshotId& id) { condemned_.erase(id); }
  Result<void> remove(const SnapshotId& id);
  Result<std::vector<SnapshotId>> all();

 private:
  Result<void> checkSums(const std::string& folder, const Manifest& manifest);
  Result<void> putInPlace(const SnapshotId& id, std::string_view text);
  Result<void> takeAway(const SnapshotId& id);
  std::string staging() const { return root_ + "/.staging"; }
  std::string stagingOf(const SnapshotId& id) const { return staging() + "/" + id.uid; }
  // What was in its place, until it is gone. No name that the API server gives has a plus sign.
  std::string debrisOf(const SnapshotId& id) const { return stagingOf(id) + "+"; }
  std::string folderOf(const SnapshotId& id) const { return root_ + "/" + id.namespace_ + "/" + id.uid; }

  Files& files_;
  std::string root_;
  std::map<SnapshotId, std::string> condemned_;
  std::map<SnapshotId, int64_t> reserved_;
};

}  // namespace cloister::node
