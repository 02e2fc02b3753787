// What a pool's plan must not mistake: strangers for slots, other trouble for its own, one moment for the
// next.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/pool/reasons.h"
#include "tests/unit/operator/examples.h"
#include "tests/unit/operator/pool/pools.h"

namespace cloister::pool {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using test::aPool;
using test::aTemplate;
using test::created;
using test::deleted;
using test::ended;
using test::epoch;
using test::inTrouble;
using test::ready;
using test::readyPods;
using test::refusedByNode;
using test::scheduled;
using test::seen;
using test::slotPod;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const Time now = test::poolTime;
// After the time that a pod has to become Ready.
constexpr Time late = epoch + minutes(6);
const api::SandboxTemplate newer = aTemplate("python:4");

api::SandboxPool with(api::SandboxPool pool, std::string_view type, const std::string& status,
                      const std::string& reason, Time since) {
  api::Condition& condition = pool.status.conditions.emplace_back();
  condition.type = type;
  condition.status = status;
  condition.reason = reason;
  condition.lastTransitionTime = since;
  return pool;
}

// --- Slots

TEST(PoolPlan, CountsNothingButNumbersAsSlots) {
  const std::string prefix = slotPrefix(aPool());
  const std::string another = "cold" + prefix.substr(4);
  std::vector<api::Pod> strangers;
  for (const std::string& name : {prefix, prefix + "0x", prefix + "99999999999999999999", another + "1"}) {
    strangers.push_back(slotPod(aPool(), 0));
    strangers.back().metadata.name = name;
    strangers.back().metadata.ownerReferences.clear();
  }
  EXPECT_THAT(created(plan(seen(aPool(3), strangers), now)), ElementsAre(0, 1, 2));
}

TEST(PoolPlan, GoesRoundAForeignPodWhateverItsNumber) {
  for (int number = 0; number < 2 * largestRound; ++number) {
    Observed observed = seen(aPool(1), {});
    observed.foreign = {slotPrefix(aPool()) + std::to_string(number)};
    EXPECT_THAT(created(plan(observed, now)), ElementsAre(number == 0 ? 1 : 0));
  }
}

TEST(PoolPlan, IsNotLedAstrayByAbsurdNumbers) {
  Observed observed = seen(aPool(1), {});
  observed.foreign = {slotPrefix(aPool()) + "2000000000"};
  EXPECT_THAT(created(plan(observed, now)), ElementsAre(0));
}

TEST(PoolPlan, ReplacesInRoundsToo) {
  std::vector<api::Pod> pods;
  for (int i = 0; i < largestRound + 4; ++i) pods.push_back(ended(slotPod(aPool(), i), 1, "Error"));
  EXPECT_THAT(deleted(plan(seen(aPool(largestRound + 4), pods), epoch + minutes(2))), SizeIs(largestRound));
}

TEST(PoolPlan, MakesNoPolicyWithoutAPodForIt) {
  Observed observed = seen(aPool(2), readyPods(aPool(), 2));
  observed.policies = {};
  EXPECT_THAT(plan(observed, now).actions, IsEmpty());
}

// --- Under a quota

// With SPEC's quota, which has promised these pods to the pool.
Observed under(Observed observed, const api::SandboxQuotaSpec& spec,
               const std::vector<std::string>& promised) {
  api::SandboxQuota quota;
  quota.spec = spec;
  for (const std::string& pod : promised) {
    quota.status.grants.emplace_back().pod = pod;
    quota.status.grants.back().uid = observed.pool->metadata.uid;
  }
  observed.quota = std::make_shared<const api::SandboxQuota>(quota);
  return observed;
}

std::vector<std::string> wanted(const Plan& plan) {
  std::vector<std::string> names;
  for (const quota::Request& request : plan.wants) names.push_back(request.pod);
  return names;
}

TEST(PoolPlan, MakesWhatTheQuotaPromisedAndAsksForTheRest) {
  const std::string prefix = slotPrefix(aPool());
  api::SandboxQuotaSpec pods;
  pods.running = 9;
  const Plan some = plan(under(seen(aPool(3), {}), pods, {prefix + "1", "another"}), now);
  EXPECT_THAT(created(some), ElementsAre(1));
  EXPECT_THAT(wanted(some), ElementsAre(prefix + "1", prefix + "0", prefix + "2"));
  const Plan made = plan(under(seen(aPool(2), {ready(slotPod(aPool(), 0))}), pods, {prefix + "0"}), now);
  EXPECT_THAT(created(made), IsEmpty()) << "it is there already";
  EXPECT_THAT(wanted(made), ElementsAre(prefix + "1"));
  const Observed promised = under(seen(aPool(1), {}), pods, {prefix + "0"});
  api::SandboxQuota takenBack = *promised.quota;
  takenBack.status.grants[0].withdrawn = true;
  Observed without = promised;
  without.quota = std::make_shared<const api::SandboxQuota>(takenBack);
  EXPECT_THAT(created(plan(without, now)), IsEmpty());
  EXPECT_THAT(wanted(plan(without, now)), ElementsAre(prefix + "1")) << "another may be making that one";
  Observed none = under(seen(aPool(2), {}), pods, {});
  none.policies = {};
  EXPECT_THAT(plan(none, now).actions, IsEmpty()) << "no policy either, until there is a pod";
  api::SandboxQuotaSpec starts;
  starts.creationsPerMinute = 1;
  const Plan free = plan(under(seen(aPool(2), {}), starts, {}), now);
  EXPECT_THAT(created(free), ElementsAre(0, 1)) << "it counts no pods";
  EXPECT_THAT(wanted(free), IsEmpty());
}

TEST(PoolPlan, GoesOnWithAnUpdateOfThePodsThatTheQuotaLeavesIt) {
  Observed observed = seen(aPool(8), readyPods(aPool(), 4), newer);
  EXPECT_THAT(deleted(plan(observed, now)), IsEmpty()) << "those that are missing come first";
  observed.answer = quota::Answer{.limit = quota::Limit::Running};
  EXPECT_THAT(deleted(plan(observed, now)), SizeIs(2));
}

TEST(PoolPlan, HasNothingToDoWithoutAPool) {
  EXPECT_THAT(plan({}, now).actions, IsEmpty());
}

// --- Outdated pods

TEST(PoolPlan, ReplacesWhatOnlyItsRevisionTellsApart) {
  api::SandboxTemplate longer = aTemplate();
  longer.spec.sandbox.lifecycle.ttl = hours(1);
  EXPECT_THAT(deleted(plan(seen(aPool(1), readyPods(aPool(), 1), longer), now)), ElementsAre(0))
      << "a Sandbox that takes it would have another time than the template says";
}

TEST(PoolPlan, RecreatesAlsoWhenTheNewPodsDoNotStart) {
  api::SandboxPool pool = aPool(3);
  pool.spec.updateStrategy.type = api::PoolUpdate::Recreate;
  auto pods = readyPods(pool, 2);
  pods.push_back(scheduled(slotPod(pool, 2, newer)));
  EXPECT_THAT(deleted(plan(seen(pool, pods, newer), late)), ElementsAre(0, 1)) << "nobody may take them";
}

TEST(PoolPlan, ReplacesAnOutdatedPodThatEndedLikeAnyOther) {
  const Observed observed = seen(aPool(1), {ended(slotPod(aPool(), 0), 1, "Error")}, newer);
  EXPECT_THAT(plan(observed, now).actions, IsEmpty()) << "not as fast as its command ends";
  EXPECT_THAT(deleted(plan(observed, epoch + minutes(2))), ElementsAre(0));
}

// --- Pods that are stuck

TEST(PoolPlan, KeepsAStuckPodThatItHasNotToldOf) {
  const api::SandboxPool pool = with(aPool(1), condition::progressing, "False", "TemplateNotFound", epoch);
  EXPECT_THAT(plan(seen(pool, {scheduled(slotPod(pool, 0))}), late).actions, IsEmpty());
}

TEST(PoolPlan, ReplacesTheOldestOfThoseThatAreStuck) {
  const api::Pod young = scheduled(slotPod(aPool(), 0, aTemplate(), epoch + seconds(1)));
  const api::Pod old = scheduled(slotPod(aPool(), 1));
  EXPECT_THAT(deleted(plan(seen(inTrouble(2), {young, old}), late)), ElementsAre(1));
  EXPECT_THAT(deleted(plan(seen(inTrouble(2), {old, young}), late)), ElementsAre(1));
}

TEST(PoolPlan, CountsItsTroubleFromWhenItWasShortOfPods) {
  const api::SandboxPool pool =
      with(inTrouble(1, epoch), condition::ready, "False", "Filling", epoch - minutes(20));
  const Observed observed = seen(pool, {scheduled(slotPod(pool, 0))});
  EXPECT_THAT(plan(observed, epoch + minutes(19)).actions, IsEmpty()) << "it has tried for long";
  EXPECT_EQ(plan(observed, epoch + minutes(19)).again, epoch + minutes(20));
  EXPECT_THAT(deleted(plan(observed, epoch + minutes(20))), ElementsAre(0));
}

TEST(PoolPlan, IsInNoTroubleWhileEnoughAreReady) {
  const api::SandboxPool pool =
      with(inTrouble(1, epoch), condition::ready, "True", "Filled", epoch - hours(3));
  EXPECT_THAT(deleted(plan(seen(pool, {scheduled(slotPod(pool, 0))}), late)), ElementsAre(0));
}

TEST(PoolPlan, IsPatientOnlyWithItselfNotWithOnePodAmongOthers) {
  const auto pods = std::vector{scheduled(slotPod(aPool(), 0)),
                                ready(slotPod(aPool(), 1, aTemplate(), epoch + seconds(5)))};
  const Observed observed = seen(inTrouble(2, epoch - hours(3)), pods);
  EXPECT_THAT(deleted(plan(observed, epoch + minutes(5))), ElementsAre(0));
}

TEST(PoolPlan, TakesNoPodForAProofThatIsNoYoungerThanTheStuckOne) {
  for (const Time made : {epoch - seconds(5), epoch}) {
    const auto pods =
        std::vector{scheduled(slotPod(aPool(), 0)), ready(slotPod(aPool(), 1, aTemplate(), made))};
    EXPECT_THAT(plan(seen(aPool(2), pods), late).actions, IsEmpty()) << "it may have stopped working since";
  }
  const auto pods =
      std::vector{scheduled(slotPod(aPool(), 0, newer)), ready(slotPod(aPool(), 1, aTemplate(), now))};
  EXPECT_THAT(plan(seen(aPool(2), pods, newer), late).actions, IsEmpty())
      << "what another template makes shows nothing";
}

TEST(PoolPlan, DeletesAPodOnceThoughTwoReasonsSpeakForIt) {
  const auto pods =
      std::vector{scheduled(slotPod(aPool(), 0)), ready(slotPod(aPool(), 1, newer, epoch + seconds(5)))};
  EXPECT_THAT(deleted(plan(seen(inTrouble(2), pods, newer), late)), ElementsAre(0)) << "outdated, and stuck";
}

// --- An update that fails

TEST(PoolPlan, KeepsThePodsOfBeforeUntilAnUpdateIsKnownToWork) {
  const auto stuck = readyPods(aPool(), 7);
  auto pods = stuck;
  pods.push_back(scheduled(slotPod(aPool(), 8, newer)));
  const api::SandboxPool pool = test::written(seen(aPool(8), pods, newer), late);
  EXPECT_THAT(deleted(plan(seen(pool, stuck, newer), late)), IsEmpty()) << "the last try is just gone";
  auto mixed = readyPods(aPool(), 6);
  mixed.push_back(ready(slotPod(aPool(), 8, newer, late)));
  mixed.push_back(scheduled(slotPod(aPool(), 9, newer, late)));
  EXPECT_THAT(deleted(plan(seen(pool, mixed, newer), late)), IsEmpty()) << "one more has to show it";
}

// --- The next look

std::optional<Time> lookAfter(const api::SandboxPool& pool, const api::Pod& pod, Time at) {
  const Plan next = plan(seen(pool, {pod}), at);
  EXPECT_THAT(next.actions, IsEmpty());
  return next.again;
}

TEST(PoolPlan, LooksAgainOnlyWhenTimeChangesSomething) {
  EXPECT_EQ(lookAfter(aPool(1), ready(slotPod(aPool(), 0)), epoch + seconds(1)), std::nullopt);
  const api::Pod starting = scheduled(slotPod(aPool(), 0));
  EXPECT_EQ(lookAfter(aPool(1), starting, epoch + seconds(1)), epoch + quietRefill);
  EXPECT_EQ(lookAfter(aPool(1), starting, epoch + quietRefill), epoch + minutes(5));
  const api::Pod stuck = scheduled(slotPod(aPool(), 0, aTemplate(), epoch + minutes(20)));
  EXPECT_EQ(lookAfter(inTrouble(1, epoch), stuck, epoch + minutes(26)), epoch + minutes(40));
  api::SandboxPool hasty = aPool(1);
  hasty.spec.progressDeadline = seconds(30);
  const api::Pod refused = refusedByNode(slotPod(aPool(), 0), "OutOfcpu", "no room");
  EXPECT_EQ(lookAfter(hasty, refused, epoch + quietRefill), epoch + minutes(1));
}

}  // namespace
}  // namespace cloister::pool
