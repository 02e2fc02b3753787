#include "node/agent/vault.h"

#include <algorithm>

namespace cloister::node {
namespace {

// Names come from the API server, which allows no others.
Result<void> checkNames(const SnapshotId& id) {
  for (const std::string& name : {id.namespace_, id.uid}) {
    if (name.empty() || name.starts_with('.') || name.contains('/'))
      return fail(Errc::InvalidInput, "\"" + name + "\" is no name of a folder");
  }
  return {};
}

}  // namespace

Result<void> Vault::open() {
  if (auto done = files_.makeFolder(root_); !done) return done;
  if (auto done = files_.remove(staging()); !done) return done;
  return files_.makeFolder(staging());
}

Result<std::string> Vault::stage(const SnapshotId& id) {
  if (auto done = checkNames(id); !done) return fail(done.error());
  std::string folder = stagingOf(id);
  if (auto done = files_.remove(folder); !done) return fail(done.error());
  if (auto done = files_.makeFolder(folder); !done) return fail(done.error());
  return folder;
}

Result<void> Vault::discard(const SnapshotId& id) {
  if (auto done = checkNames(id); !done) return done;
  return files_.remove(stagingOf(id));
}

Result<Kept> Vault::publish(const SnapshotId& id, Manifest manifest) {
  const std::string from = stagingOf(id);
  const auto names = files_.list(from);
  if (!names) return fail(names.error());
  if (names->empty()) return fail(Errc::Internal, "the checkpoint has no files");
  for (const std::string& name : *names) {
    const auto sum = files_.sumAndSync(from + "/" + name);
    if (!sum) return fail(sum.error());
    manifest.files.push_back({.name = name, .size = sum->size, .sha256 = sum->sha256});
  }
  const std::string text = textOf(manifest);
  if (auto done = putInPlace(id, text); !done) return fail(done.error());
  return Kept{.folder = folderOf(id), .manifest = std::move(manifest), .digest = digestOf(text)};
}

Result<Kept> Vault::adopt(const SnapshotId& id, std::string_view text) {
  auto manifest = parseManifest(text);
  if (!manifest) return fail(manifest.error());
  if (manifest->snapshotUID != id.uid) return fail(Errc::InvalidInput, "the manifest is another snapshot's");
  if (auto done = checkSums(stagingOf(id), *manifest); !done) return fail(done.error());
  if (auto done = putInPlace(id, text); !done) return fail(done.error());
  return Kept{.folder = folderOf(id), .manifest = std::move(*manifest), .digest = digestOf(text)};
}

Result<void> Vault::checkSums(const std::string& folder, const Manifest& manifest) {
  for (const ManifestFile& file : manifest.files) {
    const auto sum = files_.sumAndSync(folder + "/" + file.name);
    if (!sum) return fail(sum.error());
    if (sum->size != file.size || sum->sha256 != file.sha256)
      return fail(Errc::InvalidInput, "its file " + file.name + " is not as it was saved");
  }
  return {};
}

// All of it was on the disk before, but for the manifest. What was in its place goes at the last moment.
Result<void> Vault::putInPlace(const SnapshotId& id, std::string_view text) {
  const std::string from = stagingOf(id);
  if (auto done = files_.write(from + "/" + std::string(manifestName), text); !done) return done;
  if (auto done = files_.syncFolder(from); !done) return done;
  if (auto done = files_.makeFolder(root_ + "/" + id.namespace_); !done) return done;
  // The namespace's folder may be new.
  if (auto done = files_.syncFolder(root_); !done) return done;
  if (auto done = takeAway(id); !done) return done;
  if (auto done = files_.rename(from, folderOf(id)); !done) return done;
  if (auto done = files_.syncFolder(root_ + "/" + id.namespace_); !done) return done;
  return files_.remove(debrisOf(id));
}

Result<int64_t> Vault::room() {
  auto room = files_.freeBytes(staging());
  if (!room) return room;
  for (const auto& [id, bytes] : reserved_) *room -= bytes.missing;
  return std::max<int64_t>(*room, 0);
}

void Vault::arrived(const SnapshotId& id, int64_t bytes) {
  if (const auto found = reserved_.find(id); found != reserved_.end())
    found->second.missing = std::max<int64_t>(found->second.missing - bytes, 0);
}

int64_t Vault::reserved() const {
  int64_t total = 0;
  for (const auto& [id, bytes] : reserved_) total += bytes.total;
  return total;
}

Result<std::optional<Kept>> Vault::find(const SnapshotId& id) {
  if (auto done = checkNames(id); !done) return fail(done.error());
  if (const auto bad = condemned_.find(id); bad != condemned_.end())
    return fail(Errc::InvalidInput, bad->second);
  const std::string folder = folderOf(id);
  const auto text = files_.read(folder + "/" + std::string(manifestName));
  if (!text && text.error().code == Errc::NotFound) return std::optional<Kept>();
  if (!text) return fail(text.error());
  auto manifest = parseManifest(*text);
  if (!manifest) return fail(manifest.error());
  if (manifest->snapshotUID != id.uid) return fail(Errc::InvalidInput, "the manifest is another snapshot's");
  return Kept{.folder = folder, .manifest = std::move(*manifest), .digest = digestOf(*text)};
}

Result<void> Vault::check(const Kept& kept) {
  for (const ManifestFile& file : kept.manifest.files) {
    const auto size = files_.size(kept.folder + "/" + file.name);
    if (!size) return fail(size.error());
    if (*size != file.size) {
      return fail(Errc::InvalidInput, "its file " + file.name + " has " + std::to_string(*size) +
                                          " bytes in place of " + std::to_string(file.size));
    }
  }
  return {};
}

Result<std::optional<Kept>> Vault::sound(const SnapshotId& id, std::string_view digest) {
  auto kept = find(id);
  if (!kept || !*kept) return kept;
  if ((*kept)->digest != digest) return fail(Errc::InvalidInput, "its manifest is not as it was saved");
  const auto whole = check(**kept);
  if (whole) return kept;
  const bool gone = whole.error().code == Errc::NotFound;
  return fail(gone ? Errc::InvalidInput : whole.error().code, whole.error().message);
}

// Out of its place as a whole: a removal that is cut short leaves no half of it there.
Result<void> Vault::takeAway(const SnapshotId& id) {
  auto done = files_.remove(debrisOf(id));
  if (done) done = files_.rename(folderOf(id), debrisOf(id));
  if (!done && done.error().code == Errc::NotFound) return {};
  return done;
}

Result<void> Vault::remove(const SnapshotId& id) {
  if (auto done = hide(id); !done) return done;
  return clear(id);
}

Result<void> Vault::hide(const SnapshotId& id) {
  if (auto done = checkNames(id); !done) return done;
  return takeAway(id);
}

Result<void> Vault::clear(const SnapshotId& id) {
  if (auto done = checkNames(id); !done) return done;
  return files_.remove(debrisOf(id));
}

Result<void> Vault::use(const SnapshotId& id, Time now) {
  if (auto done = checkNames(id); !done) return done;
  used_[id] = now;
  return files_.stamp(folderOf(id), now);
}

Result<std::vector<Copy>> Vault::copies() {
  std::vector<Copy> copies;
  const auto ids = all();
  if (!ids) return fail(ids.error());
  std::map<SnapshotId, Time> used;
  for (const SnapshotId& id : *ids) {
    const std::string folder = folderOf(id);
    const auto stamp = files_.stampOf(folder);
    if (!stamp && stamp.error().code == Errc::NotFound) continue;  // it is being removed
    if (!stamp) return fail(stamp.error());
    Copy copy{.id = id, .usedAt = *stamp};
    if (const auto noted = used_.find(id); noted != used_.end()) {
      copy.usedAt = std::max(copy.usedAt, noted->second);
      used.insert(*noted);
    }
    const auto names = files_.list(folder);
    if (!names) return fail(names.error());
    for (const std::string& name : *names) {
      const auto size = files_.size(folder + "/" + name);
      if (!size && size.error().code != Errc::NotFound) return fail(size.error());
      copy.bytes += size.value_or(0);
    }
    copies.push_back(std::move(copy));
  }
  used_ = std::move(used);
  return copies;
}

Result<std::vector<SnapshotId>> Vault::all() {
  std::vector<SnapshotId> found;
  const auto namespaces = files_.list(root_);
  if (!namespaces) return fail(namespaces.error());
  for (const std::string& namespace_ : *namespaces) {
    if (namespace_.starts_with('.')) continue;
    const auto uids = files_.list(root_ + "/" + namespace_);
    if (!uids) return fail(uids.error());
    for (const std::string& uid : *uids) found.push_back({.namespace_ = namespace_, .uid = uid});
  }
  return found;
}

}  // namespace cloister::node
