// The world of a Sandbox that runs.
#pragma once

#include <gtest/gtest.h>

#include "tests/unit/operator/examples.h"
#include "tests/unit/operator/world.h"

namespace cloister::test {

// With team/hello, Ready.
inline std::unique_ptr<World> runningWorld(const api::Sandbox& sandbox = aSandbox()) {
  auto world = std::make_unique<World>();
  world->create(sandbox);
  world->settle();
  EXPECT_EQ(world->ready().status, "True");
  return world;
}

}  // namespace cloister::test
