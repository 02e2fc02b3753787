#include "node/agent/versions.h"

#include <filesystem>

#include "base/log.h"
#include "node/agent/evict.h"
#include "node/agent/on_disk.h"

namespace cloister::node {
namespace {

// What is being copied; no version has such a name.
constexpr const char* staging = "/.new";
constexpr size_t blockSize = size_t(4) << 20;
constexpr Duration nextLook = std::chrono::minutes(10);

}  // namespace

Task<Result<std::string>> Versions::keepInstalled() {
  const std::string file = fileAt(with_.installed);
  auto version = co_await with_.runsc.version();
  const Instant now = with_.clock.instant();
  if (!version || with_.folder.empty() || (file == seen_ && now < again_)) co_return version;
  // Replaced meanwhile: another time, for it is not known which of the two has this version.
  if (fileAt(with_.installed) != file) co_return version;
  seen_ = file;
  again_ = now + nextLook;
  if (node::versionOf(with_.folder, {.path = with_.installed, .file = file}) == *version) co_return version;
  if (auto done = co_await copy(*version, file); !done) {
    log::warn("no copy of runsc can be kept; what is saved now is lost when it is replaced",
              {{"version", *version}, {"reason", done.error().message}});
    // A half of it would have the room that others need.
    const std::string half = with_.folder + staging;
    (void)co_await onDisk(with_.disk, [&] { return with_.files.remove(half); });
    co_return version;
  }
  log::info("copy of runsc kept", {{"version", *version}});
  co_return version;
}

// A copy with the same bytes, of another file, is then known to be of both. Another build of the same version
// takes the place of the former: what that created is spoken to by the one that is installed.
Task<Result<void>> Versions::copy(std::string version, std::string file) {
  if (!isVersion(version))
    co_return fail(Errc::InvalidInput, "\"" + version + "\" cannot be the name of a folder");
  const std::string folder = with_.folder + "/" + version;
  auto list = co_await onDisk(with_.disk, [&] { return listOf(folder); });
  if (!list) co_return fail(list.error());
  if (isListed(*list, file))
    co_return fail(Errc::Internal, folder + "/runsc cannot be run; is its disk mounted noexec?");
  if (list->empty()) {
    if (auto done = checkRoom(); !done) co_return done;
    if (auto done = co_await onDisk(with_.disk, [&] { return stage(); }); !done) co_return done;
  }
  if (fileAt(with_.installed) != file)
    co_return fail(Errc::Internal, "runsc was replaced while it was being copied");
  const std::string from = list->empty() ? with_.folder + staging : folder;
  const std::string aside = from + "/of.new";
  if (auto done = with_.files.remove(aside); !done) co_return done;
  if (auto done = with_.files.write(aside, *list + file + "\n"); !done) co_return done;
  if (auto done = with_.files.rename(aside, from + "/of"); !done) co_return done;
  if (auto done = with_.files.syncFolder(from); !done) co_return done;
  if (from == folder) co_return Result<void>{};
  if (auto done = with_.files.remove(folder); !done) co_return done;
  if (auto done = with_.files.rename(from, folder); !done) co_return done;
  co_return with_.files.syncFolder(with_.folder);
}

// The files that the copy in FOLDER is known to be of; empty when it is no copy of what is installed.
Result<std::string> Versions::listOf(const std::string& folder) {
  auto list = with_.files.read(folder + "/of");
  if (!list && list.error().code == Errc::NotFound) return "";
  if (!list) return list;
  const auto same = isInstalled(folder + "/runsc");
  if (!same) return fail(same.error());
  return *same ? *list : "";
}

// PATH has the bytes of what is installed.
Result<bool> Versions::isInstalled(const std::string& path) {
  for (int64_t at = 0;;) {
    const auto one = with_.files.readAt(with_.installed, at, blockSize);
    if (!one) return fail(one.error());
    const auto other = with_.files.readAt(path, at, blockSize);
    if (!other && other.error().code != Errc::NotFound) return fail(other.error());
    if (!other || *one != *other) return false;
    if (one->empty()) return true;
    at += int64_t(one->size());
  }
}

Result<void> Versions::checkRoom() {
  const auto size = with_.files.size(with_.installed);
  if (!size) return fail(size.error());
  const auto room = with_.vault.room();
  if (!room) return fail(room.error());
  const Space space{.room = *room};
  if (shortage(space, *size) == 0) return {};
  return fail(Errc::Internal, tellShortage(space, *size));
}

Result<void> Versions::stage() {
  const std::string folder = with_.folder + staging;
  const std::string to = folder + "/runsc";
  std::error_code error;
  const std::string from = std::filesystem::canonical(with_.installed, error).string();
  if (error) return fail(Errc::Internal, with_.installed + ": " + error.message());
  if (auto done = with_.files.remove(folder); !done) return done;
  if (auto done = with_.files.makeFolder(folder); !done) return done;
  for (int64_t at = 0;;) {
    const auto block = with_.files.readAt(from, at, blockSize);
    if (!block) return fail(block.error());
    if (block->empty()) break;
    if (auto done = with_.files.append(to, *block); !done) return done;
    at += int64_t(block->size());
  }
  if (const auto sum = with_.files.sumAndSync(to); !sum) return fail(sum.error());
  return with_.files.makeProgram(to);
}

Task<Result<std::set<std::string>>> Versions::others() {
  std::set<std::string> all;
  if (with_.folder.empty()) co_return all;
  auto installed = co_await with_.runsc.version();
  if (!installed) co_return fail(installed.error());
  const auto names = with_.files.list(with_.folder);
  if (!names) co_return fail(names.error());
  for (const std::string& name : *names) {
    if (isVersion(name) && name != *installed) all.insert(name);
  }
  co_return all;
}

Task<Result<void>> Versions::removeUnneeded(std::set<std::string> unneeded) {
  const auto before = std::exchange(unneeded_, unneeded);
  for (const std::string& version : unneeded) {
    if (!before.contains(version)) continue;
    const std::string folder = with_.folder + "/" + version;
    // Without it, the rest is no copy of anything, should it be left half removed.
    if (auto done = with_.files.remove(folder + "/of"); !done) co_return done;
    if (auto done = co_await onDisk(with_.disk, [&] { return with_.files.remove(folder); }); !done)
      co_return done;
    log::info("copy of runsc removed, which nothing needs any more", {{"version", version}});
  }
  co_return Result<void>{};
}

}  // namespace cloister::node
