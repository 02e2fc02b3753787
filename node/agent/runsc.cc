#include "node/agent/runsc.h"

#include <map>
#include <set>
#include <unistd.h>

#include <boost/json/parse.hpp>

#include "json/codec.h"
#include "kube/process.h"
#include "node/cri.h"
#include "node/version.h"

namespace cloister::node {
namespace {

// A sandbox of many GiB on a slow disk.
constexpr Duration longestCheckpoint = std::chrono::minutes(10);

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
  RealRunsc(boost::asio::any_io_executor executor, std::string program, std::string root, std::string copies)
      : executor_(std::move(executor)),
        program_(std::move(program)),
        root_(std::move(root)),
        copies_(std::move(copies)) {}

  Task<Result<std::vector<RunningContainer>>> list() override {
    auto output = co_await call(program_, {"--root=" + root_, "list", "--format=json"}, seconds(30));
    if (!output) co_return fail(output.error());
    auto all = parseRunscList(*output);
    if (!all) co_return all;
    bundles_.clear();
    for (const RunningContainer& one : *all) bundles_[one.id] = one.bundle;
    co_return all;
  }

  // Not compressed: the sandbox stands still meanwhile.
  Task<Result<void>> checkpoint(std::string rootId, std::string folder) override {
    return save({"checkpoint", "--compression=none"}, std::move(rootId), std::move(folder));
  }

  Task<Result<void>> saveFiles(std::string rootId, std::string name, std::string folder) override {
    return save({"fscheckpoint", "--path=" + name + ":/", "--path=" + name + ":/workspace"},
                std::move(rootId), std::move(folder));
  }

  bool isSaving(const std::string& rootId) const override { return saving_.contains(rootId); }
  Task<Result<void>> pause(std::string rootId) override { return act({"pause", std::move(rootId)}); }
  Task<Result<void>> resume(std::string rootId) override { return act({"resume", std::move(rootId)}); }
  Task<Result<void>> kill(std::string id) override { return act({"kill", std::move(id), "KILL"}); }

  Task<Result<std::string>> version() override {
    const std::string file = fileAt(program_);
    if (!file.empty() && file == told_) co_return version_;
    auto output = co_await call(program_, {"--version"}, seconds(30));
    if (!output) co_return fail(output.error());
    auto version = parseRunscVersion(*output);
    // If it was replaced meanwhile, this is what neither of the two is known to be.
    if (version && file == fileAt(program_)) {
      told_ = file;
      version_ = *version;
    }
    co_return version;
  }

  Task<Result<std::string>> versionOf(std::string bundle) override {
    const auto program = createdWith(bundle);
    if (!program || program->file == fileAt(program_)) co_return co_await version();
    std::string known = node::versionOf(copies_, *program);
    if (!known.empty()) co_return known;
    co_return fail(
        Errc::NotFound,
        "the sandbox was started with a runsc that has been replaced since, and of which there is no copy");
  }

  Task<Result<std::string>> programOf(std::string wanted) override {
    auto installed = co_await version();
    if (!installed) co_return fail(installed.error());
    if (wanted == *installed) co_return program_;
    if (copies_.empty() || !isVersion(wanted)) co_return "";
    std::string copy = copyOf(copies_, wanted);
    co_return ::access(copy.c_str(), X_OK) == 0 ? copy : "";
  }

 private:
  // As the last list has it.
  std::string programOfContainer(const std::string& id) const {
    const auto bundle = bundles_.find(id);
    return bundle == bundles_.end() ? program_ : programFor(program_, copies_, bundle->second);
  }

  // COMMAND with its own flags.
  Task<Result<void>> save(std::vector<std::string> command, std::string rootId, std::string folder) {
    const Saving saving(saving_, rootId);
    const std::string program = programOfContainer(rootId);
    command.insert(command.begin(), "--root=" + root_);
    command.insert(command.end(), {"--leave-running", "--image-path=" + folder, std::move(rootId)});
    auto output = co_await call(program, std::move(command), longestCheckpoint);
    if (!output) co_return fail(output.error());
    co_return Result<void>{};
  }

  // ARGS: the command, and the container that it is about.
  Task<Result<void>> act(std::vector<std::string> args) {
    const std::string program = programOfContainer(args.at(1));
    args.insert(args.begin(), "--root=" + root_);
    auto output = co_await call(program, std::move(args), seconds(30));
    if (!output) co_return fail(output.error());
    co_return Result<void>{};
  }

  Task<Result<std::string>> call(std::string program, std::vector<std::string> args, Duration deadline) {
    kube::Command command{
        .program = std::move(program), .args = std::move(args), .environment = {}, .deadline = deadline};
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
  std::string copies_;
  std::map<std::string, std::string> bundles_;  // of the containers that were listed last, by id
  std::string told_;                            // which file VERSION_ is of: each fork waits for it
  std::string version_;
  std::multiset<std::string> saving_;  // sandboxes whose checkpoint is on its way
};

}  // namespace

std::unique_ptr<Runsc> realRunsc(boost::asio::any_io_executor executor, std::string program, std::string root,
                                 std::string copies) {
  return std::make_unique<RealRunsc>(std::move(executor), std::move(program), std::move(root),
                                     std::move(copies));
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
