// A Sandbox that is suspended and goes on, with the operator's reconciler and an agent on its node.
#pragma once

#include <gtest/gtest.h>

#include "tests/unit/operator/examples.h"
#include "tests/unit/operator/node_agent.h"

namespace cloister::test {

// team/hello, which runs, on a node whose agent does its work.
class Suspending : public testing::Test {
 protected:
  static Config withSnapshots() {
    Config config;
    config.snapshots.enabled = true;
    return config;
  }
  Suspending() {
    world_.create(aSandbox());
    settle();
    before_ = world_.server.writes().size();
  }
  // The operator and the agent, until neither has anything to do.
  void settle() {
    do world_.settle();
    while (agent_.act());
  }
  void want(api::DesiredState state) {
    world_.edit([&](api::Sandbox& sandbox) { sandbox.spec.desiredState = state; });
    settle();
  }
  api::SandboxStatus status() const { return world_.sandbox().status; }
  std::vector<std::string> newWrites() const {
    return {world_.server.writes().begin() + std::ptrdiff_t(before_), world_.server.writes().end()};
  }
  std::vector<api::SandboxSnapshot> snapshots() const { return agent_.snapshots(); }

  World world_{withSnapshots()};
  NodeAgent agent_{world_};
  size_t before_ = 0;
};

}  // namespace cloister::test
