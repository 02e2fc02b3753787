// The versions of runsc on this node: the one that is installed, and copies of it and of former ones, as long
// as a snapshot or a sandbox needs them (node/version.h has where they are). A copy is written aside and
// renamed, so one in its place is whole.
#pragma once

#include <set>

#include "base/clock.h"
#include "node/agent/files.h"
#include "node/agent/runsc.h"
#include "node/agent/vault.h"
#include "node/version.h"

namespace cloister::node {

class Versions {
 public:
  struct Surroundings {
    Files& files;
    Runsc& runsc;
    std::string installed;  // the node's own runsc
    std::string folder;     // of the copies; empty: none are made
    Vault& vault;           // whose disk they share
    Clock& clock;
    boost::asio::any_io_executor disk;
  };
  explicit Versions(Surroundings with) : with_(std::move(with)) {}

  // There is a copy of what is installed, and its version; what cannot be copied now is tried again in ten
  // minutes. Costs next to nothing while the file stays the same.
  Task<Result<std::string>> keepInstalled();
  // Those of which there are copies, without that of what is installed.
  Task<Result<std::set<std::string>>> others();
  // There are no copies of UNNEEDED, as far as they were unneeded in the call before as well: what is just
  // being created with one of them has been listed by then.
  Task<Result<void>> removeUnneeded(std::set<std::string> unneeded);

 private:
  Task<Result<void>> copy(std::string version, std::string file);
  Result<std::string> listOf(const std::string& folder);
  Result<bool> isInstalled(const std::string& path);
  Result<void> checkRoom();
  Result<void> stage();

  Surroundings with_;
  std::string seen_;  // the file that was copied last, or could not be (fileAt), and
  Instant again_{};   // ... when to look at it again
  std::set<std::string> unneeded_;
};

}  // namespace cloister::node
