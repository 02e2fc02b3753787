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
