// A node's agent that takes no time, for the operator's tests: it stops sandboxes and saves them, and notes
// what it should not have been asked for.
#pragma once

#include "tests/unit/operator/world.h"

namespace cloister::test {

class NodeAgent {
 public:
  explicit NodeAgent(World& world) : world_(world) {}

  // Answers what is asked of it. False: nothing was.
  bool act();
  std::vector<api::SandboxSnapshot> snapshots() const;
  void setStatus(const api::SandboxSnapshot& snapshot, json::object status);

  bool freezes = true;
  bool saves = true;
  std::string failure;  // of each snapshot, unless empty
  std::string_view failureReason = api::snapshot::podLost;
  std::vector<std::string> trouble;  // what must not be

 private:
  bool answer(api::Pod pod);
  bool save(const api::SandboxSnapshot& snapshot);

  World& world_;
};

}  // namespace cloister::test
