#include "operator/sandbox/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/sandbox/reasons.h"
#include "tests/unit/operator/sandbox/suspending.h"

namespace cloister::sandbox {
namespace {

using std::chrono::minutes;
using test::Suspending;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// team/hello, which is saved every ten minutes.
class Scheduling : public Suspending {
 protected:
  Scheduling() { schedule(minutes(10), {}); }

  void schedule(Duration every, std::optional<int> keep) {
    world_.edit([&](api::Sandbox& sandbox) { sandbox.spec.snapshotSchedule = {every, keep}; });
    settle();
  }
  void pass(Duration time) {
    world_.clock.advance(time);
    settle();
  }
  // Minutes after the Sandbox's creation that its snapshots were due at, the oldest first.
  std::vector<int64_t> due() const {
    std::vector<int64_t> all;
    for (const api::SandboxSnapshot& snapshot : snapshots()) {
      const Duration age = *api::scheduledFor(snapshot) - world_.sandbox().metadata.creationTimestamp;
      all.push_back(age / minutes(1));
    }
    std::ranges::sort(all);
    return all;
  }
  api::SandboxSnapshot only() const { return snapshots().at(0); }
  // As long as after its creation.
  void until(Duration age) { pass(world_.sandbox().metadata.creationTimestamp + age - world_.clock.now()); }
};

TEST_F(Scheduling, SavesARunningSandboxAtEachMoment) {
  EXPECT_THAT(snapshots(), IsEmpty());
  until(minutes(10) - seconds(1));
  EXPECT_THAT(due(), IsEmpty());
  pass(seconds(1));
  EXPECT_THAT(due(), ElementsAre(10));
  const api::SandboxSnapshot first = only();
  EXPECT_EQ(first.spec.sandboxRef.name, "hello");
  ASSERT_THAT(first.metadata.ownerReferences, SizeIs(1)) << "it goes with the Sandbox";
  EXPECT_EQ(first.metadata.ownerReferences[0].uid, world_.sandbox().metadata.uid);
  EXPECT_EQ(api::controllerOf(first.metadata), nullptr) << "that would be one to suspend it";
  pass(minutes(9));
  EXPECT_THAT(due(), ElementsAre(10));
  pass(minutes(1));
  EXPECT_THAT(due(), ElementsAre(10, 20));
  EXPECT_EQ(status().phase, api::Phase::Running);
  EXPECT_EQ(status().suspends, std::nullopt);
  EXPECT_THAT(agent_.trouble, IsEmpty());
}

TEST_F(Scheduling, LooksAgainAtTheNextMoment) {
  until(minutes(12));
  const auto outcome = world_.reconcile();
  ASSERT_TRUE(outcome && outcome->again);
  EXPECT_EQ(*outcome->again, world_.sandbox().metadata.creationTimestamp + minutes(20));
}

TEST_F(Scheduling, KeepsTheNewestThree) {
  for (int i = 0; i < 4; ++i) pass(minutes(10));
  EXPECT_THAT(due(), SizeIs(3));
  const auto newest = due().back();
  EXPECT_THAT(due(), ElementsAre(newest - 20, newest - 10, newest));
  schedule(minutes(10), 1);
  EXPECT_THAT(due(), ElementsAre(newest));
}

TEST_F(Scheduling, DoesNotMakeUpForWhatWasMissed) {
  until(minutes(47));
  EXPECT_THAT(due(), ElementsAre(40));
}

TEST_F(Scheduling, TakesOneAtATime) {
  agent_.saves = false;
  until(minutes(10));
  EXPECT_THAT(due(), ElementsAre(10));
  until(minutes(30));
  EXPECT_THAT(due(), ElementsAre(10));
  agent_.saves = true;
  settle();
  EXPECT_THAT(due(), ElementsAre(10, 30));
}

// A replica whose view lacks it asks for the same name again.
TEST_F(Scheduling, TakesOneAMoment) {
  until(minutes(10));
  const std::string name = only().metadata.name;
  const Time moment = *api::scheduledFor(only());
  const api::Sandbox sandbox = world_.sandbox();
  EXPECT_EQ(json::findString(scheduledSnapshot(sandbox, moment), "metadata.name"), name);
  EXPECT_NE(json::findString(scheduledSnapshot(sandbox, moment + minutes(10)), "metadata.name"), name);
}

TEST_F(Scheduling, KeepsTheLastOfThoseThatFailedUntilOneSucceeds) {
  until(minutes(10));
  agent_.failure = "the disk is full";
  until(minutes(20));
  until(minutes(30));
  EXPECT_THAT(due(), ElementsAre(10, 30));
  EXPECT_EQ(status().phase, api::Phase::Running);
  agent_.failure.clear();
  until(minutes(40));
  EXPECT_THAT(due(), ElementsAre(10, 40));
}

TEST_F(Scheduling, TakesNoneOfWhatStandsStill) {
  want(api::DesiredState::Paused);
  until(minutes(20));
  EXPECT_THAT(due(), IsEmpty());
  want(api::DesiredState::Running);
  EXPECT_THAT(due(), ElementsAre(20));
}

TEST_F(Scheduling, KeepsThemWhileItIsSuspended) {
  until(minutes(10));
  want(api::DesiredState::Suspended);
  EXPECT_EQ(status().phase, api::Phase::Suspended);
  EXPECT_THAT(snapshots(), SizeIs(2));
  until(minutes(30));
  EXPECT_THAT(snapshots(), SizeIs(2));
  want(api::DesiredState::Running);
  EXPECT_THAT(due(), ElementsAre(10, 30));
  EXPECT_THAT(agent_.trouble, IsEmpty());
}

TEST_F(Scheduling, LeavesThoseOfOthersAlone) {
  world_.server.put("sandboxsnapshots",
                    {{"metadata",
                      {{"name", "mine"},
                       {"namespace", "team"},
                       {"uid", "uid-of-mine"},
                       {"resourceVersion", "7"},
                       {"creationTimestamp", "2026-01-01T00:00:00Z"},
                       {"annotations", {{api::scheduledForAnnotation, "2020-01-01T00:00:00Z"}}}}},
                     {"spec", {{"sandboxRef", {{"name", "hello"}}}}},
                     {"status", {{"phase", "Ready"}}}});
  schedule(minutes(10), 1);
  for (int i = 0; i < 3; ++i) pass(minutes(10));
  EXPECT_THAT(snapshots(), SizeIs(2));
}

// The node saves one after the other: its end would wait for this one.
TEST_F(Scheduling, TakesNoneRightBeforeAnEndAtWhichItIsSaved) {
  world_.edit([](api::Sandbox& sandbox) {
    sandbox.spec.lifecycle.maxLifetime = minutes(34);
    sandbox.spec.lifecycle.onExpiry = api::OnExpiry::Suspend;
  });
  for (const int age : {10, 20, 30, 33}) until(minutes(age));
  EXPECT_THAT(due(), ElementsAre(10, 20));
}

TEST_F(Scheduling, KeepsWhatASandboxIsStillToStartFrom) {
  schedule(minutes(10), 1);
  until(minutes(10));
  const std::string wanted = only().metadata.name;
  json::value waiting = world_.server.all("sandboxes").at(0);
  waiting.at("metadata").as_object()["name"] = "waits";
  waiting.at("metadata").as_object()["uid"] = "uid-of-waits";
  waiting.at("spec").as_object()["restoreFrom"] = {{"name", wanted}};
  waiting.as_object().erase("status");
  world_.server.put("sandboxes", waiting);
  for (const int age : {20, 30}) until(minutes(age));
  EXPECT_THAT(due(), ElementsAre(10, 30));
  waiting.as_object()["status"] = {{"phase", "Running"}, {"startedAt", "2026-01-01T00:00:00Z"}};
  world_.server.put("sandboxes", waiting);
  until(minutes(40));
  EXPECT_THAT(due(), ElementsAre(40));
}

// Whoever may annotate snapshots does not put it off.
TEST_F(Scheduling, IsNotPutOffByAMomentToCome) {
  until(minutes(10));
  api::SandboxSnapshot forged = only();
  forged.metadata.annotations[std::string(api::scheduledForAnnotation)] = "2099-01-01T00:00:00Z";
  world_.server.put("sandboxsnapshots", json::encode(forged));
  until(minutes(20));
  EXPECT_THAT(snapshots(), SizeIs(2));
}

TEST_F(Scheduling, EndsWhereItIsTakenBack) {
  until(minutes(10));
  world_.edit([](api::Sandbox& sandbox) { sandbox.spec.snapshotSchedule.reset(); });
  until(minutes(50));
  EXPECT_THAT(due(), ElementsAre(10)) << "what was taken stays";
}

TEST_F(Scheduling, SaysThatOneWasRefused) {
  const std::string name = json::findString(
      scheduledSnapshot(world_.sandbox(), world_.sandbox().metadata.creationTimestamp + minutes(10)),
      "metadata.name");
  world_.server.put("sandboxsnapshots", {{"metadata",
                                          {{"name", name},
                                           {"namespace", "team"},
                                           {"uid", "uid-of-a-stranger"},
                                           {"resourceVersion", "7"},
                                           {"creationTimestamp", "2026-01-01T00:00:00Z"}}},
                                         {"spec", {{"sandboxRef", {{"name", "hello"}}}}},
                                         {"status", {{"phase", "Ready"}}}});
  world_.sync();
  world_.clock.advance(world_.sandbox().metadata.creationTimestamp + minutes(10) - world_.clock.now());
  const auto outcome = world_.reconcile();
  ASSERT_TRUE(outcome) << "nothing else waits for it";
  EXPECT_EQ(outcome->again, world_.clock.now() + scheduleRetry);
  ASSERT_THAT(world_.reports, SizeIs(1));
  EXPECT_TRUE(world_.reports[0].warning);
  EXPECT_EQ(world_.reports[0].reason, reason::snapshotFailed);
  EXPECT_THAT(world_.reports[0].message, HasSubstr(name));
  EXPECT_EQ(world_.ready().status, "True");
}

}  // namespace
}  // namespace cloister::sandbox
