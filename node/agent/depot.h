// Where snapshots are kept besides the node's own disk: in a bucket, sealed. One snapshot is one folder of
// objects, one for each file, and the manifest's is there last: a folder that has one is whole.
#pragma once

#include <set>

#include "api/snapshot.h"
#include "node/agent/vault.h"
#include "node/store/bucket.h"
#include "node/store/keys.h"
#include "node/store/seal.h"

namespace cloister::node {

class Depot {
 public:
  struct Surroundings {
    store::Bucket& bucket;
    Files& files;
    boost::asio::any_io_executor disk;                // threads that may wait for the disk, and use the CPU
    std::function<Result<store::KeyRing>()> keyRing;  // asked each time: it may be replaced
    std::string prefix;                               // of all keys; empty, or ends with a slash
  };
  explicit Depot(Surroundings with) : with_(std::move(with)) {}

  // Whether PLACE is in the bucket that this depot has. One that does not tell is.
  bool isHere(const api::SnapshotStore& place) const;
  // A new place for the snapshot ID of the cluster CLUSTER (a uid), and its own key, wrapped.
  Result<api::SnapshotStore> choosePlace(const SnapshotId& id, const std::string& cluster);
  // NotFound or InvalidInput when the key at PLACE cannot be unwrapped, or PLACE is in another bucket.
  Result<void> check(const SnapshotId& id, const api::SnapshotStore& place);
  // Puts all of KEPT to PLACE, and returns how many bytes it takes there. What an earlier attempt has put
  // there is not sent again. An error with the reason api::snapshot::corrupt is about the files of KEPT.
  Task<Result<int64_t>> store(SnapshotId id, Kept kept, api::SnapshotStore place);

  // All of it is at PLACE, as far as sizes tell, with the manifest of DIGEST. NotFound or InvalidInput tells
  // what is not.
  Task<Result<void>> confirm(SnapshotId id, api::SnapshotStore place, std::string digest);

  // The text of the manifest at PLACE; NotFound when there is none. InvalidInput when it is not what was put
  // there.
  Task<Result<std::string>> fetchManifest(SnapshotId id, api::SnapshotStore place);
  // Appends FILE at PLACE to the file PATH, and tells COUNT how much of it has been written since it was told
  // last. InvalidInput when it is larger than FILE says; its sum is not checked.
  Task<Result<void>> fetch(SnapshotId id, api::SnapshotStore place, ManifestFile file, std::string path,
                           std::function<void(int64_t bytes)> count);

  // Which snapshots of the cluster CLUSTER have anything in the bucket, whole or not.
  Task<Result<std::set<SnapshotId>>> places(std::string cluster);
  // All that is there of ID, at whatever place.
  Task<Result<void>> remove(SnapshotId id, std::string cluster);

 private:
  std::string folderOf(const std::string& cluster) const { return with_.prefix + cluster + "/"; }
  std::string folderOf(const std::string& cluster, const SnapshotId& id) const {
    return folderOf(cluster) + id.namespace_ + "/" + id.uid + "/";
  }
  Result<std::string> keyOf(const SnapshotId& id, const api::SnapshotStore& place);
  Task<Result<void>> receive(std::string key, store::FileKeys keys,
                             std::function<Result<void>(std::string_view)> take,
                             std::function<void()> progress);

  Surroundings with_;
};

}  // namespace cloister::node
