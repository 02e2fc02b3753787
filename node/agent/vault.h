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

// What a snapshot takes on the node.
struct Copy {
  SnapshotId id;
  int64_t bytes = 0;
  Time usedAt = {};  // when it was written, or restored from, last
  bool operator==(const Copy&) const = default;
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
  // BYTES are going to be staged for ID, until it is released: in place of what it had reserved.
  void reserve(const SnapshotId& id, int64_t bytes) { reserved_[id] = {.total = bytes, .missing = bytes}; }
  // So many of them are there.
  void arrived(const SnapshotId& id, int64_t bytes);
  void release(const SnapshotId& id) { reserved_.erase(id); }
  // All that is, bytes that are there included.
  int64_t reserved() const;
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
  // The two steps of that: it is not to be found any more, which is done in no time; and its bytes are gone.
  Result<void> hide(const SnapshotId& id);
  Result<void> clear(const SnapshotId& id);
  // A restore from it begins NOW. An error tells that this will not be remembered over a restart.
  Result<void> use(const SnapshotId& id, Time now);
  // All that is kept, good or bad.
  Result<std::vector<Copy>> copies();
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
  struct Reserved {
    int64_t total = 0;    // bytes
    int64_t missing = 0;  // of them
  };
  std::map<SnapshotId, Reserved> reserved_;
  std::map<SnapshotId, Time> used_;
};

}  // namespace cloister::node
