// The pool controller against an API server: what it leaves behind, and how many writes that took.
#include "operator/pool/reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/pool/reasons.h"
#include "operator/sandbox/reasons.h"
#include "operator/template/revision.h"
#include "tests/unit/operator/examples.h"
#include "tests/unit/operator/pool/pools.h"

namespace cloister::pool {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using test::aPool;
using test::aTemplate;
using test::ended;
using test::PoolWorld;
using test::ready;
using test::slotPod;
using test::takenBy;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// So many pods, all of them Ready, and the pool says so.
void expectFull(const PoolWorld& world, size_t count) {
  EXPECT_THAT(world.idle(), SizeIs(count));
  for (const api::Pod& pod : world.idle()) EXPECT_TRUE(sandbox::isPodReady(pod));
  EXPECT_EQ(world.condition(condition::ready).status, "True") << world.condition(condition::ready).message;
  EXPECT_EQ(world.pool().status.replicas, int(count));
  EXPECT_EQ(world.pool().status.readyReplicas, int(count));
}

std::unique_ptr<PoolWorld> fullWorld(int replicas = 3) {
  auto world = std::make_unique<PoolWorld>(aPool(replicas));
  world->settle();
  expectFull(*world, size_t(replicas));
  return world;
}

TEST(PoolReconciler, FillsWithAsManyCreationsAsPods) {
  PoolWorld world(aPool(20));
  world.settle();
  expectFull(world, 20);
  EXPECT_EQ(world.server.count("POST pods"), 20);
  EXPECT_EQ(world.server.count("POST networkpolicies"), 1);
  EXPECT_EQ(world.server.count("POST controllerrevisions"), 1);
  EXPECT_EQ(world.server.count("PATCH sandboxpools/status"), 2) << "on its way, and there";
  EXPECT_THAT(world.reports, IsEmpty());
  EXPECT_EQ(world.pool().status.revision, templates::revisionName(aTemplate()));
  EXPECT_EQ(world.pool().status.selector, "cloister.dev/pool=warm,cloister.dev/sandbox=");
}

TEST(PoolReconciler, IsIdleAfterwards) {
  auto world = fullWorld();
  const size_t calls = world->transport.requests().size();
  for (int i = 0; i < 5; ++i) {
    world->clock.advance(minutes(1));
    world->restart();
    const auto outcome = world->reconcile();
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->again, std::nullopt);
  }
  EXPECT_EQ(world->transport.requests().size(), calls);
}

TEST(PoolReconciler, RefillsAClaimWithOnePodAndOneStatus) {
  auto world = fullWorld();
  const size_t before = world->server.writes().size();
  EXPECT_NE(world->claim("hello"), "");
  world->settle();
  expectFull(*world, 3);
  EXPECT_EQ(world->pool().status.claimed, 1);
  const auto& writes = world->server.writes();
  EXPECT_THAT(std::vector(writes.begin() + long(before), writes.end()),
              ElementsAre("POST pods", "PATCH sandboxpools/status"));
}

TEST(PoolReconciler, CountsManyClaimsInOneStatus) {
  auto world = fullWorld(10);
  const size_t before = world->server.count("PATCH sandboxpools/status");
  for (int i = 0; i < 20; ++i) {
    EXPECT_NE(world->claim("s" + std::to_string(i)), "");
    world->sync();
    (void)world->reconcile();
    for (const api::Pod& pod : world->idle()) {
      if (!sandbox::isPodReady(pod))
        world->putPod(ready(pod, std::chrono::floor<seconds>(world->clock.now())));
    }
    world->clock.advance(milliseconds(200));
  }
  EXPECT_LE(world->server.count("PATCH sandboxpools/status") - before, 2) << "in four seconds";
  world->settle();
  expectFull(*world, 10);
  EXPECT_EQ(world->pool().status.claimed, 20);
  EXPECT_EQ(world->condition(condition::ready).lastTransitionTime,
            fullWorld(10)->condition(condition::ready).lastTransitionTime)
      << "it was Ready all the time";
}

TEST(PoolReconciler, LeavesTimeBetweenRounds) {
  PoolWorld world(aPool(40));
  ASSERT_TRUE(world.reconcile());
  EXPECT_THAT(world.idle(), SizeIs(largestRound));
  world.clock.advance(roundPeriod - milliseconds(1));
  const auto early = world.reconcile();
  ASSERT_TRUE(early);
  EXPECT_EQ(early->again, world.clock.now() + milliseconds(1));
  EXPECT_THAT(world.idle(), SizeIs(largestRound));
  world.clock.advance(milliseconds(1));
  ASSERT_TRUE(world.reconcile());
  EXPECT_THAT(world.idle(), SizeIs(2 * largestRound));
}

TEST(PoolReconciler, CountsTheDemandByAClockThatNobodySets) {
  api::SandboxPool pool = aPool();
  pool.spec.replicas = std::nullopt;
  pool.spec.minIdle = 1;
  PoolWorld world(pool);
  world.settle();
  for (const char* name : {"a", "b"}) {
    api::Sandbox sandbox = test::aSandbox();
    sandbox.metadata.name = name;
    sandbox.metadata.namespace_ = PoolWorld::key.namespace_;
    sandbox.metadata.creationTimestamp = world.clock.now();
    world.server.put("sandboxes", json::encode(sandbox));
    EXPECT_NE(world.claim(name), "");
    world.settle();
  }
  EXPECT_THAT(world.idle(), SizeIs(2));
  for (const auto jump : {hours(1), -hours(2), hours(1)}) {
    world.clock.jumpWallClock(jump);
    world.settle();
    EXPECT_THAT(world.idle(), SizeIs(2));
  }
  world.clock.advance(minutes(1));
  world.settle();
  EXPECT_THAT(world.idle(), SizeIs(1));
}

TEST(PoolReconciler, FollowsItsReplicas) {
  auto world = fullWorld(3);
  world->edit([](api::SandboxPoolSpec& spec) { spec.replicas = 5; });
  world->settle();
  expectFull(*world, 5);
  world->claim("hello");
  world->edit([](api::SandboxPoolSpec& spec) { spec.replicas = 0; });
  world->settle();
  expectFull(*world, 0);
  EXPECT_THAT(world->server.all("pods"), SizeIs(1)) << "the one that was taken";
}

TEST(PoolReconciler, RollsToAnotherTemplate) {
  auto world = fullWorld(8);
  world->claim("hello");
  world->settle();
  world->put(aTemplate("python:4"));
  const size_t before = world->server.count("POST pods");
  for (int i = 0; i < 40; ++i) {
    world->sync();
    (void)world->reconcile();
    size_t isReady = 0;
    for (const api::Pod& pod : world->idle()) isReady += sandbox::isPodReady(pod) ? 1 : 0;
    EXPECT_GE(isReady, 6);
    if (i % 3 != 0) continue;  // pods take their time
    for (const api::Pod& pod : world->idle()) {
      if (!sandbox::isPodReady(pod))
        world->putPod(ready(pod, std::chrono::floor<seconds>(world->clock.now())));
    }
    world->clock.advance(roundPeriod);
  }
  world->settle();
  expectFull(*world, 8);
  EXPECT_EQ(world->server.count("POST pods") - before, 8);
  EXPECT_EQ(world->pool().status.updatedReplicas, 8);
  EXPECT_EQ(world->pool().status.revision, templates::revisionName(aTemplate("python:4")));
  ASSERT_THAT(world->reports, SizeIs(1));
  EXPECT_EQ(world->reports[0].reason, reason::upToDate);
  EXPECT_THAT(world->server.all("pods"), SizeIs(9)) << "the one that was taken runs on";
}

// --- Views that are behind, and other operators

TEST(PoolReconciler, CreatesNoMoreThanNOnAStoreThatLags) {
  PoolWorld world(aPool(5));
  Stores behind;
  world.server.sync(behind);
  world.settle();
  Reconciler other({.client = world.client,
                    .clock = world.clock,
                    .config = world.config,
                    .stores = behind,
                    .report = [](const auto&, const auto&) {}});
  (void)test::run(world.clock, other.reconcile(PoolWorld::key, 1));
  EXPECT_EQ(world.server.count("POST pods"), 5);
  expectFull(world, 5);
  const size_t asked = world.transport.count("POST");
  world.clock.advance(roundPeriod);
  (void)test::run(world.clock, other.reconcile(PoolWorld::key, 2));
  EXPECT_EQ(world.transport.count("POST"), asked) << "it has learned of them";
}

TEST(PoolReconciler, LearnsOfAPodThatWasTakenInTheMeantime) {
  auto world = fullWorld(2);
  const std::string taken = world->claim("hello");
  for (const api::Pod& pod : world->idle()) world->stores->pods.erase(pod);
  world->stores->pods.erase(*world->stores->pods.get({"team", taken}));
  EXPECT_TRUE(world->reconcile());
  world->settle();
  expectFull(*world, 2);
  EXPECT_EQ(world->pool().status.claimed, 1);
}

TEST(PoolReconciler, MakesExactlyNWithAnother) {
  PoolWorld world(aPool(10));
  Stores others;
  Reconciler other({.client = world.client,
                    .clock = world.clock,
                    .config = world.config,
                    .stores = others,
                    .report = [](const auto&, const auto&) {}});
  world.server.sync(others);
  auto first = boost::asio::co_spawn(world.clock.executor(), world.reconciler->reconcile(PoolWorld::key, 1),
                                     boost::asio::use_future);
  (void)test::run(world.clock, other.reconcile(PoolWorld::key, 1));
  (void)first.get();
  EXPECT_THAT(world.idle(), SizeIs(10));
  EXPECT_EQ(world.server.count("POST pods"), 10);
  world.settle();
  expectFull(world, 10);
}

TEST(PoolReconciler, NeverDeletesAPodThatWasTakenMeanwhile) {
  auto world = fullWorld(3);
  world->edit([](api::SandboxPoolSpec& spec) { spec.replicas = 0; });
  world->sync();
  const std::string taken = world->claim("hello");  // not known to the store
  EXPECT_TRUE(world->reconcile());
  EXPECT_FALSE(world->server.get("pods", {"team", taken}).is_null());
  world->settle();
  EXPECT_FALSE(world->server.get("pods", {"team", taken}).is_null());
  EXPECT_THAT(world->idle(), IsEmpty());
}

TEST(PoolReconciler, LeavesAPodAloneThatASandboxIsJustTaking) {
  auto world = fullWorld(1);
  world->edit([](api::SandboxPoolSpec& spec) { spec.replicas = 0; });
  world->sync();
  const kube::ObjectKey pod = api::keyOf(world->idle().at(0).metadata);
  world->stores->idle.hold(pod);
  EXPECT_TRUE(world->reconcile());
  EXPECT_EQ(world->server.count("DELETE pods"), 0);
  EXPECT_THAT(world->idle(), SizeIs(1));
}

TEST(PoolReconciler, GoesRoundANameThatSomebodyElseHas) {
  PoolWorld world(aPool(3));
  api::Pod foreign = slotPod(aPool(), 1);
  foreign.metadata.labels = {{"app", "theirs"}};
  foreign.metadata.ownerReferences.clear();
  world.putPod(foreign);
  const kube::ObjectKey key = api::keyOf(foreign.metadata);
  const json::value before = world.server.get("pods", key);
  world.settle();
  expectFull(world, 3);
  EXPECT_EQ(world.server.get("pods", key), before);
  const size_t calls = world.transport.requests().size();
  world.clock.advance(minutes(1));
  world.settle();
  EXPECT_EQ(world.transport.requests().size(), calls) << "it is not tried again";
}

TEST(PoolReconciler, DoesNotOverwriteANewerStatus) {
  PoolWorld world(aPool(1));
  world.edit([](api::SandboxPoolSpec& spec) { spec.replicas = 2; });
  const auto outcome = world.reconcile();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Errc::Conflict);
  world.settle();
  expectFull(world, 2);
}

// --- Failures

TEST(PoolReconciler, DoesNotOverwriteAnotherAsFastAsItCan) {
  auto world = fullWorld();
  const int before = int(world->server.count("PATCH sandboxpools/status"));
  const api::SandboxPool right = world->pool();
  for (int i = 0; i < 500; ++i) {
    api::SandboxPool wrong = world->pool();
    wrong.status.conditions = {};
    world->server.put("sandboxpools", json::encode(wrong));
    world->sync();
    ASSERT_TRUE(world->reconcile());
    world->clock.advance(milliseconds(4));
  }
  EXPECT_LE(int(world->server.count("PATCH sandboxpools/status")) - before, 40) << "20, and 5 in each second";
  world->clock.advance(milliseconds(400));
  ASSERT_TRUE(world->reconcile());
  EXPECT_THAT(world->pool().status.conditions, SizeIs(right.status.conditions.size()));
}

TEST(PoolReconciler, GetsOverEachFailure) {
  for (const auto fault : {test::Fault::Refused, test::Fault::LostAnswer, test::Fault::Silent}) {
    for (size_t call = 0; call < 10; ++call) {
      SCOPED_TRACE("call " + std::to_string(call));
      PoolWorld world(aPool(3));
      world.transport.failCall(call, fault);
      world.settle();
      expectFull(world, 3);
      EXPECT_EQ(world.server.count("POST pods"), 3);
      world.put(aTemplate("python:4"));
      world.transport.failCall(world.transport.requests().size() + call, fault);
      world.settle();
      expectFull(world, 3);
      EXPECT_EQ(world.pool().status.updatedReplicas, 3);
      EXPECT_EQ(world.server.count("DELETE pods"), 3);
    }
  }
}

TEST(PoolReconciler, SaysWhatAQuotaRefusesAndWaits) {
  PoolWorld world(aPool(5));
  size_t asked = 0;
  bool quota = true;
  world.server.admission = [&](const net::Request& request) -> std::optional<net::Response> {
    if (request.method != "POST" || !request.target.contains("/pods")) return std::nullopt;
    if (++asked <= 2 || !quota) return std::nullopt;
    return test::refusal(403, "Forbidden", "pods \"x\" is forbidden: exceeded quota: small");
  };
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(world.reconcile()) << "the queue's backoff brings it again";
    world.sync();
  }
  EXPECT_EQ(asked, 2 + 5) << "one try a round";
  EXPECT_EQ(world.condition(condition::ready).reason, sandbox::reason::quotaExceeded);
  EXPECT_EQ(world.condition(condition::stalled).status, "True");
  EXPECT_EQ(world.server.count("PATCH sandboxpools/status"), 1);
  EXPECT_THAT(world.reports, SizeIs(1));
  quota = false;
  world.settle();
  expectFull(world, 5);
}

TEST(PoolReconciler, WaitsForItsTemplate) {
  PoolWorld world(aPool(2));
  world.server.erase("sandboxtemplates", {"team", "python"});
  world.settle();
  EXPECT_EQ(world.condition(condition::ready).reason, sandbox::reason::templateNotFound);
  EXPECT_THAT(world.condition(condition::progressing).message, HasSubstr("python"));
  EXPECT_THAT(world.reports, SizeIs(1));
  world.put(aTemplate());
  world.settle();
  expectFull(world, 2);
  world.server.erase("sandboxtemplates", {"team", "python"});
  world.claim("hello");
  world.settle();
  EXPECT_THAT(world.idle(), SizeIs(1)) << "what is there stays";
  EXPECT_EQ(world.condition(condition::progressing).reason, sandbox::reason::templateNotFound);
}

TEST(PoolReconciler, CostsAPodAMinuteWhenTheCommandEndsAtOnce) {
  PoolWorld world(aPool(1));
  world.nodeWorks = false;
  for (int second = 0; second < 300; ++second) {
    world.sync();
    (void)world.reconcile();
    for (const api::Pod& pod : world.idle()) {
      if (pod.status.phase == "Pending") world.putPod(ended(pod, 1, "Error"));
    }
    world.clock.advance(seconds(1));
  }
  EXPECT_LE(world.server.count("POST pods"), 5);
  EXPECT_GE(world.server.count("POST pods"), 4);
  EXPECT_EQ(world.condition(condition::ready).reason, sandbox::reason::crashed);
  EXPECT_THAT(world.reports, SizeIs(1));
  EXPECT_LE(world.server.count("PATCH sandboxpools/status"), 2);
}

TEST(PoolReconciler, ForgetsAPoolThatIsGone) {
  auto world = fullWorld(2);
  world->server.erase("sandboxpools", PoolWorld::key);
  world->settle();
  EXPECT_THAT(world->idle(), SizeIs(2)) << "they are the garbage collector's";
}

}  // namespace
}  // namespace cloister::pool
