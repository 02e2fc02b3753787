#include "node/agent/depot.h"

#include "node/agent/on_disk.h"
#include "node/agent/sha256.h"
#include "node/store/transfer.h"

namespace cloister::node {
namespace {

// Asked for at once.
constexpr int64_t pieceBytes = int64_t(8) << 20;
// As Files::read has it.
constexpr size_t largestManifest = size_t(16) << 20;

std::string textOf(const net::BaseUrl& endpoint) {
  return (endpoint.tls ? "https://" : "http://") + net::authority(endpoint);
}

// What is wrong with the files on the disk, which no other attempt will mend.
std::unexpected<Error> damaged(std::string what) {
  return fail({.code = Errc::InvalidInput,
               .message = std::move(what),
               .reason = std::string(api::snapshot::corrupt)});
}

// A file of the node's disk, sealed as it is read; damaged() at its end when it is not what it should be.
class SealedFile final : public store::Source {
 public:
  SealedFile(Files& files, boost::asio::any_io_executor disk, std::string path, ManifestFile expected,
             store::FileKeys keys)
      : files_(files),
        disk_(std::move(disk)),
        path_(std::move(path)),
        expected_(std::move(expected)),
        sealer_(std::move(keys)) {}

  Task<Result<std::string>> next() override {
    if (ended_) return nothing();
    return onDisk(disk_, [this] { return sealOne(); });
  }

 private:
  static Task<Result<std::string>> nothing() { co_return std::string(); }

  Result<std::string> sealOne() {
    auto chunk = files_.readAt(path_, at_, store::chunkBytes);
    if (!chunk && chunk.error().code == Errc::NotFound)
      return damaged("its file " + expected_.name + " is missing");
    if (!chunk) return chunk;
    at_ += int64_t(chunk->size());
    sum_.add(*chunk);
    ended_ = chunk->size() < store::chunkBytes;
    if (ended_ && (at_ != expected_.size || sum_.finish() != expected_.sha256))
      return damaged("its file " + expected_.name + " is not as it was saved");
    return sealer_.add(*chunk, ended_);
  }

  Files& files_;
  boost::asio::any_io_executor disk_;
  std::string path_;
  ManifestFile expected_;
  store::Sealer sealer_;
  Sha256 sum_;
  int64_t at_ = 0;
  bool ended_ = false;
};

// The snapshot that KEY, below FOLDER, is a part of; none when it is nothing of ours.
std::optional<SnapshotId> idIn(std::string_view key, std::string_view folder) {
  if (!key.starts_with(folder)) return std::nullopt;
  key.remove_prefix(folder.size());
  const size_t first = key.find('/');
  const size_t second = key.find('/', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return std::nullopt;
  SnapshotId id{.namespace_ = std::string(key.substr(0, first)),
                .uid = std::string(key.substr(first + 1, second - first - 1))};
  if (id.namespace_.empty() || id.uid.empty()) return std::nullopt;
  return id;
}

}  // namespace

Result<api::SnapshotStore> Depot::choosePlace(const SnapshotId& id, const std::string& cluster) {
  const auto ring = with_.keyRing();
  if (!ring) return fail(ring.error());
  const store::WrappedKey wrapped = store::wrap(*ring, store::randomBytes(store::keyBytes), id.uid);
  // Never the same twice: nothing there is under another key.
  const std::string attempt = hexOf(store::randomBytes(4));
  const store::Place& here = with_.bucket.place();
  return api::SnapshotStore{.endpoint = textOf(here.endpoint),
                            .bucket = here.bucket,
                            .location = folderOf(cluster, id) + attempt + "/",
                            .keyID = wrapped.keyId,
                            .wrappedKey = wrapped.text,
                            .sizeBytes = {}};
}

bool Depot::isHere(const api::SnapshotStore& place) const {
  const store::Place& here = with_.bucket.place();
  return place.bucket.empty() || (place.endpoint == textOf(here.endpoint) && place.bucket == here.bucket);
}

Result<std::string> Depot::keyOf(const SnapshotId& id, const api::SnapshotStore& place) {
  if (!isHere(place)) {
    const store::Place& here = with_.bucket.place();
    return fail(Errc::InvalidInput, "it is in the bucket \"" + place.bucket + "\" at " + place.endpoint +
                                        ", and this node's store is the bucket \"" + here.bucket + "\" at " +
                                        textOf(here.endpoint) +
                                        "; its own node stores it again there, as long as it has it, or set "
                                        "the former one again");
  }
  const auto ring = with_.keyRing();
  if (!ring) return fail(ring.error());
  return store::unwrap(*ring, {.keyId = place.keyID, .text = place.wrappedKey}, id.uid);
}

Result<void> Depot::check(const SnapshotId& id, const api::SnapshotStore& place) {
  const auto key = keyOf(id, place);
  return key ? Result<void>{} : fail(key.error());
}

Task<Result<int64_t>> Depot::store(SnapshotId id, Kept kept, api::SnapshotStore place) {
  const std::string name(manifestName);
  auto key = keyOf(id, place);
  if (!key) co_return fail(key.error());
  auto present = co_await with_.bucket.list(place.location);
  if (!present) co_return fail(present.error());
  std::map<std::string, int64_t> sizes;
  for (const store::Object& object : *present) sizes[object.key] = object.size;
  // As it is on the disk: another version of the agent may have written it.
  const auto text = with_.files.read(kept.folder + "/" + name);
  if (!text) co_return fail(text.error());
  if (digestOf(*text) != kept.digest) co_return damaged("its manifest is not as it was saved");
  int64_t total = 0;
  for (const ManifestFile& file : kept.manifest.files) {
    const std::string objectKey = place.location + file.name;
    if (!sizes.contains(objectKey)) {
      SealedFile source(with_.files, with_.disk, kept.folder + "/" + file.name, file,
                        store::FileKeys(*key, id.uid, file.name));
      auto sent = co_await store::upload(with_.bucket, objectKey, store::largestSealed(file.size), source);
      if (!sent) co_return failWith(file.name, sent.error());
      sizes[objectKey] = *sent;
    }
    total += sizes[objectKey];
  }
  std::string sealed;
  store::Sealer sealer(store::FileKeys(*key, id.uid, name));
  for (size_t at = 0;; at += store::chunkBytes) {
    const bool last = text->size() - at < store::chunkBytes;
    sealed += sealer.add(std::string_view(*text).substr(at, store::chunkBytes), last);
    if (last) break;
  }
  total += int64_t(sealed.size());
  auto done = co_await with_.bucket.put(place.location + name, std::move(sealed));
  if (!done) co_return failWith(name, done.error());
  co_return total;
}

Task<Result<void>> Depot::confirm(SnapshotId id, api::SnapshotStore place, std::string digest) {
  const auto text = co_await fetchManifest(id, place);
  if (!text) co_return fail(text.error());
  if (digestOf(*text) != digest) co_return fail(Errc::InvalidInput, "its manifest there is another one");
  const auto objects = co_await with_.bucket.list(place.location);
  if (!objects) co_return fail(objects.error());
  int64_t total = 0;
  for (const store::Object& object : *objects) total += object.size;
  if (total == place.sizeBytes) co_return Result<void>{};
  co_return fail(Errc::InvalidInput, "there are " + std::to_string(total) + " bytes of it, in place of " +
                                         std::to_string(place.sizeBytes.value_or(0)));
}

Task<Result<void>> Depot::receive(std::string key, store::FileKeys keys,
                                  std::function<Result<void>(std::string_view)> take,
                                  std::function<void()> progress) {
  store::Opener opener(std::move(keys));
  for (int64_t at = 0;;) {
    auto piece = co_await with_.bucket.get(key, at, pieceBytes);
    if (!piece) co_return fail(piece.error());
    auto added = co_await onDisk(with_.disk, [&] { return opener.add(*piece, take); });
    if (!added) co_return added;
    progress();
    at += int64_t(piece->size());
    if (int64_t(piece->size()) < pieceBytes) co_return opener.finish();
  }
}

Task<Result<std::string>> Depot::fetchManifest(SnapshotId id, api::SnapshotStore place) {
  const std::string name(manifestName);
  auto key = keyOf(id, place);
  if (!key) co_return fail(key.error());
  std::string text;
  const auto take = [&](std::string_view chunk) -> Result<void> {
    text += chunk;
    if (text.size() > largestManifest) return fail(Errc::InvalidInput, "it is larger than any manifest");
    return {};
  };
  auto done = co_await receive(place.location + name, store::FileKeys(*key, id.uid, name), take, [] {});
  if (!done) co_return failWith(name, done.error());
  co_return text;
}

Task<Result<void>> Depot::fetch(SnapshotId id, api::SnapshotStore place, ManifestFile file, std::string path,
                                std::function<void(int64_t bytes)> count) {
  auto key = keyOf(id, place);
  if (!key) co_return fail(key.error());
  int64_t written = 0;
  int64_t told = 0;
  const auto take = [&](std::string_view chunk) -> Result<void> {
    written += int64_t(chunk.size());
    if (written > file.size) return fail(Errc::InvalidInput, "it is larger than the manifest tells");
    return with_.files.append(path, chunk);
  };
  auto done = co_await receive(place.location + file.name, store::FileKeys(*key, id.uid, file.name), take,
                               [&] { count(written - std::exchange(told, written)); });
  if (!done) co_return failWith(file.name, done.error());
  co_return Result<void>{};
}

Task<Result<std::set<SnapshotId>>> Depot::places(std::string cluster) {
  const std::string folder = folderOf(cluster);
  std::set<SnapshotId> found;
  const auto namespaces = co_await with_.bucket.folders(folder);
  if (!namespaces) co_return fail(namespaces.error());
  for (const std::string& namespace_ : *namespaces) {
    const auto snapshots = co_await with_.bucket.folders(namespace_);
    if (!snapshots) co_return fail(snapshots.error());
    for (const std::string& snapshot : *snapshots) {
      if (auto id = idIn(snapshot, folder)) found.insert(std::move(*id));
    }
  }
  // Of what was begun and is not there yet.
  const auto uploads = co_await with_.bucket.uploads(folder);
  if (!uploads) co_return fail(uploads.error());
  for (const store::Upload& upload : *uploads) {
    if (auto id = idIn(upload.key, folder)) found.insert(std::move(*id));
  }
  co_return found;
}

Task<Result<void>> Depot::remove(SnapshotId id, std::string cluster) {
  const std::string folder = folderOf(cluster, id);
  const auto uploads = co_await with_.bucket.uploads(folder);
  if (!uploads) co_return fail(uploads.error());
  for (const store::Upload& upload : *uploads) {
    if (auto done = co_await with_.bucket.abort(upload); !done) co_return done;
  }
  const auto objects = co_await with_.bucket.list(folder);
  if (!objects) co_return fail(objects.error());
  for (const store::Object& object : *objects) {
    if (auto done = co_await with_.bucket.remove(object.key); !done) co_return done;
  }
  co_return Result<void>{};
}

}  // namespace cloister::node
