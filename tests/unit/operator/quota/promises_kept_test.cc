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
  ASSERT_TRUE(world.reconcileQuota());
  EXPECT_THAT(world.quota().status.grants, IsEmpty());
}

TEST(QuotaReconciler, LearnsOfThePodThatAnotherMade) {
  PromisedInVain world;
  world.make();
  ASSERT_TRUE(world.reconcileQuota());
  EXPECT_THAT(world.quota().status.grants, SizeIs(1));
  EXPECT_NE(world.stores->pods.get({"team", world.pod}), nullptr);
}

TEST(QuotaReconciler, KeepsThePromiseWhileNobodyAnswers) {
  PromisedInVain world;
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
  const size_t asked = world.transport.requests().size();
  {
    const UnderWay making(world.stores->requests, "team", {world.pod});
    ASSERT_TRUE(world.reconcileQuota());
  }
  EXPECT_EQ(world.transport.requests().size(), asked);
  EXPECT_THAT(world.quota().status.grants, SizeIs(1));
}

TEST(QuotaReconciler, BeginsNothingByAPromiseThatItAsksAbout) {
  PromisedInVain world;
  std::optional<size_t> open;
  world.server.afterwards = [&](const net::Request& request) {
    if (request.method == "GET") open = world.stores->quotaOf("team")->status.grants.size();
  };
  world.make();
  ASSERT_TRUE(world.reconcileQuota());
  EXPECT_EQ(open, 0U);
  EXPECT_THAT(world.stores->quotaOf("team")->status.grants, SizeIs(1)) << "it stands, as the pod is there";
}

TEST(QuotaReconciler, TellsWhosePromiseItAskedAboutThoughTheQuotaHasChanged) {
  PromisedInVain world;
  world.woken.clear();
  world.server.afterwards = [&](const net::Request& request) {
    if (request.method != "GET") return;
    world.edit([](api::SandboxQuotaSpec& spec) { spec.running = 2; });
    world.server.sync(*world.stores);
  };
  ASSERT_TRUE(world.reconcileQuota());
  EXPECT_THAT(world.woken, ElementsAre("a")) << "it may have looked, and found no promise";
  EXPECT_THAT(world.stores->quotaOf("team")->status.grants, SizeIs(1));
}

TEST(QuotaReconciler, CarriesOutNoGrantThatItIsAboutToDrop) {
  QuotaWorld world;
  world.put(aQuota(running(1)));
  world.create("a");
  world.server.sync(*world.stores);
  ASSERT_TRUE(world.reconcile("a"));
  ASSERT_TRUE(world.reconcileQuota());
  ASSERT_THAT(world.quota().status.grants, SizeIs(1));
  const kube::ObjectKey a{"team", "a"};
  const json::value before = world.server.get("sandboxes", a);
  world.create("b");
  world.server.erase("sandboxes", a);
  world.server.sync(*world.stores);
  ASSERT_TRUE(world.reconcile("b"));
  std::vector<api::QuotaGrant> held;
  world.server.admission = [&](const net::Request& request) -> std::optional<net::Response> {
    if (request.target.contains("sandboxquotas")) held = world.stores->quotaOf("team")->status.grants;
    return test::refusal(500, "InternalError", "etcd is away");
  };
  EXPECT_FALSE(world.reconcileQuota());
  world.server.admission = nullptr;
  EXPECT_THAT(held, IsEmpty()) << "while it is written";
  EXPECT_THAT(world.stores->quotaOf("team")->status.grants, IsEmpty())
      << "nor after that: it may be written all the same";
  // It comes back, so that nothing is to be dropped any more.
  world.server.erase("sandboxes", {"team", "b"});
  world.server.put("sandboxes", before);
  world.server.sync(*world.stores);
  ASSERT_TRUE(world.reconcile("a"));
  const auto outcome = world.reconcileQuota();
  ASSERT_TRUE(outcome && outcome->again);
  EXPECT_THAT(world.pods(), IsEmpty());
  world.clock.advance(lateWrites);
  world.woken.clear();
  ASSERT_TRUE(world.reconcileQuota());
  EXPECT_EQ(world.woken, std::vector<std::string>{"a"});
  EXPECT_THAT(world.stores->quotaOf("team")->status.grants, SizeIs(1)) << "it stands, and no other can come";
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
    world.stores->requests.withdraw("team", granted.metadata.resourceVersion, granted.status.grants);
  };
  ASSERT_TRUE(world.reconcile("a"));
  EXPECT_THAT(world.pods(), IsEmpty());
  world.server.afterwards = nullptr;
  world.stores->requests.withdraw("team", {}, {});
  ASSERT_TRUE(world.reconcile("a"));
  EXPECT_THAT(world.pods(), SizeIs(1)) << "it holds again";
}

}  // namespace
}  // namespace cloister::quota
