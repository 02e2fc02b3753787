// The NetworkPolicy controller against an API server.
#include "operator/policy/reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/template/revision.h"
#include "tests/unit/operator/examples.h"
#include "tests/unit/operator/one_reconciler.h"

namespace cloister::policy {
namespace {

using std::chrono::minutes;
using test::aSandbox;
using test::podOf;
using testing::ElementsAre;
using testing::IsEmpty;

api::Sandbox onlineSandbox() {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.network.egress.mode = api::EgressMode::Internet;
  return sandbox;
}

const NetworkProfile internet = networkProfile(onlineSandbox().spec.network, {});
const kube::ObjectKey defaultDeny{"team", std::string(defaultDenyName)};
const kube::ObjectKey profile{"team", policyName(internet.name)};

class PolicyReconciler : public test::OneReconciler<Reconciler> {
 protected:
  PolicyReconciler() { restart(); }

  void restart() {
    reconciler_.emplace(Parts{.client = client_, .clock = clock_, .config = config_, .stores = stores_});
  }
  void putSandboxAndPod(const api::Sandbox& sandbox) {
    server_.put("sandboxes", json::encode(sandbox));
    server_.put("pods", json::encode(podOf(sandbox)));
  }
  void putPolicy(const kube::ObjectKey& key, const json::object& spec) {
    server_.put("networkpolicies", networkPolicy(key.namespace_, key.name, spec));
  }
  bool isThere(const kube::ObjectKey& key) const { return !server_.get("networkpolicies", key).is_null(); }
  bool isRight(const kube::ObjectKey& key) const {
    return isThere(key) && isIntact(key.name, server_.get("networkpolicies", key).at("spec").as_object());
  }
};

TEST_F(PolicyReconciler, LeavesAloneWhatIsAsItShouldBe) {
  putSandboxAndPod(onlineSandbox());
  putPolicy(defaultDeny, defaultDenySpec());
  putPolicy(profile, internet.spec);
  EXPECT_TRUE(reconcile(defaultDeny));
  EXPECT_TRUE(reconcile(profile));
  EXPECT_THAT(transport_.requests(), IsEmpty());
}

TEST_F(PolicyReconciler, BringsBackWhatSomebodyDeleted) {
  putSandboxAndPod(onlineSandbox());
  EXPECT_TRUE(reconcile(defaultDeny));
  EXPECT_TRUE(reconcile(profile));
  EXPECT_TRUE(isRight(defaultDeny));
  EXPECT_TRUE(isRight(profile));
  EXPECT_THAT(server_.writes(), ElementsAre("POST networkpolicies", "POST networkpolicies"));
}

TEST_F(PolicyReconciler, RepairsWhatSomebodyChanged) {
  putSandboxAndPod(onlineSandbox());
  putPolicy(defaultDeny, {{"podSelector", json::object()}});
  putPolicy(profile, {{"podSelector", json::object()}, {"egress", json::array{json::object()}}});
  EXPECT_TRUE(reconcile(defaultDeny));
  EXPECT_TRUE(reconcile(profile));
  EXPECT_TRUE(isRight(defaultDeny));
  EXPECT_TRUE(isRight(profile));
}

TEST_F(PolicyReconciler, KnowsWhatThePodsOfATemplateNeed) {
  api::SandboxTemplate online;
  online.metadata = aSandbox("python").metadata;
  online.spec.sandbox.network.egress.mode = api::EgressMode::Internet;
  server_.put("controllerrevisions", templates::revisionOf(online));
  api::Pod idle = podOf(onlineSandbox());
  idle.metadata.labels["cloister.dev/sandbox"] = "";
  idle.metadata.labels["cloister.dev/pool"] = "warm";
  idle.metadata.labels["cloister.dev/revision"] = templates::revisionName(online);
  server_.put("pods", json::encode(idle));
  EXPECT_TRUE(reconcile(profile));
  EXPECT_TRUE(isRight(profile)) << "one that waits in a pool";
  server_.erase("networkpolicies", profile);
  idle.metadata.labels["cloister.dev/sandbox"] = "hello";
  server_.put("pods", json::encode(idle));
  server_.put("sandboxes", json::encode(aSandbox()));
  EXPECT_TRUE(reconcile(profile));
  EXPECT_TRUE(isRight(profile)) << "one that was taken";
}

TEST_F(PolicyReconciler, TakesOverANamesakeThatIsNotWatched) {
  putSandboxAndPod(onlineSandbox());
  json::value open = networkPolicy(profile.namespace_, profile.name, {{"podSelector", json::object()}});
  open.at("metadata").as_object().erase("labels");
  server_.put("networkpolicies", open);
  EXPECT_TRUE(reconcile(profile));
  EXPECT_TRUE(isRight(profile));
  EXPECT_TRUE(reconcile(profile)) << "it is watched from now on";
  EXPECT_THAT(server_.writes(), ElementsAre("PATCH networkpolicies"));
}

TEST_F(PolicyReconciler, RepairsNothingOnAStoreThatLags) {
  putSandboxAndPod(onlineSandbox());
  putPolicy(profile, {{"podSelector", json::object()}});
  server_.sync(stores_);
  putPolicy(profile, internet.spec);
  EXPECT_FALSE(test::run(clock_, reconciler_->reconcile(profile, 1))) << "it has changed since";
  EXPECT_TRUE(isRight(profile));
  EXPECT_TRUE(reconcile(profile));
  EXPECT_THAT(server_.writes(), IsEmpty());
}

TEST_F(PolicyReconciler, RemovesAProfileThatNothingUsesForTenMinutes) {
  putPolicy(profile, internet.spec);
  const auto outcome = reconcile(profile);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->again, clock_.now() + minutes(10));
  clock_.advance(minutes(10) - Duration(1));
  EXPECT_TRUE(reconcile(profile));
  EXPECT_TRUE(isThere(profile));
  clock_.advance(Duration(1));
  EXPECT_TRUE(reconcile(profile));
  EXPECT_FALSE(isThere(profile));
}

TEST_F(PolicyReconciler, BeginsToCountAnewAfterAUse) {
  putPolicy(profile, internet.spec);
  EXPECT_TRUE(reconcile(profile));
  clock_.advance(minutes(9));
  putSandboxAndPod(onlineSandbox());
  EXPECT_TRUE(reconcile(profile));
  server_.erase("pods", api::keyOf(podOf(onlineSandbox()).metadata));
  clock_.advance(minutes(9));
  EXPECT_TRUE(reconcile(profile));
  clock_.advance(minutes(9));
  EXPECT_TRUE(reconcile(profile));
  EXPECT_TRUE(isThere(profile));
}

TEST_F(PolicyReconciler, KeepsWhatASandboxWaitsFor) {
  putPolicy(profile, internet.spec);
  server_.put("sandboxes", json::encode(onlineSandbox()));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(reconcile(profile)->again, clock_.now() + awaitedPeriod);
    clock_.advance(minutes(10));
  }
  api::Sandbox refused = onlineSandbox();
  refused.status.conditions.emplace_back();
  refused.status.conditions.back().type = "Accepted";
  refused.status.conditions.back().status = "False";
  server_.put("sandboxes", json::encode(refused));
  EXPECT_EQ(reconcile(profile)->again, clock_.now() + minutes(10));
  clock_.advance(minutes(10));
  EXPECT_TRUE(reconcile(profile));
  EXPECT_FALSE(isThere(profile));
}

TEST_F(PolicyReconciler, KeepsWhatAPoolOrATemplateWillNeed) {
  putPolicy(profile, internet.spec);
  api::SandboxTemplate online;
  online.metadata.name = "online";
  online.metadata.namespace_ = "team";
  online.spec.sandbox.network = onlineSandbox().spec.network;
  server_.put("sandboxtemplates", json::encode(online));
  api::SandboxPool pool;
  pool.metadata.name = "pool";
  pool.metadata.namespace_ = "team";
  pool.spec.templateRef.name = "online";
  server_.put("sandboxpools", json::encode(pool));
  const auto stays = [this] {
    EXPECT_TRUE(reconcile(profile));
    clock_.advance(minutes(11));
    EXPECT_TRUE(reconcile(profile));
    return isThere(profile);
  };
  EXPECT_TRUE(stays());
  server_.erase("sandboxpools", {"team", "pool"});
  api::Sandbox waits = aSandbox();
  waits.spec.templateRef = api::LocalReference{"online"};
  server_.put("sandboxes", json::encode(waits));
  EXPECT_TRUE(stays());
  server_.erase("sandboxes", api::keyOf(waits.metadata));
  EXPECT_FALSE(stays());
}

TEST_F(PolicyReconciler, CountsFromAUseThatCameAndWentBetweenTwoLooks) {
  putPolicy(profile, internet.spec);
  EXPECT_TRUE(reconcile(profile));
  clock_.advance(minutes(9));
  reconciler_->noteUse(profile);
  EXPECT_EQ(reconcile(profile)->again, clock_.now() + minutes(10));
}

TEST_F(PolicyReconciler, NeverRemovesDefaultDeny) {
  putPolicy(defaultDeny, defaultDenySpec());
  EXPECT_TRUE(reconcile(defaultDeny));
  clock_.advance(std::chrono::hours(100));
  EXPECT_TRUE(reconcile(defaultDeny));
  EXPECT_TRUE(isThere(defaultDeny));
  EXPECT_THAT(transport_.requests(), IsEmpty());
}

TEST_F(PolicyReconciler, GetsOverEachFailure) {
  for (const auto fault : {test::Fault::Refused, test::Fault::LostAnswer, test::Fault::Silent}) {
    putSandboxAndPod(onlineSandbox());
    putPolicy(defaultDeny, {{"podSelector", json::object()}});
    server_.erase("networkpolicies", profile);
    for (const kube::ObjectKey& key : {defaultDeny, profile}) {
      transport_.failCall(transport_.requests().size(), fault);
      EXPECT_FALSE(reconcile(key)) << "so it comes again";
      restart();
      EXPECT_TRUE(reconcile(key));
      EXPECT_TRUE(isRight(key));
    }
    server_.erase("pods", api::keyOf(podOf(onlineSandbox()).metadata));
    server_.erase("sandboxes", api::keyOf(onlineSandbox().metadata));
    EXPECT_TRUE(reconcile(profile));
    clock_.advance(minutes(10));
    transport_.failCall(transport_.requests().size(), fault);
    EXPECT_FALSE(reconcile(profile));
    EXPECT_TRUE(reconcile(profile));
    EXPECT_FALSE(isThere(profile));
  }
}

}  // namespace
}  // namespace cloister::policy
