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
using test::notLookedAt;
using test::podNamed;
using test::poolOf;
using test::restarted;
using test::running;
using test::seen;
using test::warm;
using test::written;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Time now = epoch + std::chrono::minutes(10);

// For whom there is a grant.
std::vector<std::string> granted(const Plan& plan) {
  std::vector<std::string> owners;
  if (!plan.status) return owners;
  for (const api::QuotaGrant& grant : plan.status->grants)
    owners.push_back(grant.pool.empty() ? grant.sandbox : grant.pod);
  return owners;
}

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

TEST(QuotaPlan, CountsAPromiseUntilItsPodIsSeen) {
  Observed observed = seen(aQuota(running(1)));
  observed.sandboxes = {cold("a", 1), cold("b", 2)};
  observed = written(observed, plan(observed, now));
  // The pod, as the answer to its POST told of it: another process may not see it yet.
  observed.pods = {podNamed("a-pod", "a", 12)};
  observed.sandboxes.front().wants->clear();
  const Plan waits = plan(observed, now);
  EXPECT_FALSE(waits.status) << "neither counted twice nor dropped";
  EXPECT_EQ(waits.again, now + catchUpPeriod) << "nobody says that the watch has told of it";
  observed.seen.pods = 14;
  observed.newest.pods = 12;
  const Plan told = plan(observed, now);
  EXPECT_THAT(granted(told), IsEmpty());
  EXPECT_EQ(told.status->used.running, 1);
  EXPECT_EQ(told.status->seen.pods, "12") << "14 others may know but by a bookmark";
  EXPECT_FALSE(told.urgent) << "it goes with the next news";
}

TEST(QuotaPlan, AFormerPodOfThatNameKeepsNoPromise) {
  Observed observed = seen(aQuota(running(2)));
  observed.pools = {poolOf("pool", 1)};
  observed = written(observed, plan(observed, now));
  EXPECT_EQ(observed.quota->status.grants.front().since, "10");
  // Another process, which has not been told yet that the pool's last pod is gone.
  for (const bool ended : {false, true}) {
    api::Pod former = *podNamed("pool-0", "pool", 9);
    if (ended) former.status.phase = "Failed";
    observed.pods = {std::make_shared<const api::Pod>(former)};
    const Plan next = plan(observed, now);
    EXPECT_EQ(next.status ? next.status->grants.size() : 1, 1U);
    EXPECT_EQ((next.status ? *next.status : observed.quota->status).used.running, 1)
        << "the promise stands for it";
  }
  observed.pods = {podNamed("pool-0", "pool", 11)};
  observed.pools.clear();
  observed.seen.pods = 12;
  EXPECT_THAT(granted(plan(observed, now)), IsEmpty());
}

TEST(QuotaPlan, PromisesNothingThatIsThereWhateverIsStillWanted) {
  Observed observed = seen(aQuota(running(9)));
  observed.pools = {poolOf("pool", 1)};
  observed.sandboxes = {cold("a", 1), cold("b", 2)};
  observed.pods = {podNamed("pool-0", "pool"), podNamed("pool-7", "a"), podNamed("b-pod", "of-before")};
  EXPECT_THAT(granted(plan(observed, now)), IsEmpty());
}

TEST(QuotaPlan, WhoKnowsLessDropsNothingAsUnwanted) {
  Observed observed = seen(aQuota(running(2)));
  observed.newest.pods = 8;  // it knows 10 from a list
  observed.pools = {poolOf("pool", 1)};
  observed = written(observed, plan(observed, now));
  observed.pools.front().wants = {{{.pod = "pool-1", .need = {.pods = 1, .limits = test::oneCore}}}};
  observed.pools.front().pods = 9;
  observed.seen.pods = 9;
  const Plan behind = plan(observed, now);
  EXPECT_THAT(granted(behind), ElementsAre("pool-0", "pool-1"));
  EXPECT_THAT(behind.unclear, IsEmpty()) << "looking again would tell it no more";
  EXPECT_EQ(behind.again, now + catchUpPeriod);
  observed.seen.pods = 10;
  EXPECT_EQ(plan(observed, now).unclear, observed.quota->status.grants) << "it did not look at these pods";
  observed.pools.front().pods = 10;
  EXPECT_THAT(granted(plan(observed, now)), ElementsAre("pool-1"));
}

TEST(QuotaPlan, ClaimsToHaveSeenNoLessThanTheLastWriter) {
  Observed observed = seen(aQuota(running(2)));
  observed.sandboxes = {cold("a", 1)};
  observed = written(observed, plan(observed, now));
  observed.sandboxes = {cold("a", 1), cold("b", 2)};
  observed.newest = {.pods = 4, .sandboxes = 11, .pools = 10};
  const api::QuotaSeen claimed = {.pods = "10", .sandboxes = "11", .pools = "10"};
  EXPECT_EQ(plan(observed, now).status->seen, claimed);
}

TEST(QuotaPlan, DropsPromisesThatNobodyNeeds) {
  Observed observed = seen(aQuota(running(1)));
  observed.sandboxes = {cold("a", 1), cold("b", 2)};
  observed = written(observed, plan(observed, now));
  Observed gone = observed;
  gone.gone = {"uid-a"};
  gone.sandboxes = {cold("b", 2)};
  EXPECT_THAT(granted(plan(gone, now)), ElementsAre("b"));
  Observed refused = observed;
  refused.sandboxes.front().wants->clear();
  EXPECT_THAT(granted(plan(refused, now)), ElementsAre("b"));
  Observed warmNow = observed;
  warmNow.pods = {podNamed("pool-1", "a")};
  warmNow.sandboxes.front().wants->clear();
  EXPECT_THAT(granted(plan(warmNow, now)), IsEmpty()) << "it has another pod";
  Observed unknown = observed;
  unknown.sandboxes.front().wants.reset();
  EXPECT_FALSE(plan(unknown, now).status) << "it may still be wanted";
}

TEST(QuotaPlan, DropsWhatAPoolWantsNoMore) {
  Observed observed = seen(aQuota(running(2)));
  observed.pools = {poolOf("pool", 2)};
  observed = written(observed, plan(observed, now));
  observed.pools = {poolOf("pool", 1)};
  EXPECT_THAT(granted(plan(observed, now)), ElementsAre("pool-0"));
}

TEST(QuotaPlan, PromisesNothingOnAnOlderViewThanTheLastWriters) {
  for (auto field : {&Seen::pods, &Seen::sandboxes, &Seen::pools}) {
    Observed observed = seen(aQuota(running(5)));
    observed.sandboxes = {cold("a", 1)};
    observed = written(observed, plan(observed, now));
    observed.sandboxes = {cold("a", 1), cold("b", 2)};
    observed.seen.*field = 9;
    const Plan behind = plan(observed, now);
    EXPECT_FALSE(behind.status);
    EXPECT_FALSE(behind.answers);
    EXPECT_EQ(behind.again, now + catchUpPeriod);
    observed.seen.*field = 10;
    EXPECT_THAT(granted(plan(observed, now)), ElementsAre("a", "b"));
  }
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
  api::SandboxQuota lowered = *observed.quota;
  lowered.spec = running(3);
  observed.quota = std::make_shared<const api::SandboxQuota>(lowered);
  EXPECT_THAT(granted(plan(observed, now)), ElementsAre("a", "b")) << "pools come last";
  lowered.spec = running(2);
  observed.quota = std::make_shared<const api::SandboxQuota>(lowered);
  const Plan next = plan(observed, now);
  EXPECT_THAT(granted(next), ElementsAre("a")) << "and then the last come";
  EXPECT_EQ(next.answers->at("uid-b"), (Answer{.limit = Limit::Running, .position = 1}));
  EXPECT_EQ(next.status->used.running, 2);
}

TEST(QuotaPlan, TakesNothingBackThatIsThere) {
  Observed observed = seen(aQuota(running(2)));
  observed.sandboxes = {cold("a", 1), cold("b", 2)};
  observed = written(observed, plan(observed, now));
  // Made by this process; the watch has not told of them, so that the grants stay.
  observed.pods = {podNamed("a-pod", "a", 20), podNamed("b-pod", "b", 20)};
  api::SandboxQuota lowered = *observed.quota;
  lowered.spec = running(1);
  observed.quota = std::make_shared<const api::SandboxQuota>(lowered);
  EXPECT_THAT(granted(plan(observed, now)), ElementsAre("a", "b"));
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
  const Plan other = plan(observed, now);
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
