#include "operator/pool/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/pool/reasons.h"
#include "operator/pool/status.h"
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
using test::evicted;
using test::inTrouble;
using test::leaving;
using test::ready;
using test::readyPods;
using test::scheduled;
using test::seen;
using test::slotPod;
using test::takenBy;
using test::waiting;
using test::written;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

const Time now = test::poolTime;

std::vector<api::Pod> operator+(std::vector<api::Pod> a, const std::vector<api::Pod>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// --- How many, and which

TEST(PoolPlan, FillsToTheNumberWanted) {
  EXPECT_THAT(created(plan(seen(aPool(3), {}), now)), ElementsAre(0, 1, 2));
  EXPECT_THAT(created(plan(seen(aPool(3), readyPods(aPool(), 2)), now)), ElementsAre(2));
  EXPECT_THAT(plan(seen(aPool(3), readyPods(aPool(), 3)), now).actions, IsEmpty());
  EXPECT_THAT(plan(seen(aPool(0), {}), now).actions, IsEmpty());
  api::SandboxPool silent = aPool();
  silent.spec.replicas = std::nullopt;
  EXPECT_THAT(created(plan(seen(silent, {}), now)), SizeIs(1));
}

TEST(PoolPlan, GoesInRounds) {
  const Plan first = plan(seen(aPool(40), {}), now);
  EXPECT_THAT(created(first), SizeIs(largestRound));
  EXPECT_EQ(first.again, now + roundPeriod);
  EXPECT_THAT(deleted(plan(seen(aPool(0), readyPods(aPool(), 40)), now)), SizeIs(largestRound));
}

TEST(PoolPlan, TakesTheLowestNumbersThatNoPodHas) {
  const auto pods =
      std::vector{ready(slotPod(aPool(), 1)), leaving(slotPod(aPool(), 0)),
                  takenBy("a", ready(slotPod(aPool(), 3))), takenBy("b", ready(slotPod(aPool(), 70)))};
  Observed observed = seen(aPool(4), pods);
  observed.foreign = {slotPrefix(aPool()) + "4"};
  EXPECT_THAT(created(plan(observed, now)), ElementsAre(2, 5, 6));
}

TEST(PoolPlan, NamesNoPodAsThoseOfADeletedNamesake) {
  api::SandboxPool successor = aPool();
  successor.metadata.uid = "another";
  EXPECT_NE(slotPrefix(successor), slotPrefix(aPool()));
  EXPECT_EQ(slotPrefix(aPool()).size(), std::string("warm-xxxxxxxx-").size());
}

TEST(PoolPlan, PutsWhatAPodNeedsBeforeIt) {
  api::SandboxTemplate online = aTemplate();
  online.spec.sandbox.network.egress.mode = api::EgressMode::Internet;
  Observed observed = seen(aPool(1), {}, online);
  observed.policies = {};
  observed.revisionIsKept = false;
  const Plan next = plan(observed, now);
  ASSERT_THAT(next.actions, SizeIs(4));
  EXPECT_TRUE(std::holds_alternative<KeepRevision>(next.actions[0]));
  EXPECT_EQ(std::get<CreatePolicy>(next.actions[1]).name, policy::defaultDenyName);
  EXPECT_EQ(std::get<CreatePolicy>(next.actions[2]).name, policy::policyName(observed.design->profile.name));
  EXPECT_TRUE(std::holds_alternative<CreatePod>(next.actions[3]));
}

TEST(PoolPlan, KeepsTheRevisionThatItsPodsTellOf) {
  Observed observed = seen(aPool(2), readyPods(aPool(), 2));
  observed.revisionIsKept = false;
  EXPECT_THAT(plan(observed, now).actions, SizeIs(1));
  Observed empty = seen(aPool(0), {});
  empty.revisionIsKept = false;
  EXPECT_THAT(plan(empty, now).actions, IsEmpty());
}

TEST(PoolPlan, MakesPodsThatTellWhatTheyAre) {
  const Plan next = plan(seen(aPool(1), {}), now);
  const json::value& pod = std::get<CreatePod>(next.actions.at(0)).pod;
  const auto made = *json::decode<api::Pod>(pod);
  EXPECT_EQ(made.metadata.labels.at("cloister.dev/sandbox"), "");
  EXPECT_EQ(made.metadata.labels.at("cloister.dev/pool"), "warm");
  EXPECT_THAT(made.metadata.labels.at("cloister.dev/revision"), testing::StartsWith("python-"));
  EXPECT_THAT(made.metadata.annotations, testing::Contains(testing::Key("cloister.dev/shape")));
  EXPECT_EQ(api::controllerOf(made.metadata)->uid, aPool().metadata.uid);
  EXPECT_EQ(idleIn(made), (kube::ObjectKey{"team", "warm"}));
}

TEST(PoolPlan, LeavesAloneWhatIsNotItsOwn) {
  api::Pod stranger = ready(slotPod(aPool(), 0));
  stranger.metadata.ownerReferences.clear();
  api::Pod namesakes = ready(slotPod(aPool(), 1));
  namesakes.metadata.ownerReferences[0].uid = "of a pool that was deleted";
  const auto pods = std::vector{stranger, namesakes, takenBy("a", ready(slotPod(aPool(), 2)))};
  const Plan none = plan(seen(aPool(0), pods), now);
  EXPECT_THAT(none.actions, IsEmpty());
  EXPECT_THAT(created(plan(seen(aPool(1), pods), now)), ElementsAre(3));
}

TEST(PoolPlan, ScalesDownWhatIsWorthLeast) {
  const api::Pod old = ready(slotPod(aPool(), 0, aTemplate("python:2")));
  const auto pods = std::vector{ready(slotPod(aPool(), 1, aTemplate(), epoch)),
                                ready(slotPod(aPool(), 2, aTemplate(), epoch + seconds(9))),
                                old,
                                scheduled(slotPod(aPool(), 3)),
                                ended(slotPod(aPool(), 4), 1, "Error"),
                                takenBy("a", ready(slotPod(aPool(), 5)))};
  EXPECT_THAT(deleted(plan(seen(aPool(4), pods), now)), ElementsAre(4));
  EXPECT_THAT(deleted(plan(seen(aPool(2), pods), now)), ElementsAre(4, 3, 0));
  EXPECT_THAT(deleted(plan(seen(aPool(1), pods), now)), ElementsAre(4, 3, 0, 2)) << "the youngest";
  EXPECT_THAT(deleted(plan(seen(aPool(0), pods), now)), ElementsAre(4, 3, 0, 2, 1));
}

TEST(PoolPlan, HasNoSayInAPoolThatGoesOrCannotBeRead) {
  api::SandboxPool going = aPool(3);
  going.metadata.deletionTimestamp = epoch;
  EXPECT_THAT(plan(seen(going, {}), now).actions, IsEmpty());
  EXPECT_FALSE(account(seen(going, {}), now).status);
  api::SandboxPool strange = aPool(0);
  strange.unreadable = ".spec.replicas: wanted integer";
  EXPECT_THAT(plan(seen(strange, readyPods(aPool(), 2)), now).actions, IsEmpty());
}

TEST(PoolPlan, HoldsAbsurdNumbersAgainstReason) {
  EXPECT_THAT(deleted(plan(seen(aPool(-5), readyPods(aPool(), 2)), now)), SizeIs(2));
  EXPECT_THAT(created(plan(seen(aPool(2'000'000'000), {}), now)), SizeIs(largestRound));
}

TEST(PoolPlan, AsksAgainForWhatItAskedForInVainFirst) {
  Observed observed = seen(aPool(2), {ready(slotPod(aPool(), 0))});
  const std::string prefix = slotPrefix(aPool());
  observed.unanswered = {prefix + "0", prefix + "5"};
  EXPECT_THAT(created(plan(observed, now)), ElementsAre(5));
}

// --- Demand

api::SandboxPool following(int minIdle, std::optional<int> maxTotal) {
  api::SandboxPool pool = aPool();
  pool.spec.replicas = std::nullopt;
  pool.spec.minIdle = minIdle;
  pool.spec.maxTotal = maxTotal;
  return pool;
}

TEST(PoolPlan, FollowsTheClaimsOfTheLastMinute) {
  Observed observed = seen(following(2, std::nullopt), {});
  EXPECT_THAT(created(plan(observed, now)), SizeIs(2));
  observed.claims = {now - seconds(61), now - seconds(60), now - seconds(59), now - seconds(10), now, now};
  EXPECT_THAT(created(plan(observed, now)), SizeIs(4));
  Observed full = seen(following(2, std::nullopt), readyPods(aPool(), 4));
  full.claims = observed.claims;
  const Plan next = plan(full, now);
  EXPECT_THAT(next.actions, IsEmpty());
  EXPECT_EQ(next.again, now + seconds(1)) << "then one of them is no demand any more";
}

TEST(PoolPlan, KeepsWithinItsTotal) {
  std::vector<api::Pod> pods;
  for (int i = 0; i < 5; ++i) pods.push_back(takenBy("s" + std::to_string(i), ready(slotPod(aPool(), i))));
  EXPECT_THAT(created(plan(seen(following(4, 7), pods), now)), SizeIs(2));
  EXPECT_THAT(created(plan(seen(following(4, 3), pods), now)), IsEmpty());
  pods[0] = leaving(pods[0]);
  pods[1] = ended(pods[1], 0, "Completed");
  EXPECT_THAT(created(plan(seen(following(4, 7), pods), now)), SizeIs(4)) << "these two live no more";
}

TEST(PoolPlan, MakesPodsForThoseThatWait) {
  Observed observed = seen(following(0, 3), {});
  EXPECT_THAT(created(plan(observed, now)), IsEmpty());
  observed.waiting = 2;
  EXPECT_THAT(created(plan(observed, now)), SizeIs(2));
  observed.waiting = 5;
  EXPECT_THAT(created(plan(observed, now)), SizeIs(3)) << "no more than it may";
}

// --- Pods that are of no use

TEST(PoolPlan, GoesByItsOwnClockInWhatItSees) {
  const api::Pod starting = scheduled(slotPod(aPool(), 0, aTemplate(), epoch));
  Observed observed = seen(inTrouble(1, epoch), {starting});
  const Time ahead = epoch + hours(2);
  observed.unready[starting.metadata.uid] = seconds(1);
  const Plan calm = plan(observed, ahead);
  EXPECT_THAT(calm.actions, IsEmpty()) << "the pod is new, and the clock here is ahead";
  EXPECT_EQ(calm.again, ahead - seconds(1) + quietRefill);
  observed.unready[starting.metadata.uid] = hours(1);
  EXPECT_THAT(deleted(plan(observed, ahead)), ElementsAre(0));

  const api::Pod over = ended(slotPod(aPool(), 0, aTemplate(), epoch), 0, "Completed");
  observed = seen(aPool(1), {over});
  const Time behind = epoch - hours(1);
  observed.unready[over.metadata.uid] = seconds(59);
  EXPECT_THAT(plan(observed, behind).actions, IsEmpty());
  observed.unready[over.metadata.uid] = minutes(1);
  EXPECT_THAT(deleted(plan(observed, behind)), ElementsAre(0)) << "though it comes from the future";
}

TEST(PoolPlan, ReplacesWhatEndedOnceItIsAMinuteOld) {
  const Observed observed = seen(aPool(1), {ended(slotPod(aPool(), 0), 0, "Completed")});
  const Plan early = plan(observed, epoch + seconds(59));
  EXPECT_THAT(early.actions, IsEmpty());
  EXPECT_EQ(early.again, epoch + minutes(1));
  EXPECT_THAT(deleted(plan(observed, epoch + minutes(1))), ElementsAre(0));
}

TEST(PoolPlan, ReplacesWhatWasEvictedOrIsOnAClosedNode) {
  const auto pods = std::vector{evicted(slotPod(aPool(), 0), "low on memory"), ready(slotPod(aPool(), 1)),
                                scheduled(ready(slotPod(aPool(), 2)), "node-2")};
  Observed observed = seen(aPool(3), pods);
  EXPECT_THAT(deleted(plan(observed, epoch + minutes(2))), ElementsAre(0));
  observed.closedNodes = {"node-2"};
  EXPECT_THAT(deleted(plan(observed, epoch + minutes(2))), ElementsAre(0, 2));
  EXPECT_THAT(plan(observed, now).actions, IsEmpty()) << "not as fast as they come there";
}

TEST(PoolPlan, ReplacesAStuckPodWhileOthersBecomeReady) {
  const auto pods = std::vector{scheduled(slotPod(aPool(), 0)), scheduled(slotPod(aPool(), 1)),
                                ready(slotPod(aPool(), 2, aTemplate(), epoch + seconds(5)))};
  const Observed observed = seen(aPool(3), pods);
  const Plan early = plan(observed, epoch + minutes(5) - seconds(1));
  EXPECT_THAT(early.actions, IsEmpty());
  EXPECT_EQ(early.again, epoch + minutes(5));
  EXPECT_THAT(deleted(plan(observed, epoch + minutes(5))), ElementsAre(0, 1));
}

TEST(PoolPlan, GivesAPodThatCeasedToBeReadyAsMuchTime) {
  api::Pod pod = ready(slotPod(aPool(), 0));
  pod.status.conditions.back().status = "False";
  pod.status.conditions.back().lastTransitionTime = epoch + hours(3);
  const Observed observed = seen(inTrouble(1, epoch + hours(3)), {pod});
  const Plan early = plan(observed, epoch + hours(3) + minutes(4));
  EXPECT_THAT(early.actions, IsEmpty());
  EXPECT_EQ(early.again, epoch + hours(3) + minutes(5));
  EXPECT_THAT(deleted(plan(observed, epoch + hours(3) + minutes(5))), ElementsAre(0));
}

TEST(PoolPlan, ReplacesStuckPodsOneByOneWhenNoneBecomesReady) {
  const auto pods = std::vector{scheduled(slotPod(aPool(), 0, aTemplate(), epoch + seconds(1))),
                                scheduled(slotPod(aPool(), 1))};
  const Time late = epoch + minutes(6);
  EXPECT_THAT(deleted(plan(seen(aPool(2), pods), late)), IsEmpty()) << "it is told first";
  EXPECT_THAT(deleted(plan(seen(inTrouble(2), pods), late)), ElementsAre(1)) << "the oldest";
  EXPECT_THAT(deleted(plan(seen(inTrouble(3), pods), late)), IsEmpty()) << "one is being made";
  const auto tried = std::vector{pods[0], scheduled(slotPod(aPool(), 2, aTemplate(), late))};
  EXPECT_THAT(deleted(plan(seen(inTrouble(2), tried), late + minutes(1))), IsEmpty()) << "it may yet start";
}

TEST(PoolPlan, LosesPatienceMoreAndMoreSlowly) {
  const api::SandboxPool pool = inTrouble(1, epoch);
  const auto replacedAfter = [&](Duration made) {
    const Observed observed = seen(pool, {scheduled(slotPod(pool, 0, aTemplate(), epoch + made))});
    EXPECT_THAT(plan(observed, epoch + made + minutes(5) - seconds(1)).actions, IsEmpty());
    Duration age = minutes(5);
    while (plan(observed, epoch + made + age).actions.empty()) age += minutes(1);
    return age;
  };
  EXPECT_EQ(replacedAfter(minutes(0)), minutes(5));
  EXPECT_EQ(replacedAfter(minutes(5)), minutes(5));
  EXPECT_EQ(replacedAfter(minutes(10)), minutes(10));
  EXPECT_EQ(replacedAfter(minutes(20)), minutes(20));
  EXPECT_EQ(replacedAfter(hours(9)), hours(1));
}

// --- Another template

const api::SandboxTemplate newer = aTemplate("python:4");

TEST(PoolPlan, RollsWithoutLosingMoreThanItMay) {
  const auto old = readyPods(aPool(), 8);
  EXPECT_THAT(deleted(plan(seen(aPool(8), old, newer), now)), SizeIs(2)) << "25 %";
  const auto under = readyPods(aPool(), 6) + std::vector{scheduled(slotPod(aPool(), 8, newer)),
                                                         scheduled(slotPod(aPool(), 9, newer))};
  EXPECT_THAT(plan(seen(aPool(8), under, newer), now).actions, IsEmpty()) << "the new ones are not ready yet";
  const auto half = readyPods(aPool(), 6) +
                    std::vector{ready(slotPod(aPool(), 8, newer)), scheduled(slotPod(aPool(), 9, newer))};
  EXPECT_THAT(deleted(plan(seen(aPool(8), half, newer), now)), SizeIs(1));
  EXPECT_THAT(deleted(plan(seen(aPool(1), readyPods(aPool(), 1), newer), now)), SizeIs(1)) << "at least one";
}

TEST(PoolPlan, ReadsWhatMayBeMissing) {
  const auto mayGo = [](const json::value& maxUnavailable) {
    api::SandboxPool pool = aPool(10);
    pool.spec.updateStrategy.maxUnavailable = maxUnavailable;
    return deleted(plan(seen(pool, readyPods(pool, 10), newer), now)).size();
  };
  EXPECT_EQ(mayGo(nullptr), 2);
  EXPECT_EQ(mayGo(3), 3);
  EXPECT_EQ(mayGo("3"), 3);
  EXPECT_EQ(mayGo("39%"), 3);
  EXPECT_EQ(mayGo("1%"), 1);
  EXPECT_EQ(mayGo(0), 1);
  EXPECT_EQ(mayGo("100%"), 10);
  EXPECT_EQ(mayGo(2'000'000'000), 10);
  for (const char* text : {"many", "%", "90x", "99999999999", "99999999999%"}) EXPECT_EQ(mayGo(text), 2);
  EXPECT_EQ(mayGo("2000000000%"), 10);
}

TEST(PoolPlan, RecreatesAtOnceWhereThatIsAsked) {
  api::SandboxPool pool = aPool(4);
  pool.spec.updateStrategy.type = api::PoolUpdate::Recreate;
  EXPECT_THAT(deleted(plan(seen(pool, readyPods(pool, 4), newer), now)), SizeIs(4));
}

TEST(PoolPlan, ReplacesPodsOfAnotherShape) {
  api::Pod other = ready(slotPod(aPool(), 0));
  std::swap(other.metadata.annotations["cloister.dev/shape"], other.metadata.annotations["note"]);
  EXPECT_THAT(deleted(plan(seen(aPool(1), {other}), now)), ElementsAre(0))
      << "the operator's configuration has changed";
}

TEST(PoolPlan, DropsOutdatedPodsThatAreNotReadyWithoutAsking) {
  const auto pods =
      readyPods(aPool(), 1) + std::vector{scheduled(slotPod(aPool(), 1)), scheduled(slotPod(aPool(), 2))};
  api::SandboxPool pool = aPool(3);
  pool.spec.updateStrategy.maxUnavailable = 2;
  EXPECT_THAT(deleted(plan(seen(pool, pods, newer), now)), UnorderedElementsAre(1, 2));
}

TEST(PoolPlan, StopsAnUpdateThatDoesNotComeUp) {
  api::SandboxPool pool = aPool(8);
  const auto pods =
      readyPods(pool, 7) + std::vector{waiting(slotPod(pool, 8, newer), "ErrImagePull", "no such image")};
  const Observed observed = seen(pool, pods, newer);
  EXPECT_THAT(deleted(plan(observed, now)), SizeIs(1)) << "there is time yet";
  const Time late = epoch + minutes(5);
  EXPECT_THAT(plan(observed, late).actions, IsEmpty()) << "it is told first";
  pool = written(observed, late);
  EXPECT_THAT(deleted(plan(seen(pool, pods, newer), late)), ElementsAre(8))
      << "another try, and nothing else";
  const api::Condition* progressing = api::findCondition(pool.status.conditions, condition::progressing);
  EXPECT_EQ(progressing->status, "False");
  EXPECT_EQ(progressing->reason, reason::progressDeadlineExceeded);
  const auto again = readyPods(pool, 7) + std::vector{scheduled(slotPod(pool, 9, newer, late))};
  EXPECT_THAT(plan(seen(pool, again, newer), late + seconds(5)).actions, IsEmpty())
      << "no word of success yet";
  const auto good = readyPods(pool, 7) + std::vector{ready(slotPod(pool, 9, newer, late))};
  EXPECT_THAT(deleted(plan(seen(pool, good, newer), late + seconds(5))), SizeIs(2));
  EXPECT_THAT(plan(seen(pool, readyPods(pool, 7), newer), late + seconds(5)).actions, SizeIs(1))
      << "it is on its way";
  EXPECT_THAT(deleted(plan(seen(pool, readyPods(pool, 8), newer), late + seconds(5))), Not(IsEmpty()))
      << "it was taken, maybe";
  EXPECT_THAT(deleted(plan(seen(pool, again, aTemplate("python:5")), late + seconds(5))), SizeIs(2))
      << "a corrected template is another try: the one that is not ready, and one more";
}

TEST(PoolPlan, StopsAnUpdateWhosePodsEnd) {
  const auto pods = readyPods(aPool(), 8) + std::vector{ended(slotPod(aPool(), 8, newer), 1, "Error")};
  EXPECT_THAT(deleted(plan(seen(aPool(9), pods, newer), now)), IsEmpty());
  EXPECT_THAT(deleted(plan(seen(aPool(9), pods, newer), epoch + minutes(1))), ElementsAre(8));
}

TEST(PoolPlan, KeepsWhatIsThereWhileNoneCanBeMade) {
  Observed observed =
      seen(aPool(3), readyPods(aPool(), 2) + std::vector{ended(slotPod(aPool(), 2), 1, "Error")});
  observed.design = designOf(*observed.pool, nullptr, {});
  EXPECT_THAT(plan(observed, epoch + minutes(9)).actions, IsEmpty());
  observed = seen(aPool(1), readyPods(aPool(), 2));
  observed.design = designOf(*observed.pool, nullptr, {});
  EXPECT_THAT(deleted(plan(observed, now)), SizeIs(1)) << "but no more than its owner wants";
}

}  // namespace
}  // namespace cloister::pool
