// Prepares a node for snapshots, and undoes it. Either may be cut short anywhere and done again: each file is
// the former or the new one, whole, and what is written is noted before. All of it blocks.
#pragma once

#include "node/agent/files.h"
#include "node/agent/preparation.h"

namespace cloister::node {

struct Outcome {
  std::vector<std::string> written;
  std::vector<std::string> removed;
  std::vector<std::string> left;  // ours once, but changed since
  bool needsRestart = false;      // containerd has not read its configuration since
};

// InvalidInput where the node is not as it has to be, or something is in the way: with what to do. Nothing is
// written then.
Result<Outcome> install(Files& files, const Preparation& settings);

// Conflict while sandboxes run on the node: their shims go on calling cloister-runsc.
Result<Outcome> uninstall(Files& files, const Preparation& settings);

}  // namespace cloister::node
