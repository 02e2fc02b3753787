// The Sandbox controller with each of its calls failed in turn.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/policy/profile.h"
#include "tests/unit/operator/mishaps.h"
#include "tests/unit/operator/sandbox/running.h"

namespace cloister::sandbox {
namespace {

using std::chrono::hours;
using test::arrange;
using test::aSandbox;
using test::Mishap;
using test::podOf;
using test::ready;
using test::runningWorld;
using test::World;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const kube::ObjectKey defaultDeny{"team", std::string(policy::defaultDenyName)};

api::Sandbox onlineSandbox() {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.network.egress.mode = api::EgressMode::Internet;
  return sandbox;
}

class EachMishap : public testing::TestWithParam<Mishap> {};

INSTANTIATE_TEST_SUITE_P(All, EachMishap, testing::ValuesIn(test::mishaps),
                         [](const auto& info) { return test::nameOf(info.param); });

// Nothing but the Sandbox's own pod, in the right fence, and told as it is.
void expectRunning(World& world) {
  ASSERT_THAT(world.pods(), SizeIs(1));
  const api::Pod pod = world.pods()[0];
  EXPECT_EQ(api::controllerOf(pod.metadata)->uid, world.sandbox().metadata.uid);
  EXPECT_EQ(world.server.count("POST pods"), 1);
  const std::string profile = policy::networkProfile(world.sandbox().spec.network, {}).name;
  EXPECT_EQ(pod.metadata.labels.at("cloister.dev/network"), profile);
  for (const std::string& name : {defaultDeny.name, policy::policyName(profile)}) {
    const json::value policy = world.server.get("networkpolicies", {"team", name});
    ASSERT_FALSE(policy.is_null()) << name;
    EXPECT_TRUE(policy::isIntact(name, policy.at("spec").as_object())) << name;
  }
  EXPECT_EQ(world.sandbox().status.phase, api::Phase::Running);
  EXPECT_EQ(world.sandbox().status.podName, pod.metadata.name);
  EXPECT_EQ(world.ready().status, "True");
  const size_t writes = world.server.writes().size();
  world.restart();
  world.settle();
  EXPECT_EQ(world.server.writes().size(), writes) << "and nothing more is to be done";
}

TEST_P(EachMishap, OfAColdStartIsGotOver) {
  constexpr size_t calls = 4;  // two policies, the pod, the status
  for (size_t call = 0; call < calls; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    World world;
    arrange(world, GetParam(), call);
    world.create(onlineSandbox());
    world.settle();
    expectRunning(world);
    // A time-out takes the start past what is quiet, and a quota is told.
    const bool told =
        GetParam() == Mishap::LostAnswer || GetParam() == Mishap::Silent || GetParam() == Mishap::Quota;
    EXPECT_LE(world.server.count("PATCH sandboxes/status"), told ? 2 : 1);
    EXPECT_EQ(world.server.count("POST networkpolicies"), 2);
  }
}

TEST_P(EachMishap, OfAColdStartIsGotOverOnAStoreThatLags) {
  for (size_t call = 0; call < 3; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    World world;
    arrange(world, GetParam(), call);
    world.create(onlineSandbox());
    for (int i = 0; i < 4; ++i) {  // nothing comes of the watches meanwhile
      try {
        (void)world.reconcile();
      } catch (const test::Crash&) {
        world.restart();
      }
    }
    EXPECT_THAT(world.pods(), SizeIs(1));
    world.settle();
    expectRunning(world);
  }
}

TEST_P(EachMishap, OfAnExpiryIsGotOver) {
  for (size_t call = 0; call < 2; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    auto world = runningWorld();
    world->clock.advance(hours(2));
    arrange(*world, GetParam(), call);
    world->settle();
    EXPECT_FALSE(world->findSandbox());
    EXPECT_THAT(world->pods(), IsEmpty());
    EXPECT_EQ(world->server.count("DELETE sandboxes"), 1);
    EXPECT_EQ(world->server.count("DELETE pods"), 1);
  }
}

TEST_P(EachMishap, OfAnotherProfileIsGotOver) {
  for (size_t call = 0; call < 3; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    auto world = runningWorld();
    world->edit([](api::Sandbox& sandbox) { sandbox.spec.network.egress.mode = api::EgressMode::Internet; });
    arrange(*world, GetParam(), call);
    world->settle();
    expectRunning(*world);
    EXPECT_EQ(world->server.count("PATCH pods"), 1);
  }
}

TEST_P(EachMishap, OfRemovingAStrayIsGotOver) {
  for (size_t call = 0; call < 2; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    World world;
    world.putPod(ready(podOf(aSandbox())));
    arrange(world, GetParam(), call);
    world.settle();
    EXPECT_THAT(world.pods(), IsEmpty());
    EXPECT_THAT(world.server.writes(), ElementsAre("DELETE pods"));
  }
}

}  // namespace
}  // namespace cloister::sandbox
