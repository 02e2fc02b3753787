#include "node/version.h"

#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "node/file.h"

namespace cloister::node {
namespace {

namespace fs = std::filesystem;

std::string markOf(const std::string& bundle) {
  return bundle + "/cloister-created-with.json";
}

std::string textOf(const struct stat& found) {
  return std::to_string(found.st_dev) + "-" + std::to_string(found.st_ino) + "-" +
         std::to_string(found.st_ctim.tv_sec) + "." + std::to_string(found.st_ctim.tv_nsec);
}

bool canRun(const std::string& program) {
  return ::access(program.c_str(), X_OK) == 0;
}

}  // namespace

std::string fileAt(const std::string& path) {
  struct stat found = {};
  return ::stat(path.c_str(), &found) == 0 ? textOf(found) : "";
}

std::string fileOf(int descriptor) {
  struct stat found = {};
  return ::fstat(descriptor, &found) == 0 ? textOf(found) : "";
}

std::optional<Program> createdWith(const std::string& bundle) {
  boost::system::error_code error;
  const json::value parsed = boost::json::parse(readFile(markOf(bundle)), error);
  if (error) return std::nullopt;
  auto program = json::decode<Program>(parsed);
  if (!program || !program->path.starts_with('/')) return std::nullopt;
  return std::move(*program);
}

Result<void> noteCreation(const std::string& bundle, const Program& program) {
  return replaceFile(markOf(bundle), boost::json::serialize(json::encode(program)));
}

bool isVersion(std::string_view version) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";
  return !version.empty() && version.size() <= 128 && !version.starts_with('.') &&
         version.find_first_not_of(allowed) == std::string_view::npos;
}

std::string copyOf(const std::string& folder, const std::string& version) {
  return folder + "/" + version + "/runsc";
}

bool isListed(std::string_view list, std::string_view file) {
  return ("\n" + std::string(list)).contains("\n" + std::string(file) + "\n");
}

std::string versionOf(const std::string& folder, const Program& program) {
  if (folder.empty()) return "";
  if (program.path.starts_with(folder + "/"))
    return canRun(program.path) ? fs::path(program.path).parent_path().filename().string() : "";
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::string version = at->path().filename().string();
    if (isVersion(version) && isListed(readFile(at->path().string() + "/of"), program.file) &&
        canRun(copyOf(folder, version)))
      return version;
  }
  return "";
}

std::string programFor(const std::string& installed, const std::string& folder, const std::string& bundle) {
  const auto program = createdWith(bundle);
  if (!program || program->file.empty()) return installed;
  if (fileAt(program->path) == program->file) return program->path;
  const std::string version = versionOf(folder, *program);
  if (version.empty()) return installed;
  std::string copy = copyOf(folder, version);
  return canRun(copy) ? copy : installed;
}

}  // namespace cloister::node
