#include "operator/quota/guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/operator/quota/quotas.h"

namespace cloister::quota {
namespace {

using test::aQuota;
using testing::IsEmpty;
using testing::SizeIs;

api::SandboxQuotaSpec full() {
  api::SandboxQuotaSpec spec;
  spec.running = 4;
  spec.sandboxes = 9;
  spec.cpu = {"2000m"};
  return spec;
}

Config withClass() {
  Config config;
  config.defaults.priorityClassName = "ours";
  return config;
}

std::vector<GuardStep> planned(const api::SandboxQuota& quota,
                               const std::vector<std::shared_ptr<const api::ResourceQuota>>& present,
                               const Config& config) {
  return planGuards(&quota, present, config);
}

using Present = std::vector<std::shared_ptr<const api::ResourceQuota>>;

Present carriedOut(const std::vector<GuardStep>& steps) {
  Present present;
  for (const GuardStep& step : steps)
    present.push_back(std::make_shared<const api::ResourceQuota>(std::get<CreateGuard>(step).guard));
  return present;
}

template <class T>
T only(const std::vector<GuardStep>& steps) {
  EXPECT_THAT(steps, SizeIs(1));
  return std::get<T>(steps.at(0));
}

TEST(QuotaGuards, BoundObjectsAndThePodsOfOurClassAlone) {
  const auto steps = planned(aQuota(full()), {}, withClass());
  ASSERT_THAT(steps, SizeIs(2));
  const api::ResourceQuota pods = std::get<CreateGuard>(steps[0]).guard;
  EXPECT_EQ(pods.metadata.name, podsGuard);
  EXPECT_EQ(pods.metadata.ownerReferences.at(0).uid, "uid-of-quota");
  EXPECT_EQ(json::print(json::encode(pods.spec.hard)), R"({"limits.cpu":"2000m","pods":"4"})");
  EXPECT_EQ(json::findString(pods.spec.scopeSelector, "matchExpressions.0.values.0"), "ours");
  const api::ResourceQuota objects = std::get<CreateGuard>(steps[1]).guard;
  EXPECT_EQ(json::print(json::encode(objects.spec.hard)), R"({"count/sandboxes.cloister.dev":"9"})");
  EXPECT_THAT(objects.spec.scopeSelector, IsEmpty());
}

TEST(QuotaGuards, LeavePodsAloneThatCannotBeTold) {
  const auto created = only<CreateGuard>(planned(aQuota(full()), {}, Config()));
  EXPECT_EQ(created.guard.metadata.name, objectsGuard);
  EXPECT_TRUE(lacksPriorityClass(aQuota(full()), Config()));
  EXPECT_FALSE(lacksPriorityClass(aQuota(full()), withClass()));
  api::SandboxQuotaSpec objects;
  objects.sandboxes = 9;
  EXPECT_FALSE(lacksPriorityClass(aQuota(objects), Config())) << "it bounds no pods";
  EXPECT_EQ(only<CreateGuard>(planned(aQuota(objects), {}, withClass())).guard.metadata.name, objectsGuard);
}

TEST(QuotaGuards, AreAsTheServerWritesQuantities) {
  Present present = carriedOut(planned(aQuota(full()), {}, withClass()));
  api::ResourceQuota canonical = *present[0];
  canonical.spec.hard["limits.cpu"] = {"2"};
  present[0] = std::make_shared<const api::ResourceQuota>(canonical);
  EXPECT_THAT(planned(aQuota(full()), present, withClass()), IsEmpty());
}

TEST(QuotaGuards, ArePutBackAndFollowTheQuota) {
  Present present = carriedOut(planned(aQuota(full()), {}, withClass()));
  api::ResourceQuota bent = *present[0];
  bent.spec.hard["pods"] = {"99"};
  present[0] = std::make_shared<const api::ResourceQuota>(bent);
  EXPECT_EQ(only<RepairGuard>(planned(aQuota(full()), present, withClass())).spec.hard["pods"].text, "4");
  bent.spec = {.hard = {{"pods", {"4"}}, {"limits.cpu", {"2"}}}, .scopeSelector = {}};
  present[0] = std::make_shared<const api::ResourceQuota>(bent);
  EXPECT_EQ(only<RepairGuard>(planned(aQuota(full()), present, withClass())).present, present[0])
      << "it would count everybody's pods";
}

TEST(QuotaGuards, BoundMemoryAndDiskAndNothingElse) {
  api::SandboxQuotaSpec spec;
  spec.memory = {"2Gi"};
  spec.disk = {"3Gi"};
  const auto created = only<CreateGuard>(planned(aQuota(spec), {}, withClass()));
  EXPECT_EQ(json::print(json::encode(created.guard.spec.hard)),
            R"({"limits.ephemeral-storage":"3Gi","limits.memory":"2Gi"})");
  api::ResourceQuota bent = created.guard;
  bent.spec.hard = {{"limits.ephemeral-storage", {"3Gi"}}, {"requests.memory", {"2Gi"}}};
  EXPECT_EQ(only<RepairGuard>(
                planned(aQuota(spec), {std::make_shared<const api::ResourceQuota>(bent)}, withClass()))
                .spec,
            created.guard.spec)
      << "as much, but of something else";
}

TEST(QuotaGuards, OfNobodyAreRemoved) {
  Present present = carriedOut(planned(aQuota(full()), {}, Config()));
  api::ResourceQuota orphan = *present.at(0);
  orphan.metadata.ownerReferences.clear();
  present = {std::make_shared<const api::ResourceQuota>(orphan)};
  EXPECT_EQ(only<RemoveGuard>(planned(aQuota(full()), present, Config())).present, present[0]);
}

TEST(QuotaGuards, GoWithTheirLimit) {
  const Present present = carriedOut(planned(aQuota(full()), {}, withClass()));
  api::SandboxQuotaSpec less = full();
  less.sandboxes.reset();
  EXPECT_EQ(only<RemoveGuard>(planned(aQuota(less), present, withClass())).present->metadata.name,
            objectsGuard);
}

TEST(QuotaGuards, GoWithTheQuota) {
  EXPECT_THAT(planGuards(nullptr, carriedOut(planned(aQuota(full()), {}, withClass())), withClass()),
              SizeIs(2));
}

TEST(QuotaGuards, OfANamesakeThatIsGoneAreMadeAnew) {
  const Present present = carriedOut(planned(aQuota(full()), {}, Config()));
  api::SandboxQuota other = aQuota(full());
  other.metadata.uid = "another";
  const auto steps = planned(other, present, Config());
  ASSERT_THAT(steps, SizeIs(1));
  EXPECT_TRUE(std::holds_alternative<RemoveGuard>(steps[0])) << "and then created, once it is gone";
}

TEST(QuotaGuards, StayWhileTheQuotaCannotBeRead) {
  api::SandboxQuota quota = aQuota({});
  quota.unreadable = "spec.cpu: no";
  const Present present = carriedOut(planned(aQuota(full()), {}, withClass()));
  EXPECT_THAT(planned(quota, present, withClass()), IsEmpty());
}

}  // namespace
}  // namespace cloister::quota
