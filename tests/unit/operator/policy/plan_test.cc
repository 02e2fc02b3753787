#include "operator/policy/plan.h"

#include <gtest/gtest.h>

#include "tests/unit/operator/examples.h"

namespace cloister::policy {
namespace {

using test::epoch;

struct Case {
  bool exists = true;
  bool intact = true;
  bool used = false;
  bool wanted = false;
};

NetworkProfile internet() {
  api::SandboxNetwork network;
  network.egress.mode = api::EgressMode::Internet;
  return networkProfile(network, {});
}

Observed seen(const std::string& name, const json::object& spec, Case is) {
  Observed observed{.name = name, .policy = nullptr, .used = is.used};
  if (is.exists) {
    api::NetworkPolicy policy;
    policy.metadata.name = name;
    if (is.intact) policy.spec = spec;
    observed.policy = std::make_shared<const api::NetworkPolicy>(policy);
  }
  if (is.wanted) observed.wanted = spec;
  return observed;
}
Observed profile(Case is) {
  return seen(policyName(internet().name), internet().spec, is);
}
Observed defaultDeny(Case is) {
  is.wanted = true;
  return seen(std::string(defaultDenyName), defaultDenySpec(), is);
}
Step step(const Observed& observed) {
  return plan(observed, epoch).step;
}

TEST(PolicyPlan, LeavesAloneWhatIsAsItShouldBe) {
  EXPECT_EQ(step(profile({.used = true, .wanted = true})), Step::Nothing);
  EXPECT_EQ(step(profile({.used = true, .wanted = false})), Step::Nothing);
  EXPECT_EQ(step(defaultDeny({.used = true})), Step::Nothing);
  EXPECT_EQ(step(defaultDeny({.used = false})), Step::Nothing);
}

TEST(PolicyPlan, BringsBackWhatPodsRelyOn) {
  EXPECT_EQ(step(profile({.exists = false, .used = true, .wanted = true})), Step::Create);
  EXPECT_EQ(step(defaultDeny({.exists = false, .used = true})), Step::Create);
  EXPECT_EQ(step(profile({.exists = false, .used = false})), Step::Nothing);
  EXPECT_EQ(step(profile({.exists = false, .used = true, .wanted = false})), Step::Nothing)
      << "nobody knows its rules: the pods are closed in, and get another profile";
  EXPECT_EQ(step(defaultDeny({.exists = false, .used = false})), Step::Nothing) << "no sandbox, no trace";
}

TEST(PolicyPlan, RepairsWhatSomebodyChanged) {
  EXPECT_EQ(step(profile({.intact = false, .used = true, .wanted = true})), Step::Repair);
  EXPECT_EQ(step(defaultDeny({.intact = false, .used = true})), Step::Repair);
  EXPECT_EQ(step(defaultDeny({.intact = false, .used = false})), Step::Repair)
      << "the next sandbox must not start before it";
}

TEST(PolicyPlan, LeavesWhatSomebodyChangedWhenNobodyKnowsItsRules) {
  EXPECT_EQ(step(profile({.intact = false, .used = true, .wanted = false})), Step::Nothing);
}

TEST(PolicyPlan, RemovesAProfileAfterTenUnusedMinutes) {
  Observed unused = profile({});
  EXPECT_EQ(plan(unused, epoch).step, Step::Nothing);
  EXPECT_EQ(plan(unused, epoch).again, epoch + unusedGrace);
  unused.unusedFor = unusedGrace - Duration(1);
  EXPECT_EQ(plan(unused, epoch).step, Step::Nothing);
  EXPECT_EQ(plan(unused, epoch).again, epoch + Duration(1));
  unused.unusedFor = unusedGrace;
  EXPECT_EQ(plan(unused, epoch).step, Step::Delete);
  unused.policy = profile({.intact = false}).policy;
  EXPECT_EQ(plan(unused, epoch).step, Step::Delete) << "whatever it says by now";
}

TEST(PolicyPlan, KeepsAProfileThatASandboxWaitsFor) {
  Observed awaited = profile({});
  awaited.awaited = true;
  awaited.unusedFor = unusedGrace;
  EXPECT_EQ(plan(awaited, epoch).step, Step::Nothing);
  EXPECT_EQ(plan(awaited, epoch).again, epoch + awaitedPeriod);
}

TEST(PolicyPlan, NeverRemovesDefaultDeny) {
  Observed unused = defaultDeny({});
  unused.unusedFor = std::chrono::hours(1000);
  EXPECT_EQ(plan(unused, epoch).step, Step::Nothing);
}

}  // namespace
}  // namespace cloister::policy
