// The Sandbox controller when somebody has changed what it read, and the watches do not say so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/sandbox/reasons.h"
#include "operator/sandbox/reconciler.h"
#include "tests/unit/operator/examples.h"
#include "tests/unit/operator/sandbox/running.h"
#include "tests/unit/operator/world.h"

namespace cloister::sandbox {
namespace {

using std::chrono::hours;
using test::aSandbox;
using test::World;

class Conflict : public testing::Test {
 protected:
  Conflict() {
    world_.create(aSandbox());
    world_.settle();
  }

  // The pod's end is known, unlike what somebody has changed on the Sandbox.
  void endPod() {
    world_.putPod(test::ended(world_.pods().at(0), 1, "Error"));
    world_.stores->pods.put(world_.pods().at(0));
  }
  // The watches bring nothing, before or after.
  void expectRefusedOnce() {
    const auto refused = world_.reconcile();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::Conflict);
    EXPECT_TRUE(world_.reconcile());
  }

  World world_;
};

TEST_F(Conflict, TheStatusIsWrittenToWhatIsThere) {
  world_.edit([](api::Sandbox& sandbox) { sandbox.spec.lifecycle.ttl = hours(3); });
  endPod();
  expectRefusedOnce();
  EXPECT_EQ(world_.ready().reason, reason::crashed);
  EXPECT_EQ(world_.sandbox().status.observedGeneration, world_.sandbox().metadata.generation);
}

TEST_F(Conflict, TheSuccessorOfTheSameNameGetsItsOwnStart) {
  api::Sandbox successor = aSandbox();
  successor.metadata.uid = "of-the-successor";
  world_.server.erase("sandboxes", World::key);
  world_.server.put("sandboxes", json::encode(successor));
  endPod();
  expectRefusedOnce();
  ASSERT_EQ(world_.pods().size(), 1U) << "the old one is a stray";
  EXPECT_EQ(api::controllerOf(world_.pods().at(0).metadata)->uid, successor.metadata.uid);
}

TEST_F(Conflict, AnUnreadableSandboxIsToldSo) {
  json::value garbled = world_.server.get("sandboxes", World::key);
  garbled.as_object()["spec"] = {{"resources", {{"memory", "lots"}}}};
  world_.server.put("sandboxes", garbled);
  endPod();
  expectRefusedOnce();
  const json::value told = world_.server.get("sandboxes", World::key);
  EXPECT_EQ(json::findString(told, "status.conditions.0.reason"), reason::unreadable);
  EXPECT_EQ(json::findString(told, "status.phase"), "Failed");
  const size_t calls = world_.transport.requests().size();
  EXPECT_TRUE(world_.reconcile());
  EXPECT_EQ(world_.transport.requests().size(), calls) << "its own write is known, too";
}

// Two that lead, of which one's watch lags: each would undo what the other wrote, as fast as they can.
TEST(TwoLeaders, DoNotOverwriteEachOtherAsFastAsTheyCan) {
  auto world = test::runningWorld();
  const int before = int(world->server.count("PATCH sandboxes/status"));
  const api::Sandbox right = world->sandbox();
  Result<runtime::Outcome> outcome;
  for (int i = 0; i < 500; ++i) {
    api::Sandbox wrong = world->sandbox();
    wrong.status.podIPs = {};
    world->server.put("sandboxes", json::encode(wrong));
    world->sync();
    outcome = world->reconcile();
    ASSERT_TRUE(outcome);
    world->clock.advance(milliseconds(4));
  }
  EXPECT_LE(int(world->server.count("PATCH sandboxes/status")) - before, 40) << "20, and 5 in each second";
  ASSERT_TRUE(outcome->again);
  ASSERT_LE(*outcome->again, world->clock.now() + milliseconds(400));
  world->clock.advance(milliseconds(400));
  ASSERT_TRUE(world->reconcile());
  EXPECT_EQ(world->sandbox().status, right.status);
}

TEST_F(Conflict, ThePodIsMovedToAnotherProfile) {
  world_.edit([](api::Sandbox& sandbox) { sandbox.spec.network.egress.mode = api::EgressMode::Internet; });
  world_.sync();
  world_.putPod(test::unready(world_.pods().at(0)));
  expectRefusedOnce();
  EXPECT_EQ(api::labelOf(world_.pods().at(0).metadata, api::networkLabel),
            policy::networkProfile(world_.sandbox().spec.network, {}).name);
}

TEST_F(Conflict, AnExtensionInTheLastMomentIsSeen) {
  world_.edit([](api::Sandbox& sandbox) { sandbox.spec.lifecycle.ttl = hours(3); });
  world_.clock.advance(hours(2));
  expectRefusedOnce();
  EXPECT_EQ(world_.sandbox().status.expiresAt, *world_.sandbox().status.startedAt + hours(3));
}

}  // namespace
}  // namespace cloister::sandbox
