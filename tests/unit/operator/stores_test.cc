#include "operator/stores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/operator/examples.h"

namespace cloister {
namespace {

using test::aSandbox;
using test::podOf;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

api::Sandbox online(const std::string& name) {
  api::Sandbox sandbox = aSandbox(name);
  sandbox.spec.network.egress.mode = api::EgressMode::Internet;
  return sandbox;
}

TEST(Stores, FindPodsBySandboxWhoeverOwnsThem) {
  Stores stores;
  stores.pods.put(podOf(aSandbox("a")));
  api::Sandbox earlier = aSandbox("a");
  earlier.metadata.uid = "other";
  stores.pods.put(podOf(earlier));
  stores.pods.put(podOf(aSandbox("b")));
  api::Pod elsewhere = podOf(aSandbox("a"));
  elsewhere.metadata.namespace_ = "other-team";
  stores.pods.put(elsewhere);
  EXPECT_THAT(stores.podsOf({"team", "a"}), SizeIs(2));
  EXPECT_THAT(stores.podsOf({"team", "b"}), SizeIs(1));
  EXPECT_THAT(stores.podsOf({"other-team", "b"}), IsEmpty());
}

TEST(Stores, FindPodsByThePoliciesThatApply) {
  Stores stores;
  stores.pods.put(podOf(aSandbox("a")));
  stores.pods.put(podOf(online("b")));
  const std::string profile = policy::policyName(policy::networkProfile(online("b").spec.network, {}).name);
  EXPECT_THAT(stores.podsUnder({"team", std::string(policy::defaultDenyName)}), SizeIs(2));
  EXPECT_THAT(stores.podsUnder({"team", profile}), SizeIs(1));
  EXPECT_THAT(stores.podsUnder({"other-team", profile}), IsEmpty());
  EXPECT_THAT(policyKeysOf(podOf(online("b"))), ElementsAre(kube::ObjectKey{"team", "cloister-default-deny"},
                                                            kube::ObjectKey{"team", profile}));
}

TEST(Stores, FindTheSandboxesThatWaitForASnapshot) {
  Stores stores;
  api::Sandbox waits = aSandbox("a");
  waits.spec.restoreFrom = api::LocalReference{"saved"};
  api::Sandbox runs = waits;
  runs.metadata.name = "b";
  runs.status.startedAt = Time(seconds(1));
  stores.sandboxes.put(waits);
  stores.sandboxes.put(runs);
  stores.sandboxes.put(aSandbox("c"));
  ASSERT_THAT(stores.unstartedOfSnapshot({"team", "saved"}), SizeIs(1));
  EXPECT_EQ(stores.unstartedOfSnapshot({"team", "saved"}).at(0)->metadata.name, "a");
  EXPECT_THAT(stores.unstartedOfSnapshot({"other-team", "saved"}), IsEmpty());
}

TEST(Stores, TellThePodsOfAPoolFromThoseThatWereTaken) {
  Stores stores;
  api::Pod idle = podOf(aSandbox("a"));
  idle.metadata.labels["cloister.dev/pool"] = "warm";
  idle.metadata.labels["cloister.dev/sandbox"] = "";
  stores.pods.put(idle);
  stores.pods.put(podOf(aSandbox("b")));
  EXPECT_THAT(stores.idlePodsOf({"team", "warm"}), SizeIs(1));
  EXPECT_THAT(stores.takenPodsOf({"team", "warm"}), IsEmpty());
  idle.metadata.labels["cloister.dev/sandbox"] = "a";
  idle.metadata.resourceVersion = "201";
  stores.pods.put(idle);
  EXPECT_THAT(stores.idlePodsOf({"team", "warm"}), IsEmpty());
  EXPECT_THAT(stores.takenPodsOf({"team", "warm"}), SizeIs(1));
  EXPECT_THAT(stores.takenPodsOf({"other-team", "warm"}), IsEmpty());
  EXPECT_THAT(stores.takenPodsOf({"team", ""}), IsEmpty()) << "a pod that came from no pool";
}

TEST(Stores, KnowWhoMayGetAPodYet) {
  const auto isWaitingIf = [](auto&& change) {
    api::Sandbox sandbox = aSandbox("a");
    change(sandbox);
    return isWaiting(sandbox);
  };
  EXPECT_TRUE(isWaitingIf([](api::Sandbox&) {}));
  EXPECT_FALSE(isWaitingIf([](api::Sandbox& s) { s.metadata.deletionTimestamp = Time{}; }));
  EXPECT_FALSE(isWaitingIf([](api::Sandbox& s) { s.status.startedAt = Time{}; }));
  EXPECT_FALSE(isWaitingIf([](api::Sandbox& s) { s.status.phase = api::Phase::Failed; }));
  EXPECT_FALSE(isWaitingIf([](api::Sandbox& s) { s.status.phase = api::Phase::Succeeded; }));
  const auto accepted = [](const char* status) {
    return [status](api::Sandbox& s) {
      s.status.conditions.resize(1);
      s.status.conditions[0].type = "Accepted";
      s.status.conditions[0].status = status;
    };
  };
  EXPECT_FALSE(isWaitingIf(accepted("False")));
  EXPECT_TRUE(isWaitingIf(accepted("True")));
  Stores stores;
  stores.sandboxes.put(aSandbox("a"));
  EXPECT_THAT(stores.waitingIn("team"), SizeIs(1));
  EXPECT_THAT(stores.waitingIn("nobody"), IsEmpty());
}

TEST(Stores, NameThePoliciesOfANamespace) {
  Stores stores;
  for (const char* namespace_ : {"team", "other-team"}) {
    api::NetworkPolicy policy;
    policy.metadata.namespace_ = namespace_;
    policy.metadata.name = std::string("of-") + namespace_;
    stores.policies.put(policy);
  }
  EXPECT_THAT(stores.policyNames("team"), ElementsAre("of-team"));
  EXPECT_THAT(stores.policyNames("nobody"), IsEmpty());
}

}  // namespace
}  // namespace cloister
