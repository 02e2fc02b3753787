// The calls of runsc that snapshots need.
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
};

class Runsc {
 public:
  virtual ~Runsc() = default;
  virtual Task<Result<std::vector<RunningContainer>>> list() = 0;
  // Writes the state of the whole sandbox of ROOT_ID into the empty FOLDER; it stands still meanwhile, and
  // runs on.
  virtual Task<Result<void>> checkpoint(std::string rootId, std::string folder) = 0;
  // As `runsc --version` has it.
  virtual Task<Result<std::string>> version() = 0;
};

// PROGRAM with the state folder ROOT of containerd's namespace. InvalidInput and Internal carry what it said.
std::unique_ptr<Runsc> realRunsc(boost::asio::any_io_executor executor, std::string program,
                                 std::string root);

// The containers in the output of `runsc list --format=json`.
Result<std::vector<RunningContainer>> parseRunscList(std::string_view output);
// The version in the output of `runsc --version`.
Result<std::string> parseRunscVersion(std::string_view output);

}  // namespace cloister::node
