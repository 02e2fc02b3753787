// The calls of runsc that snapshots and freezing need.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace cloister::node {

struct RunningContainer {
  std::string id;
  std::string bundle;
  std::string podUID = {};  // as containerd tells it
  bool isRoot = false;      // its sandbox's, which has the sandbox's own state
  std::string status = {};  // "running", "paused", "stopped", ...
  bool operator==(const RunningContainer&) const = default;
};

class Runsc {
 public:
  virtual ~Runsc() = default;
  virtual Task<Result<std::vector<RunningContainer>>> list() = 0;
  // Writes the state of the whole sandbox of ROOT_ID into the empty FOLDER; it stands still meanwhile, and
  // runs on, unless it stood still before.
  virtual Task<Result<void>> checkpoint(std::string rootId, std::string folder) = 0;
  // Writes what the container NAME of that sandbox has changed of its image, and its workspace, into the
  // empty FOLDER; likewise.
  virtual Task<Result<void>> saveFiles(std::string rootId, std::string name, std::string folder) = 0;
  // Its checkpoint is on its way: runsc would do nothing else with it before, and what is killed while it
  // waits may be carried out later.
  virtual bool isSaving(const std::string& /*rootId*/) const { return false; }
  // All processes of the sandbox of ROOT_ID stand still, and go on. An error if they do so already.
  virtual Task<Result<void>> pause(std::string rootId) = 0;
  virtual Task<Result<void>> resume(std::string rootId) = 0;
  // The processes of container ID end, without another step; of a sandbox that stands still, once it goes on.
  virtual Task<Result<void>> kill(std::string id) = 0;
  // As `runsc --version` has it, of what is installed.
  virtual Task<Result<std::string>> version() = 0;
  // Of the runsc that the container of BUNDLE was created with; NotFound when nobody knows any more.
  virtual Task<Result<std::string>> versionOf(std::string /*bundle*/) { return version(); }
  // The runsc of VERSION; empty where there is none on this node.
  virtual Task<Result<std::string>> programOf(std::string /*version*/) { co_return ""; }
};

// PROGRAM with the state folder ROOT of containerd's namespace, and COPIES, the folder of other versions of
// it (node/version.h): each container is spoken to with that which created it. InvalidInput and Internal
// carry what it said.
std::unique_ptr<Runsc> realRunsc(boost::asio::any_io_executor executor, std::string program, std::string root,
                                 std::string copies);

// The containers in the output of `runsc list --format=json`.
Result<std::vector<RunningContainer>> parseRunscList(std::string_view output);
// The version in the output of `runsc --version`.
Result<std::string> parseRunscVersion(std::string_view output);

}  // namespace cloister::node
