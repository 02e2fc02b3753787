#include "node/agent/preparation.h"

#include <algorithm>
#include <ranges>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "api/sandbox.h"
#include "base/hash.h"
#include "node/runsc/decide.h"
#include "node/version.h"

namespace cloister::node {
namespace {

// A TOML string without escapes.
bool isPlain(std::string_view text) {
  return !text.empty() &&
         std::ranges::none_of(text, [](char c) { return c == '\'' || uint8_t(c) < ' ' || c == '\x7f'; });
}

Result<void> check(const Preparation& settings) {
  const std::pair<std::string_view, const std::string*> paths[] = {
      {"folder", &settings.folder}, {"runsc", &settings.runsc}, {"runsc-root", &settings.runscRoot},
      {"socket", &settings.socket}, {"store", &settings.store}, {"drop-in", &settings.dropIn}};
  for (const auto& [name, path] : paths) {
    if (!path->starts_with('/') || !isPlain(*path))
      return fail(Errc::InvalidInput,
                  std::string(name) + ": \"" + *path + "\" is no absolute path without quotes");
  }
  if (!isPlain(settings.handler)) return fail(Errc::InvalidInput, "handler: give a name without quotes");
  for (const std::string& flag : settings.runscFlags) {
    const size_t end = flag.find('=');
    if (end == 0 || end == std::string::npos || !isPlain(flag))
      return fail(Errc::InvalidInput, "runsc-flag: \"" + flag + "\" is not NAME=VALUE without quotes");
  }
  return {};
}

std::string runscConfig(const Preparation& settings) {
  return boost::json::serialize(json::encode(RunscConfig{
             .runsc = settings.runsc, .socket = settings.socket, .versions = copiesIn(settings.store)})) +
         "\n";
}

std::string shimConfig(const Preparation& settings, const std::string& program) {
  std::string text = "binary_name = '" + program + "'\nroot = '" + settings.runscRoot +
                     "'\n[runsc_config]\n" +
                     // runsc compares the pod's cgroup, which differs; cloister-node compares all the rest.
                     "  restore-spec-validation = 'warning'\n";
  for (const std::string& flag : settings.runscFlags) {
    const size_t end = flag.find('=');
    text += "  '" + flag.substr(0, end) + "' = '" + flag.substr(end + 1) + "'\n";
  }
  return text;
}

std::string containerdDropIn(const Preparation& settings, const std::string& shimConfig) {
  const std::string table =
      "[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.'" + settings.handler + "'";
  return "# Written by cloister-node, which removes it unless it was changed.\nversion = 3\n" + table +
         "]\n  runtime_type = 'io.containerd.runsc.v1'\n  pod_annotations = ['dev.gvisor.*', '" +
         std::string(api::restoreAnnotation) + "', '" + std::string(api::holdAnnotation) + "', '" +
         std::string(api::processesAnnotation) + "']\n" + table +
         ".options]\n  TypeUrl = 'io.containerd.runsc.v1.options'\n  ConfigPath = '" + shimConfig + "'\n";
}

template <class T>
bool contains(const std::vector<T>& list, const T& one) {
  return std::ranges::find(list, one) != list.end();
}

bool isOurs(const Installed& installed, const std::string& path, const std::string& sum) {
  return contains(installed.files, {.path = path, .sha256 = sum});
}

// Those of BEFORE that are ours still go, others are left; the last written first.
void removeOld(Changes& changes, const Installed& before, const Sums& there) {
  for (const auto& [path, _] : before.files | std::views::reverse) {
    const auto found = there.find(path);
    if (found == there.end()) continue;
    const bool stays =
        std::ranges::find(changes.after.files, path, &InstalledFile::path) != changes.after.files.end();
    std::vector<std::string>& fate = isOurs(before, path, found->second) ? changes.remove : changes.left;
    if (!stays && !contains(fate, path)) fate.push_back(path);
  }
}

}  // namespace

Result<std::vector<NodeFile>> wantedFiles(const Preparation& settings, std::string program) {
  if (auto good = check(settings); !good) return fail(good.error());
  const std::string path = settings.folder + "/cloister-runsc";
  const std::string shim = settings.folder + "/runsc.toml";
  std::vector<NodeFile> files;
  files.push_back({.path = path, .text = std::move(program), .isProgram = true});
  files.push_back({.path = path + ".json", .text = runscConfig(settings)});
  files.push_back({.path = shim, .text = shimConfig(settings, path)});
  files.push_back({.path = settings.dropIn, .text = containerdDropIn(settings, shim)});
  return files;
}

std::string textOf(const Installed& installed) {
  return boost::json::serialize(json::encode(installed)) + "\n";
}

Result<Installed> parseInstalled(std::string_view text) {
  boost::system::error_code error;
  const json::value parsed = boost::json::parse(text, error);
  if (error) return fail(Errc::InvalidInput, "not JSON: " + error.message());
  auto installed = json::decode<Installed>(parsed);
  if (installed && installed->version != 1) return fail(Errc::InvalidInput, "of another version");
  return installed;
}

Result<Changes> planInstall(const std::vector<NodeFile>& wanted, const Installed& before, const Sums& there) {
  Changes changes{.write = {}, .remove = {}, .left = {}, .meanwhile = before, .after = {}};
  for (const NodeFile& file : wanted) {
    const InstalledFile entry{.path = file.path, .sha256 = sha256Hex(file.text)};
    const auto found = there.find(file.path);
    if (found != there.end() && found->second != entry.sha256 && !isOurs(before, file.path, found->second)) {
      return fail(Errc::InvalidInput,
                  file.path + " is not Cloister's, or was changed since: move it away, and try again");
    }
    if (found == there.end() || found->second != entry.sha256) changes.write.push_back(file);
    if (!contains(changes.meanwhile.files, entry)) changes.meanwhile.files.push_back(entry);
    changes.after.files.push_back(entry);
  }
  removeOld(changes, before, there);
  return changes;
}

Changes planRemoval(const Installed& before, const Sums& there) {
  Changes changes{.write = {}, .remove = {}, .left = {}, .meanwhile = before, .after = {}};
  removeOld(changes, before, there);
  return changes;
}

}  // namespace cloister::node
