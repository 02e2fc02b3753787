#include "node/agent/runsc.h"

#include <set>
#include <sys/stat.h>

#include <boost/json/parse.hpp>

#include "json/codec.h"
#include "kube/process.h"
#include "node/cri.h"

namespace cloister::node {
namespace {

// A sandbox of many GiB on a slow disk.
constexpr Duration longestCheckpoint = std::chrono::minutes(10);

// Which file a program is: another one has another number, or has been written to since.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  timespec changed = {};
  bool operator==(const FileIdentity& other) const {
    return device == other.device && inode == other.inode && changed.tv_sec == other.changed.tv_sec &&
           changed.tv_nsec == other.changed.tv_nsec;
  }
};

std::optional<FileIdentity> identityOf(const std::string& path) {
  struct stat found = {};
  if (::stat(path.c_str(), &found) != 0) return std::nullopt;
  return FileIdentity{.device = found.st_dev, .inode = found.st_ino, .changed = found.st_ctim};
}

// ID is in ALL for as long as this lives, perhaps with another one of it.
class Saving {
 public:
  Saving(std::multiset<std::string>& all, std::string id) : all_(all), place_(all.insert(std::move(id))) {}
  ~Saving() { all_.erase(place_); }
  Saving(const Saving&) = delete;
  Saving& operator=(const Saving&) = delete;

 private:
  std::multiset<std::string>& all_;
  std::multiset<std::string>::iterator place_;
};

class RealRunsc final : public Runsc {
 public:
  RealRunsc(boost::asio::any_io_executor executor, std::string program, std::string root)
      : executor_(std::move(executor)), program_(std::move(program)), root_(std::move(root)) {}

  Task<Result<std::vector<RunningContainer>>> list() override {
    auto output = co_await call({"--root=" + root_, "list", "--format=json"}, seconds(30));
    if (!output) co_return fail(output.error());
    co_return parseRunscList(*output);
  }

  Task<Result<void>> checkpoint(std::string rootId, std::string folder) override {
    // Not compressed: the sandbox stands still meanwhile.
    const Saving saving(saving_, rootId);
    auto output = co_await call({"--root=" + root_, "checkpoint", "--leave-running", "--compression=none",
                                 "--image-path=" + folder, std::move(rootId)},
                                longestCheckpoint);
    if (!output) co_return fail(output.error());
    co_return Result<void>{};
  }

  bool isSaving(const std::string& rootId) const override { return saving_.contains(rootId); }
  Task<Result<void>> pause(std::string rootId) override { return act({"pause", std::move(rootId)}); }
  Task<Result<void>> resume(std::string rootId) override { return act({"resume", std::move(rootId)}); }
  Task<Result<void>> kill(std::string id) override { return act({"kill", std::move(id), "KILL"}); }

  Task<Result<std::string>> version() override {
    const auto program = identityOf(program_);
    if (program && program == told_) co_return version_;
    auto output = co_await call({"--version"}, seconds(30));
    if (!output) co_return fail(output.error());
    auto version = parseRunscVersion(*output);
    // If it was replaced meanwhile, this is what neither of the two is known to be.
    if (version && program == identityOf(program_)) {
      told_ = program;
      version_ = *version;
    }
    co_return version;
  }

 private:
  Task<Result<void>> act(std::vector<std::string> args) {
    args.insert(args.begin(), "--root=" + root_);
    auto output = co_await call(std::move(args), seconds(30));
    if (!output) co_return fail(output.error());
    co_return Result<void>{};
  }

  Task<Result<std::string>> call(std::vector<std::string> args, Duration deadline) {
    kube::Command command{
        .program = program_, .args = std::move(args), .environment = {}, .deadline = deadline};
    auto finished = co_await kube::run(executor_, std::move(command));
    if (!finished) co_return fail(finished.error());
    if (finished->exitStatus != 0) {
      co_return fail(Errc::Internal, "runsc failed (" + std::to_string(finished->exitStatus) +
                                         "): " + finished->errors.substr(0, 1024));
    }
    co_return std::move(finished->output);
  }

  boost::asio::any_io_executor executor_;
  std::string program_;
  std::string root_;
  std::optional<FileIdentity> told_;  // which VERSION_ is of: each fork waits for it
  std::string version_;
  std::multiset<std::string> saving_;  // sandboxes whose checkpoint is on its way
};

}  // namespace

std::unique_ptr<Runsc> realRunsc(boost::asio::any_io_executor executor, std::string program,
                                 std::string root) {
  return std::make_unique<RealRunsc>(std::move(executor), std::move(program), std::move(root));
}

Result<std::vector<RunningContainer>> parseRunscList(std::string_view output) {
  boost::system::error_code error;
  const json::value parsed = boost::json::parse(output, error);
  std::vector<RunningContainer> out;
  if (!error && parsed.is_null()) return out;
  if (error || !parsed.is_array()) return fail(Errc::Protocol, "runsc list did not print a list");
  for (const json::value& one : parsed.get_array()) {
    RunningContainer container{.id = json::findString(one, "id"),
                               .bundle = json::findString(one, "bundle"),
                               .status = json::findString(one, "status")};
    const json::object* annotations = one.is_object() ? cri::annotationsOf(one.get_object()) : nullptr;
    if (annotations != nullptr) {
      container.podUID = cri::annotation(*annotations, cri::podUID);
      container.isRoot = cri::isRoot(*annotations);
    }
    if (!container.id.empty() && !container.bundle.empty()) out.push_back(std::move(container));
  }
  return out;
}

Result<std::string> parseRunscVersion(std::string_view output) {
  constexpr std::string_view start = "runsc version ";
  if (!output.starts_with(start)) return fail(Errc::Protocol, "runsc --version did not print a version");
  return std::string(output.substr(start.size(), output.find('\n') - start.size()));
}

}  // namespace cloister::node
