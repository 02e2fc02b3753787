// Promises of pods against an API server: who may drop one, and when one must not be carried out.
#include <gmock/gmock.h>

#include "tests/unit/operator/quota/quota_world.h"

namespace cloister::quota {
namespace {

using test::aQuota;
using test::QuotaWorld;
using test::running;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// Found by seed 478: the pool made its pod anew by a grant that was being given to another.
TEST(QuotaReconciler, HasThoseLookAgainWhoLookedBeforeAPromise) {
  QuotaWorld world;
  world.create("a");
  world.server.sync(*world.stores);
  const auto sandbox = world.stores->sandboxes.get({"team", "a"});
  world.stores->requests.noteSandbox("team", {.name = "a",
                                              .uid = sandbox->metadata.uid,
                                              .version = sandbox->metadata.resourceVersion,
                                              .created = sandbox->metadata.creationTimestamp,
                                              .wants = {{}},
                                              .pods = 0});
  api::SandboxQuota quota = aQuota(running(1));
  quota.status.grants.resize(1);
  quota.status.grants[0].pod = "a-pod";
  quota.status.grants[0].sandbox = "a";
  quota.status.grants[0].uid = sandbox->metadata.uid;
  quota.status.grants[0].since = "1";
  world.put(quota);
  world.server.sync(*world.stores);
  ASSERT_TRUE(world.reconcileQuota());
  EXPECT_THAT(world.woken, ElementsAre("a"));
  EXPECT_THAT(world.quota().status.grants, SizeIs(1));
}

// The Sandbox "a" was promised a pod and is gone; this process has not been told of one.
struct PromisedInVain : QuotaWorld {
  PromisedInVain() {
    put(aQuota(running(1)));
    create("a");
    server.sync(*stores);
    EXPECT_TRUE(reconcile("a"));
    EXPECT_TRUE(reconcileQuota());
    pod = quota().status.grants.at(0).pod;
    server.erase("sandboxes", {"team", "a"});
    server.sync(*stores);
    clock.advance(Reconciler::newsPeriod);
  }
  // After WAIT whoever may have begun to make its pod has ended.
  void takeBack(Duration wait = settlePeriod) {
    EXPECT_TRUE(reconcileQuota());
    server.sync(*stores);
    EXPECT_TRUE(reconcileQuota());
    clock.advance(wait);
  }
  // Another process did.
  void make() {
    api::Pod made;
    made.metadata.name = pod;
    made.metadata.namespace_ = "team";
    made.metadata.labels = {{std::string(api::sandboxLabel), "a"},
                            {std::string(api::managedByLabel), std::string(api::managedBy)}};
    server.put("pods", json::encode(made));
  }

  std::string pod;
};

TEST(QuotaReconciler, GivesRoomAwayOnlyIfTheApiServerHasNoPodForIt) {
  PromisedInVain world;
  world.takeBack();
  ASSERT_TRUE(world.reconcileQuota());
  EXPECT_THAT(world.quota().status.grants, IsEmpty());
}

// Found by seed 840017245: another process made it right after the answer.
TEST(QuotaReconciler, LetsWhoeverMakesThePodEndBeforeItAsks) {
  PromisedInVain world;
  world.takeBack(settlePeriod - milliseconds(1));
  const size_t asked = world.transport.requests().size();
  const auto outcome = world.reconcileQuota();
  ASSERT_TRUE(outcome && outcome->again);
  EXPECT_EQ(*outcome->again, world.clock.now() + milliseconds(1));
  EXPECT_EQ(world.transport.requests().size(), asked);
  EXPECT_THAT(world.quota().status.grants, SizeIs(1));
}

// Found by seed 1000026140: another process, which had not seen it, made the pod once more by the same
// promise before that went.
TEST(QuotaReconciler, AsksForAPodThatEndsRightAfterItsPromiseWent) {
  QuotaWorld world;
  world.put(aQuota(running(1)));
  world.create("a");
  world.settle();
  ASSERT_THAT(world.quota().status.grants, IsEmpty());
  world.create("b");
  world.server.sync(*world.stores);
  ASSERT_TRUE(world.reconcile("b"));
  const api::Pod pod = world.pods().at(0);
  world.stores->pods.erase(pod);
  world.server.put("pods", json::encode(pod));
  ASSERT_TRUE(world.reconcileQuota());
  EXPECT_THAT(world.quota().status.grants, IsEmpty()) << "it is there";
  EXPECT_NE(world.stores->pods.get(api::keyOf(pod.metadata)), nullptr);

  world.stores->pods.erase(*world.stores->pods.get(api::keyOf(pod.metadata)));
  world.server.erase("pods", api::keyOf(pod.metadata));
  world.clock.advance(catchUpPeriod);
  ASSERT_TRUE(world.reconcileQuota());
  EXPECT_THAT(world.quota().status.grants, SizeIs(1)) << "it is not";
}

TEST(QuotaReconciler, DoesNotAskForOneThatEndsLater) {
  QuotaWorld world;
  world.put(aQuota(running(1)));
  world.create("a");
  world.settle();
  world.create("b");
  world.server.sync(*world.stores);
  ASSERT_TRUE(world.reconcile("b"));
  ASSERT_TRUE(world.reconcileQuota());
  world.clock.advance(settlePeriod);
  const api::Pod pod = world.pods().at(0);
  world.server.erase("pods", api::keyOf(pod.metadata));
  world.stores->pods.erase(pod);
  const size_t asked = world.transport.count("GET");
  ASSERT_TRUE(world.reconcileQuota());
  EXPECT_EQ(world.transport.count("GET"), asked);
  EXPECT_THAT(world.quota().status.grants, SizeIs(1));
}

TEST(QuotaReconciler, WaitsAnewForWhatIsTakenBackAgain) {
  PromisedInVain world;
  world.takeBack();
  api::SandboxQuota quota = world.quota();
  for (const auto withdrawn : {std::optional<bool>(), std::optional(true)}) {
    quota.status.grants.at(0).withdrawn = withdrawn;
    world.put(quota);
    world.server.sync(*world.stores);
    ASSERT_TRUE(world.reconcileQuota());
    EXPECT_THAT(world.quota().status.grants, SizeIs(1));
  }
}

TEST(QuotaReconciler, LearnsOfThePodThatAnotherMade) {
  PromisedInVain world;
  world.takeBack();
  world.make();
  ASSERT_TRUE(world.reconcileQuota());
  EXPECT_THAT(world.quota().status.grants, SizeIs(1));
  EXPECT_NE(world.stores->pods.get({"team", world.pod}), nullptr);
}

TEST(QuotaReconciler, KeepsThePromiseWhileNobodyAnswers) {
  PromisedInVain world;
  world.takeBack();
  world.transport.failCall(world.transport.requests().size(), test::Fault::Refused);
  ASSERT_TRUE(world.reconcileQuota());
  EXPECT_THAT(world.quota().status.grants, SizeIs(1));
  ASSERT_TRUE(world.reconcileQuota());
  EXPECT_THAT(world.quota().status.grants, SizeIs(1)) << "it does not ask time and again";
  world.clock.advance(catchUpPeriod);
  world.server.sync(*world.stores);
  ASSERT_TRUE(world.reconcileQuota());
  EXPECT_THAT(world.quota().status.grants, IsEmpty());
}

// Found by seed 110090086.
TEST(QuotaReconciler, KeepsThePromiseWhosePodIsBeingMade) {
  PromisedInVain world;
  world.takeBack();
  const size_t asked = world.transport.requests().size();
  {
    const UnderWay making(world.stores->requests, "team", {world.pod});
    ASSERT_TRUE(world.reconcileQuota());
  }
  EXPECT_EQ(world.transport.requests().size(), asked);
  EXPECT_THAT(world.quota().status.grants, SizeIs(1));
}

TEST(QuotaReconciler, TrustsNoAnswerAboutAQuotaThatHasChangedMeanwhile) {
  PromisedInVain world;
  world.takeBack();
  world.server.afterwards = [&](const net::Request& request) {
    if (request.method != "GET") return;
    world.edit([](api::SandboxQuotaSpec& spec) { spec.running = 2; });
    world.server.sync(*world.stores);
  };
  ASSERT_TRUE(world.reconcileQuota());
  EXPECT_THAT(world.quota().status.grants, SizeIs(1));
}

// Found by seed 110046106.
TEST(QuotaReconciler, NoGrantIsCarriedOutThatWasTakenBackMeanwhile) {
  QuotaWorld world;
  world.put(aQuota(running(1)));
  world.create("a", [](api::Sandbox& sandbox) {
    sandbox.status.phase = api::Phase::Pending;
    sandbox.status.podUID = "of-one-that-is-gone";
  });
  world.server.sync(*world.stores);
  ASSERT_TRUE(world.reconcile("a"));
  ASSERT_TRUE(world.reconcile("a")) << "with the status that it got";
  ASSERT_TRUE(world.reconcileQuota());
  const api::SandboxQuota granted = world.quota();
  ASSERT_THAT(granted.status.grants, SizeIs(1));
  world.server.afterwards = [&](const net::Request& request) {
    if (request.method != "GET" || !request.target.contains("/pods/")) return;
    api::SandboxQuota takenBack = granted;
    takenBack.status.grants[0].withdrawn = true;
    world.put(takenBack);
    world.server.sync(*world.stores);
  };
  ASSERT_TRUE(world.reconcile("a"));
  EXPECT_THAT(world.pods(), IsEmpty());
  world.server.afterwards = nullptr;
  world.put(granted);
  world.server.sync(*world.stores);
  ASSERT_TRUE(world.reconcile("a"));
  EXPECT_THAT(world.pods(), SizeIs(1)) << "it is promised again";
}

// The Sandbox "a" has its pod, which is to be told of in the quota.
struct Kept : QuotaWorld {
  Kept() {
    put(aQuota(running(1)));
    create("a");
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(turn());
    EXPECT_TRUE(hasPod("a"));
    EXPECT_THAT(quota().status.grants, SizeIs(1));
  }
  // It is gone, and its pod.
  void end() {
    const std::string pod = sandbox::podName(sandbox("a"));
    server.erase("sandboxes", {"team", "a"});
    server.erase("pods", {"team", pod});
  }
};

TEST(QuotaReconciler, TellsSoonThatAPromiseWasKept) {
  Kept world;
  world.clock.advance(Reconciler::dropPeriod - milliseconds(1));
  const auto outcome = world.reconcileQuota();
  ASSERT_TRUE(outcome && outcome->again);
  EXPECT_EQ(*outcome->again, world.clock.now() + milliseconds(1));
  EXPECT_THAT(world.quota().status.grants, SizeIs(1)) << "not with each start";
  world.clock.advance(milliseconds(1));
  ASSERT_TRUE(world.reconcileQuota());
  EXPECT_THAT(world.quota().status.grants, IsEmpty());
  world.end();
  world.create("b");
  EXPECT_TRUE(world.turn() && world.turn());
  EXPECT_TRUE(world.hasPod("b")) << "the room of what had been kept is free at once";
}

TEST(QuotaReconciler, TellsAtOnceThatAPromiseWasKeptWhileSomebodyWaits) {
  Kept world;
  world.create("b");
  EXPECT_TRUE(world.turn());
  EXPECT_THAT(world.quota().status.grants, IsEmpty());
  world.end();
  EXPECT_TRUE(world.turn() && world.turn());
  EXPECT_TRUE(world.hasPod("b"));
}

}  // namespace
}  // namespace cloister::quota
