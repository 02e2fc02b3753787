// Who gets a pod, and what the status then says.
#include "operator/quota/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/quota/gate.h"
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
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Time now = epoch + std::chrono::minutes(10);

TEST(QuotaPlan, GrantsInOneGoWhatFits) {
  Observed observed = seen(aQuota(running(3)));
  observed.pods = {podNamed("old", "old")};
  observed.sandboxes = {cold("b", 2), cold("a", 1), cold("c", 3)};
  const Plan next = plan(observed, now);
  EXPECT_THAT(granted(next), ElementsAre("a", "b"));
  EXPECT_TRUE(next.urgent);
  EXPECT_EQ(next.status->used.running, 3) << "what is promised is used";
  EXPECT_EQ(next.status->hard.running, 3);
  EXPECT_EQ(next.status->queued, 1);
  EXPECT_EQ(next.answers->at("uid-c"), (Answer{.limit = Limit::Running, .position = 1}));
}

TEST(QuotaPlan, SaysNothingTwice) {
  Observed observed = seen(aQuota(running(1)));
  observed.sandboxes = {cold("a", 1), cold("b", 2)};
  observed = written(observed, plan(observed, now));
  const Plan again = plan(observed, now + seconds(5));
  EXPECT_FALSE(again.status);
  EXPECT_FALSE(again.again) << "nothing passes by itself";
}

TEST(QuotaPlan, SumsEachLimit) {
  struct Case {
    const char* field;
    Quantity api::SandboxQuotaSpec::* limit;
    const char* value;
    Limit in;
  };
  for (const auto& [field, limit, value, in] :
       {Case{"cpu", &api::SandboxQuotaSpec::cpu, "2500m", Limit::Cpu},
        Case{"memory", &api::SandboxQuotaSpec::memory, "2Mi", Limit::Memory},
        Case{"disk", &api::SandboxQuotaSpec::disk, "2Ki", Limit::Disk}}) {
    SCOPED_TRACE(field);
    api::SandboxQuotaSpec spec;
    spec.*limit = {value};
    Observed observed = seen(aQuota(spec));
    observed.pods = {podNamed("old", "old")};
    observed.sandboxes = {cold("a", 1), cold("b", 2)};
    const Plan next = plan(observed, now);
    EXPECT_THAT(granted(next), ElementsAre("a"));
    EXPECT_EQ(next.answers->at("uid-b").limit, in);
  }
}

TEST(QuotaPlan, CountsNoPodsThatEndedAndAllThatAreOnTheirWayOut) {
  Observed observed = seen(aQuota(running(2)));
  api::Pod ended = *podNamed("ended", "x");
  ended.status.phase = "Failed";
  api::Pod leaving = *podNamed("leaving", "y");
  leaving.metadata.deletionTimestamp = now;
  observed.pods = {std::make_shared<const api::Pod>(ended), std::make_shared<const api::Pod>(leaving)};
  observed.sandboxes = {cold("a", 1), cold("b", 2)};
  EXPECT_THAT(granted(plan(observed, now)), ElementsAre("a"));
}

TEST(QuotaPlan, KeepsTheLargeOneFromStarving) {
  api::SandboxQuotaSpec spec;
  spec.cpu = {"4"};
  Observed observed = seen(aQuota(spec));
  observed.pods = {podNamed("old", "old")};
  observed.sandboxes = {cold("large", 1, 4), cold("small", 2, 1)};
  observed.pools = {poolOf("pool", 1)};
  const Plan next = plan(observed, now);
  EXPECT_THAT(granted(next), IsEmpty());
  EXPECT_EQ(next.answers->at("uid-large").position, 1);
  EXPECT_EQ(next.answers->at("uid-small"), (Answer{.limit = Limit::Cpu, .position = 2}));
  EXPECT_EQ(next.answers->at("uid-pool"), Answer{}) << "Sandboxes come first";
}

TEST(QuotaPlan, LetsNobodyWaitForWhatNeverFits) {
  api::SandboxQuotaSpec spec;
  spec.cpu = {"4"};
  Observed observed = seen(aQuota(spec));
  observed.sandboxes = {cold("huge", 1, 5), cold("small", 2, 1)};
  const Plan next = plan(observed, now);
  EXPECT_THAT(granted(next), ElementsAre("small"));
  EXPECT_EQ(next.answers->at("uid-huge"), (Answer{.limit = Limit::Cpu, .tooSmall = true}));
  EXPECT_EQ(next.status->queued, 0);
}

TEST(QuotaPlan, PassesNobodyWhoWasNotLookedAtYet) {
  Observed observed = seen(aQuota(running(10)));
  observed.sandboxes = {cold("b", 2), notLookedAt("a", 1)};
  observed.pools = {poolOf("pool", 1)};
  EXPECT_THAT(granted(plan(observed, now)), IsEmpty());
  observed.sandboxes = {cold("a", 1), notLookedAt("b", 2)};
  EXPECT_THAT(granted(plan(observed, now)), ElementsAre("a"));
}

TEST(QuotaPlan, OrdersByUidWhatIsOfOneSecond) {
  Observed observed = seen(aQuota(running(1)));
  observed.sandboxes = {cold("b", 1), cold("a", 1)};
  EXPECT_THAT(granted(plan(observed, now)), ElementsAre("a"));
}

TEST(QuotaPlan, GivesPoolsWhatIsLeft) {
  Observed observed = seen(aQuota(running(3)));
  observed.sandboxes = {cold("a", 1)};
  observed.pools = {poolOf("pool", 5)};
  const Plan next = plan(observed, now);
  EXPECT_THAT(granted(next), ElementsAre("a", "pool-0", "pool-1"));
  EXPECT_EQ(next.answers->at("uid-pool"), Answer{.limit = Limit::Running});
}

TEST(QuotaPlan, LoweredBelowUseStopsNewOnes) {
  Observed observed = seen(aQuota(running(1)));
  for (const char* name : {"x", "y", "z"}) observed.pods.push_back(podNamed(name, name));
  observed.sandboxes = {cold("a", 1)};
  const Plan next = plan(observed, now);
  EXPECT_THAT(granted(next), IsEmpty());
  EXPECT_EQ(next.status->used.running, 3);
  EXPECT_FALSE(next.answers->at("uid-a").tooSmall);
}

TEST(QuotaPlan, TakesBackWhatItPromisedBeforeItWasLowered) {
  Observed observed = seen(aQuota(running(4)));
  observed.pods = {podNamed("old", "old")};
  observed.sandboxes = {cold("a", 1), cold("b", 2)};
  observed.pools = {poolOf("pool", 1)};
  observed = written(observed, plan(observed, now));
  ASSERT_EQ(observed.quota->status.grants.size(), 3);
  EXPECT_THAT(withdrawn(plan(withSpec(observed, running(3)), now)), ElementsAre("pool-0"))
      << "pools come last";
  EXPECT_THAT(granted(planAfterTakingBack(withSpec(observed, running(3)), now)), ElementsAre("a", "b"));
  const Plan first = plan(withSpec(observed, running(2)), now);
  EXPECT_THAT(withdrawn(first), ElementsAre("b", "pool-0")) << "and then the last come";
  EXPECT_EQ(first.answers->at("uid-b"), (Answer{.limit = Limit::Running, .position = 1}));
  EXPECT_EQ(first.status->used.running, 4) << "their pods may be on their way";
  const Plan next = planAfterTakingBack(withSpec(observed, running(2)), now);
  EXPECT_THAT(granted(next), ElementsAre("a"));
  EXPECT_EQ(next.answers->at("uid-b"), (Answer{.limit = Limit::Running, .position = 1}));
  EXPECT_EQ(next.status->used.running, 2);
}

TEST(QuotaPlan, TakesNothingBackThatIsThere) {
  Observed observed = seen(aQuota(running(2)));
  observed.sandboxes = {cold("a", 1), cold("b", 2)};
  observed = written(observed, plan(observed, now));
  // Made by this process; the watch has not told of them, so that the grants stay.
  observed.pods = {podNamed("a-pod", "a", 20), podNamed("b-pod", "b", 20)};
  EXPECT_THAT(granted(plan(withSpec(observed, running(1)), now)), ElementsAre("a", "b"));
}

TEST(QuotaPlan, WarmStartsNeedNoRoom) {
  Observed observed = seen(aQuota(running(1)));
  observed.pods = {podNamed("pool-1", "pool")};
  observed.sandboxes = {cold("a", 1), warm("b", 2)};
  const Plan next = plan(observed, now);
  EXPECT_FALSE(countsForSandbox(*observed.quota, {})) << "so it does not even ask";
  EXPECT_FALSE(next.answers->contains("uid-b"));
}

api::SandboxQuotaSpec perMinute(int most) {
  api::SandboxQuotaSpec spec;
  spec.creationsPerMinute = most;
  return spec;
}

TEST(QuotaPlan, CountsCreationsWarmOrCold) {
  Observed observed = seen(aQuota(perMinute(2)));
  observed.sandboxes = {cold("a", 1), warm("b", 2), warm("c", 3), cold("d", 4)};
  const Plan next = plan(observed, now);
  EXPECT_THAT(granted(next), ElementsAre("a", "b"));
  EXPECT_EQ(next.answers->at("uid-c"), (Answer{.limit = Limit::Creations, .position = 1}));
  EXPECT_EQ(next.again, now + creationMemory);
  observed = written(observed, next);
  EXPECT_THAT(granted(plan(observed, now + std::chrono::minutes(1))), IsEmpty());
  EXPECT_THAT(granted(plan(observed, now + creationMemory)), ElementsAre("a", "b", "c", "d"));
}

TEST(QuotaPlan, DoesNotCountAStartTwice) {
  api::SandboxQuotaSpec spec = perMinute(1);
  spec.running = 5;
  Observed observed = seen(aQuota(spec));
  observed.sandboxes = {warm("a", 1)};
  observed = written(observed, plan(observed, now));
  observed.sandboxes = {cold("a", 1)};  // somebody else took the pod
  const Plan next = plan(observed, now);
  EXPECT_THAT(granted(next), ElementsAre("a"));
  EXPECT_EQ(next.status->grants.front().pod, "a-pod");
  EXPECT_EQ(next.status->used.running, 1);
  EXPECT_EQ(next.status->used.creationsPerMinute, 1);
}

TEST(QuotaPlan, ARestartIsNoCreation) {
  Observed observed = seen(aQuota(perMinute(1)));
  observed.sandboxes = {cold("a", 1), restarted(cold("b", 2)), restarted(warm("c", 3)), cold("d", 4)};
  const Plan next = plan(observed, now);
  EXPECT_THAT(granted(next), ElementsAre("a", "b", "c"));
  EXPECT_EQ(next.status->used.creationsPerMinute, 1);
  EXPECT_EQ(next.answers->at("uid-d"), (Answer{.limit = Limit::Creations, .position = 1}));
}

TEST(QuotaPlan, ARestartNeedsRoomAndWhatIsLeftOfTheFormerPodTakesIt) {
  Observed observed = seen(aQuota(running(1)));
  observed.pods = {podNamed("a-pod", "a")};
  observed.sandboxes = {restarted(cold("a", 1))};
  EXPECT_EQ(plan(observed, now).answers->at("uid-a"), (Answer{.limit = Limit::Running, .position = 1}));
  observed.pods.clear();
  EXPECT_THAT(granted(plan(observed, now)), ElementsAre("a"));
}

TEST(QuotaPlan, AFormerPodDoesNotFulfilARestartsPromise) {
  Observed observed = seen(aQuota(perMinute(1)));
  observed.pods = {podNamed("a-pod", "a")};
  observed.sandboxes = {restarted(warm("a", 1))};
  observed = written(observed, plan(observed, now));
  EXPECT_FALSE(plan(observed, now).status) << "its own pod is not seen yet";
  api::Pod taken = *podNamed("pool-1", "a");
  taken.metadata.labels[std::string(api::restartLabel)] = "1";
  observed.pods.push_back(std::make_shared<const api::Pod>(taken));
  observed.sandboxes.front().wants->clear();
  EXPECT_THAT(granted(plan(observed, now)), IsEmpty());
}

TEST(QuotaPlan, APromiseOfBeforeIsNotTheRestarts) {
  Observed observed = seen(aQuota(running(2)));
  observed.sandboxes = {cold("a", 1)};
  observed = written(observed, plan(observed, now));
  observed.sandboxes = {restarted(cold("a", 1))};
  const Plan other = planAfterTakingBack(observed, now);
  ASSERT_THAT(granted(other), ElementsAre("a"));
  EXPECT_EQ(other.status->grants.front().pod, "a-pod-1");
  // While another process may not see the former pod yet, that one's promise stays beside it.
  api::Pod former = *podNamed("a-pod", "a", 12);
  former.status.phase = "Failed";
  observed.pods = {std::make_shared<const api::Pod>(former)};
  const Plan both = plan(observed, now);
  EXPECT_THAT(granted(both), ElementsAre("a", "a"));
  EXPECT_EQ(both.status->used.running, 1);
}

TEST(QuotaPlan, PoolsDoNotCountAsCreations) {
  api::SandboxQuotaSpec spec = perMinute(1);
  spec.running = 5;
  Observed observed = seen(aQuota(spec));
  observed.pools = {poolOf("pool", 3)};
  const Plan next = plan(observed, now);
  EXPECT_EQ(next.status->grants.size(), 3U);
  EXPECT_EQ(next.status->used.creationsPerMinute, 0);
}

TEST(QuotaPlan, WaitsForTheNextDay) {
  api::SandboxQuotaSpec spec;
  spec.sandboxHoursPerDay = 2;
  Observed observed = seen(aQuota(spec));
  observed.sandboxes = {cold("a", 1)};
  observed.hours = {.day = epoch, .spent = std::chrono::hours(2) - seconds(1), .asOf = now};
  EXPECT_THAT(granted(plan(observed, now)), ElementsAre("a"));
  observed.hours.spent += seconds(1);
  const Plan next = plan(observed, now);
  EXPECT_THAT(granted(next), IsEmpty());
  EXPECT_EQ(next.answers->at("uid-a").limit, Limit::Hours);
  EXPECT_EQ(next.again, epoch + std::chrono::days(1));
  EXPECT_EQ(next.status->used.sandboxHoursPerDay, 2);
}

TEST(QuotaPlan, WritesTheHoursOnceAMinute) {
  api::SandboxQuotaSpec spec;
  spec.sandboxHoursPerDay = 2;
  Observed observed = seen(aQuota(spec));
  observed.hours = {.day = epoch, .spent = seconds(10), .asOf = now};
  observed = written(observed, plan(observed, now));
  observed.hours.spent += seconds(30);
  EXPECT_FALSE(plan(observed, now + seconds(30)).status);
  const Plan due = plan(observed, now + seconds(60));
  EXPECT_TRUE(due.urgent);
  EXPECT_EQ(due.status->hours->seconds, 40);
}

TEST(QuotaPlan, AnUnreadableOneGrantsNothing) {
  api::SandboxQuota quota = aQuota({});
  quota.unreadable = "spec.cpu: no";
  Observed observed = seen(quota);
  observed.sandboxes = {cold("a", 1), warm("b", 2)};
  observed.pools = {poolOf("pool", 1)};
  const Plan next = plan(observed, now);
  EXPECT_THAT(granted(next), IsEmpty());
  EXPECT_EQ(next.answers->size(), 3U);
  const api::Condition* ready = api::findCondition(next.status->conditions, condition::ready);
  EXPECT_EQ(ready->status, "False");
  EXPECT_EQ(ready->reason, "Unreadable");
  EXPECT_THAT(ready->message, HasSubstr("spec.cpu: no"));
}

TEST(QuotaPlan, TellsWhichLimitWithoutNumbersThatChange) {
  const api::SandboxQuota quota = aQuota(running(3));
  EXPECT_THAT(explain(quota, Answer{.limit = Limit::Running, .position = 7}),
              testing::AllOf(HasSubstr("spec.running: 3"), testing::Not(HasSubstr("7"))));
  EXPECT_THAT(explain(quota, Answer{.limit = Limit::Running, .tooSmall = true}), HasSubstr("allows in all"));
  EXPECT_THAT(explain(quota, std::nullopt), HasSubstr("not answered yet"));
}

}  // namespace
}  // namespace cloister::quota
