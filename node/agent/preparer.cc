#include "node/agent/preparer.h"

#include <algorithm>

#include "base/hash.h"
#include "node/agent/containerd_config.h"

namespace cloister::node {
namespace {

std::string folderOf(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

std::string installedPath(const Preparation& settings) {
  return settings.folder + "/" + std::string(installedName);
}

Result<void> checkNode(Files& files, const Preparation& settings) {
  if (!files.size(settings.runsc))
    return fail(Errc::InvalidInput, "there is no " + settings.runsc + ": install gVisor, or say where it is");
  const auto text = files.read(settings.containerdConfig);
  if (!text) return failWith("containerd's configuration", text.error());
  const auto config = parseContainerdConfig(*text);
  if (!config) return failWith(settings.containerdConfig, config.error());
  return checkImports(*config, settings.containerdConfig, settings.dropIn);
}

// Empty when nothing was installed.
Result<Installed> readInstalled(Files& files, const Preparation& settings) {
  const std::string path = installedPath(settings);
  const auto text = files.read(path);
  if (!text && text.error().code == Errc::NotFound) return Installed{};
  if (!text) return fail(text.error());
  auto installed = parseInstalled(*text);
  if (!installed) return failWith(path, installed.error());
  return installed;
}

Result<void> addSum(Files& files, const std::string& path, Sums& sums) {
  const auto text = files.read(path);
  if (!text && text.error().code == Errc::NotFound) return {};
  if (!text) return fail(text.error());
  sums[path] = sha256Hex(*text);
  return {};
}

Result<Sums> lookAt(Files& files, const std::vector<NodeFile>& wanted, const Installed& before) {
  Sums sums;
  for (const NodeFile& file : wanted) {
    if (auto done = addSum(files, file.path, sums); !done) return fail(done.error());
  }
  for (const InstalledFile& file : before.files) {
    if (auto done = addSum(files, file.path, sums); !done) return fail(done.error());
  }
  return sums;
}

// Aside under a name that containerd does not import, then in its place.
Result<void> put(Files& files, const NodeFile& file) {
  const std::string folder = folderOf(file.path);
  const std::string aside = folder + "/." + file.path.substr(folder.size() + 1) + ".new";
  auto done = files.remove(aside);
  if (done) done = files.write(aside, file.text);
  if (done && file.isProgram) done = files.makeProgram(aside);
  if (done) done = files.rename(aside, file.path);
  if (done) done = files.syncFolder(folder);
  return done;
}

Result<void> drop(Files& files, const std::string& path) {
  if (auto done = files.remove(path); !done) return done;
  return files.syncFolder(folderOf(path));
}

Result<void> note(Files& files, const Preparation& settings, const Installed& installed) {
  return put(files, {.path = installedPath(settings), .text = textOf(installed)});
}

Result<Outcome> carryOut(Files& files, const Preparation& settings, const Changes& changes) {
  Outcome outcome{.written = {}, .removed = {}, .left = changes.left};
  if (auto done = note(files, settings, changes.meanwhile); !done) return fail(done.error());
  for (const NodeFile& file : changes.write) {
    if (auto done = put(files, file); !done) return fail(done.error());
    outcome.written.push_back(file.path);
  }
  for (const std::string& path : changes.remove) {
    if (auto done = drop(files, path); !done) return fail(done.error());
    outcome.removed.push_back(path);
  }
  auto done = changes.after.files.empty() ? drop(files, installedPath(settings))
                                          : note(files, settings, changes.after);
  if (!done) return fail(done.error());
  return outcome;
}

// containerd makes its socket anew when it starts. Where there is none, it will read the drop-in when it
// does.
Result<bool> isReadSince(Files& files, const Preparation& settings) {
  const auto written = files.changedAt(settings.dropIn);
  if (!written) return fail(written.error());
  const auto started = files.changedAt(settings.containerdSocket);
  if (!started && started.error().code == Errc::NotFound) return true;
  if (!started) return fail(started.error());
  return *written < *started;
}

Result<void> checkIdle(Files& files, const Preparation& settings) {
  const auto names = files.list(settings.runscRoot + "/k8s.io");
  if (!names) return fail(names.error());
  if (std::ranges::any_of(*names, [](const std::string& name) { return name.ends_with(".state"); }))
    return fail(Errc::Conflict,
                "sandboxes run on this node, whose shims call cloister-runsc: drain it first");
  return {};
}

}  // namespace

Result<Outcome> install(Files& files, const Preparation& settings) {
  if (auto good = checkNode(files, settings); !good) return fail(good.error());
  auto program = files.read(settings.program);
  if (!program) return fail(program.error());
  const auto wanted = wantedFiles(settings, std::move(*program));
  if (!wanted) return fail(wanted.error());
  const auto before = readInstalled(files, settings);
  if (!before) return fail(before.error());
  const auto there = lookAt(files, *wanted, *before);
  if (!there) return fail(there.error());
  const auto changes = planInstall(*wanted, *before, *there);
  if (!changes) return fail(changes.error());
  Outcome outcome;
  if (!changes->write.empty() || changes->after != *before) {
    if (auto made = files.makeFolder(settings.folder); !made) return fail(made.error());
    auto done = carryOut(files, settings, *changes);
    if (!done) return done;
    outcome = std::move(*done);
  }
  const auto isRead = isReadSince(files, settings);
  if (!isRead) return fail(isRead.error());
  outcome.needsRestart = !*isRead;
  return outcome;
}

Result<Outcome> uninstall(Files& files, const Preparation& settings) {
  const auto before = readInstalled(files, settings);
  if (!before) return fail(before.error());
  if (before->files.empty()) return Outcome{};
  if (auto idle = checkIdle(files, settings); !idle) return fail(idle.error());
  const auto there = lookAt(files, {}, *before);
  if (!there) return fail(there.error());
  auto outcome = carryOut(files, settings, planRemoval(*before, *there));
  if (outcome)
    outcome->needsRestart = std::ranges::find(outcome->removed, settings.dropIn) != outcome->removed.end();
  return outcome;
}

}  // namespace cloister::node
