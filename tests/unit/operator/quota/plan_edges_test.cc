// What the quota's plan must not mistake: one moment's news for the next's, one asker's for another's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/quota/plan.h"
#include "operator/quota/reasons.h"
#include "tests/unit/operator/quota/quotas.h"

namespace cloister::quota {
namespace {

using test::aQuota;
using test::cold;
using test::epoch;
using test::granted;
using test::notLookedAt;
using test::planAfterTakingBack;
using test::podNamed;
using test::poolOf;
using test::restarted;
using test::running;
using test::seen;
using test::warm;
using test::withdrawn;
using test::withSpec;
using test::written;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Time now = epoch + std::chrono::minutes(10);

// The pods that are promised once PLAN is written.
std::vector<std::string> promised(const Observed& observed, Time at = now) {
  std::vector<std::string> pods;
  for (const api::QuotaGrant& grant : written(observed, plan(observed, at)).quota->status.grants)
    pods.push_back(grant.pod);
  return pods;
}

api::SandboxQuotaSpec perMinute(int most) {
  api::SandboxQuotaSpec spec;
  spec.creationsPerMinute = most;
  return spec;
}

// --- What is used

TEST(QuotaPlan, TellsWhatIsUsedOfEachLimitThatIsSet) {
  api::SandboxQuotaSpec spec;
  Observed observed = seen(aQuota(spec));
  observed.pods = {podNamed("a", "a"), podNamed("b", "b")};
  observed.sandboxCount = 3;
  EXPECT_EQ(plan(observed, now).status->used, api::QuotaAmounts());
  spec.running = spec.sandboxes = spec.creationsPerMinute = spec.sandboxHoursPerDay = 9;
  spec.cpu = spec.memory = spec.disk = {"9Gi"};
  const api::QuotaAmounts used = plan(withSpec(observed, spec), now).status->used;
  const api::QuotaAmounts expected{.running = 2,
                                   .sandboxes = 3,
                                   .cpu = {"2"},
                                   .memory = {"2Mi"},
                                   .disk = {"2Ki"},
                                   .creationsPerMinute = 0,
                                   .sandboxHoursPerDay = 0};
  EXPECT_EQ(used, expected);
}

TEST(QuotaPlan, CountsPodsWhoeverOwnsThemUntilTheyEnd) {
  Observed observed = seen(aQuota(running(2)));
  api::Pod orphan = *podNamed("orphan", "x");
  orphan.metadata.ownerReferences.clear();
  api::Pod succeeded = *podNamed("succeeded", "y");
  succeeded.status.phase = "Succeeded";
  observed.pods = {std::make_shared<const api::Pod>(orphan), std::make_shared<const api::Pod>(succeeded)};
  observed.sandboxes = {cold("a", 1), cold("b", 2)};
  EXPECT_THAT(promised(observed), ElementsAre("a-pod"));
}

TEST(QuotaPlan, ForgetsTheCreationsThatItCountsNoMore) {
  Observed observed = seen(aQuota(perMinute(5)));
  observed.sandboxes = {cold("a", 1)};
  observed = written(observed, plan(observed, now));
  ASSERT_EQ(observed.quota->status.recent.size(), 1);
  EXPECT_THAT(plan(withSpec(observed, running(5)), now).status->recent, IsEmpty());
}

// --- Promises

TEST(QuotaPlan, KeepsThePromiseOfWhoIsNotKnownYet) {
  Observed observed = seen(aQuota(running(1)));
  observed.sandboxes = {cold("a", 1)};
  observed = written(observed, plan(observed, now));
  observed.sandboxes.clear();
  EXPECT_THAT(promised(observed), ElementsAre("a-pod")) << "another process made it";
}

TEST(QuotaPlan, HasKeptAPromiseWithWhateverPodTheSandboxGot) {
  Observed observed = seen(aQuota(running(9)));
  observed.sandboxes = {cold("a", 1)};
  observed = written(observed, plan(observed, now));
  observed.sandboxes = {notLookedAt("a", 1)};
  observed.seen.pods = 11;
  api::Pod ended = *podNamed("pool-1", "a", 11);
  ended.status.phase = "Failed";
  observed.pods = {std::make_shared<const api::Pod>(ended)};
  EXPECT_THAT(promised(observed), ElementsAre("a-pod")) << "another one follows";
  observed.pods = {podNamed("pool-1", "a", 12)};
  EXPECT_THAT(withdrawn(plan(observed, now)), IsEmpty()) << "another process may not see it yet";
  observed.seen.pods = 12;
  EXPECT_THAT(withdrawn(plan(observed, now)), ElementsAre("a")) << "another process may be making its own";
  EXPECT_THAT(granted(planAfterTakingBack(observed, now)), IsEmpty());
}

TEST(QuotaPlan, KeepsAPoolsPromiseThoughItHasOtherPods) {
  Observed observed = seen(aQuota(running(9)));
  observed.pools = {poolOf("pool", 2)};
  observed = written(observed, plan(observed, now));
  observed.pools = {notLookedAt("pool", 0)};
  observed.seen.pods = 11;
  observed.pods = {podNamed("pool-0", "pool", 11)};
  EXPECT_THAT(promised(observed), ElementsAre("pool-1"));
}

TEST(QuotaPlan, PromisesNothingThatItDoesNotCount) {
  Observed observed = seen(aQuota(running(9)));
  observed.sandboxes = {warm("a", 1)};
  EXPECT_THAT(promised(observed), IsEmpty());
  observed = seen(aQuota(perMinute(9)));
  observed.pools = {poolOf("pool", 1)};
  EXPECT_THAT(promised(observed), IsEmpty());
  observed.sandboxes = {warm("a", 1)};
  const api::QuotaGrant grant = plan(observed, now).status->grants.at(0);
  EXPECT_EQ(grant.cpu.text + grant.memory.text + grant.disk.text, "") << "its pod is counted already";
}

TEST(QuotaPlan, TakesPoolsPromisesBackFirstWhoeverCameFirst) {
  Observed observed = seen(aQuota(running(2)));
  observed.pools = {poolOf("pool", 1)};
  observed = written(observed, plan(observed, now));
  observed.sandboxes = {cold("a", 1)};
  observed = written(observed, plan(observed, now));
  ASSERT_THAT(promised(observed), ElementsAre("pool-0", "a-pod"));
  EXPECT_THAT(withdrawn(plan(withSpec(observed, running(1)), now)), ElementsAre("pool-0"));
}

TEST(QuotaPlan, PromisesAPoolEachPodOnce) {
  Observed observed = seen(aQuota(running(9)));
  observed.pools = {poolOf("pool", 1)};
  observed = written(observed, plan(observed, now));
  observed.pools = {poolOf("pool", 2)};
  EXPECT_THAT(promised(observed), ElementsAre("pool-0", "pool-1"));
}

// --- In turn

TEST(QuotaPlan, PromisesPoolsNothingBeforeItKnowsWhoWaits) {
  Observed observed = seen(aQuota(running(9)));
  observed.sandboxes = {notLookedAt("a", 1)};
  observed.pools = {poolOf("pool", 1)};
  EXPECT_THAT(promised(observed), IsEmpty());
  EXPECT_FALSE(plan(observed, now).answers) << "who may yet get its turn";
  observed.sandboxes.clear();
  observed.pools.push_back(notLookedAt("unknown", 0));
  EXPECT_THAT(promised(observed), ElementsAre("pool-0")) << "pools do not wait for each other";
}

TEST(QuotaPlan, LetsPoolsNotWaitForWhatNeverFits) {
  api::SandboxQuotaSpec spec;
  spec.cpu = {"4"};
  Observed observed = seen(aQuota(spec));
  observed.sandboxes = {cold("huge", 1, 5)};
  observed.pools = {poolOf("pool", 1)};
  EXPECT_THAT(promised(observed), ElementsAre("pool-0"));
}

TEST(QuotaPlan, LetsPassWhoNeedsNoRoom) {
  api::SandboxQuotaSpec spec = perMinute(1);
  spec.running = 1;
  Observed observed = seen(aQuota(spec));
  observed.pods = {podNamed("old", "old")};
  observed.sandboxes = {cold("a", 1), warm("b", 2)};
  const Plan next = plan(observed, now);
  ASSERT_EQ(next.status->grants.size(), 1);
  EXPECT_EQ(next.status->grants[0].sandbox, "b");
}

TEST(QuotaPlan, LetsPoolsNotWaitForWhoNeedsNoRoom) {
  api::SandboxQuotaSpec spec = perMinute(1);
  spec.running = 9;
  Observed observed = seen(aQuota(spec));
  observed.sandboxes = {warm("a", 1), warm("b", 2)};
  observed.pools = {poolOf("pool", 1)};
  EXPECT_THAT(promised(observed), ElementsAre("", "pool-0"));
}

TEST(QuotaPlan, TellsAPoolWhosePodsNeverFit) {
  api::SandboxQuotaSpec spec;
  spec.cpu = {"500m"};
  Observed observed = seen(aQuota(spec));
  observed.pools = {poolOf("pool", 1)};
  EXPECT_EQ(plan(observed, now).answers->at("uid-pool"), (Answer{.limit = Limit::Cpu, .tooSmall = true}));
}

TEST(QuotaPlan, LetsNoRestartPassTheFirstThatWaits) {
  api::SandboxQuotaSpec spec = perMinute(1);
  spec.running = 1;
  Observed observed = seen(aQuota(spec));
  observed.sandboxes = {cold("a", 1), warm("b", 2), restarted(cold("c", 3))};
  EXPECT_THAT(promised(observed), ElementsAre("a-pod"));
  EXPECT_EQ(plan(observed, now).answers->at("uid-c"), (Answer{.limit = Limit::Creations, .position = 2}))
      << "what it waits for first";
}

// --- What is written, and when

TEST(QuotaPlan, WritesItsViewOnlyWithWhatItDecidedOnIt) {
  Observed observed = seen(aQuota(running(1)));
  observed.sandboxes = {cold("a", 1)};
  observed = written(observed, plan(observed, now));
  observed.seen.pods = 11;
  EXPECT_FALSE(plan(observed, now).status) << "each change of any pod would be a write";
}

TEST(QuotaPlan, IsUrgentForWhoWaitsAndForWhatPeopleRead) {
  Observed observed = seen(aQuota(running(9)));
  observed = written(observed, plan(observed, now));
  const auto conditionOf = [](const Plan& plan, std::string_view type) {
    const api::Condition* found = api::findCondition(plan.status->conditions, type);
    return found->status + " " + found->reason;
  };
  Observed granting = observed;
  granting.sandboxes = {cold("a", 1)};
  EXPECT_TRUE(plan(granting, now).urgent);
  EXPECT_EQ(conditionOf(plan(granting, now), condition::ready), "True InForce");
  EXPECT_TRUE(conditionOf(plan(granting, now), condition::guarded).starts_with("True "));
  EXPECT_FALSE(plan(written(granting, plan(granting, now)), now).urgent) << "it was told";
  Observed told = observed;
  told.guarding = {.holds = false, .reason = "NoPriorityClass", .message = "It has none."};
  EXPECT_TRUE(plan(told, now).urgent);
  EXPECT_EQ(conditionOf(plan(told, now), condition::guarded), "False NoPriorityClass");
  observed.sandboxCount = 1;
  observed.pods = {podNamed("x", "x")};
  EXPECT_FALSE(plan(observed, now).urgent) << "counts alone";
}

TEST(QuotaPlan, WritesTheHoursWithOtherNewsAndOfEachDay) {
  api::SandboxQuotaSpec spec;
  spec.sandboxHoursPerDay = 2;
  Observed observed = seen(aQuota(spec));
  observed.hours = {.day = epoch, .spent = seconds(10), .asOf = now};
  observed = written(observed, plan(observed, now));
  Observed news = observed;
  news.hours.spent = seconds(20);
  news.sandboxes = {cold("a", 1)};
  EXPECT_EQ(plan(news, now + seconds(5)).status->hours->seconds, 20);
  const Time tomorrow = epoch + std::chrono::days(1);
  Observed next = observed;
  next.hours = {.day = tomorrow, .spent = seconds(10), .asOf = tomorrow + seconds(10)};
  ASSERT_TRUE(plan(next, tomorrow + seconds(10)).status);
  EXPECT_EQ(plan(next, tomorrow + seconds(10)).status->hours->day, tomorrow);
  EXPECT_EQ(plan(withSpec(observed, running(1)), now).status->hours, std::nullopt);
  const Plan idle = plan(observed, now + 2 * hoursPeriod);
  EXPECT_FALSE(idle.status) << "nothing runs";
  EXPECT_FALSE(idle.urgent);
  Observed other = observed;
  other.hours.asOf = now + seconds(30);
  other.sandboxes = {cold("a", 1)};
  EXPECT_EQ(plan(other, now + seconds(30)).status->hours, observed.quota->status.hours);
  observed.pods = {podNamed("x", "x")};
  EXPECT_EQ(plan(observed, now).again, now + hoursPeriod) << "while something runs";
}

}  // namespace
}  // namespace cloister::quota
