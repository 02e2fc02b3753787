#include "operator/sandbox/suspend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/sandbox/reasons.h"
#include "tests/unit/operator/sandbox/suspending.h"

namespace cloister::sandbox {
namespace {

using std::chrono::minutes;
using test::ended;
using test::Suspending;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(Suspending, SavesItsMemoryAndThenDeletesThePod) {
  want(api::DesiredState::Suspended);
  EXPECT_THAT(newWrites(), ElementsAre("PATCH sandboxes/status",  // the name
                                       "PATCH pods", "PATCH sandboxes/status", "POST sandboxsnapshots",
                                       "PATCH sandboxes/status", "PATCH sandboxes/status",  // the decision
                                       "DELETE pods"));
  EXPECT_EQ(status().phase, api::Phase::Suspended);
  EXPECT_THAT(world_.pods(), IsEmpty());
  ASSERT_THAT(snapshots(), SizeIs(1));
  EXPECT_EQ(snapshots()[0].metadata.name, status().suspension->snapshotName);
  EXPECT_EQ(api::controllerOf(snapshots()[0].metadata)->uid, world_.sandbox().metadata.uid);
  EXPECT_EQ(world_.ready().status, "False");
  EXPECT_EQ(world_.ready().reason, reason::suspended);
  EXPECT_THAT(status().podIPs, IsEmpty());
  EXPECT_THAT(agent_.trouble, IsEmpty());
}

TEST_F(Suspending, IsGivenUpWhileItIsSaved) {
  agent_.saves = false;
  want(api::DesiredState::Suspended);
  EXPECT_EQ(world_.ready().reason, reason::suspending);
  EXPECT_EQ(status().phase, api::Phase::Paused);
  EXPECT_THAT(snapshots(), SizeIs(1));
  want(api::DesiredState::Running);
  EXPECT_EQ(status().phase, api::Phase::Running);
  EXPECT_EQ(world_.ready().status, "True");
  EXPECT_THAT(snapshots(), IsEmpty());
  EXPECT_THAT(world_.pods(), SizeIs(1)) << "in place";
  EXPECT_EQ(status().resumes, std::nullopt);
}

TEST_F(Suspending, RunsOnWhenItCannotBeSavedAndTriesAgain) {
  agent_.failure = "the disk is full";
  want(api::DesiredState::Suspended);
  EXPECT_EQ(status().phase, api::Phase::Running);
  EXPECT_EQ(world_.ready().status, "True");
  EXPECT_EQ(world_.ready().reason, reason::suspendFailed);
  EXPECT_THAT(world_.ready().message, HasSubstr("the disk is full"));
  EXPECT_THAT(snapshots(), IsEmpty());
  EXPECT_THAT(world_.reports, SizeIs(1));
  for (const Duration wait : {seconds(30), seconds(60), seconds(120), seconds(240)}) {
    world_.clock.advance(wait - seconds(1));
    settle();
    const auto tried = status().suspends;
    world_.clock.advance(seconds(1));
    settle();
    EXPECT_EQ(status().suspends, *tried + 1) << formatDuration(wait);
  }
  world_.clock.advance(minutes(20));
  settle();
  EXPECT_EQ(status().suspends, 5);
  EXPECT_THAT(world_.ready().message, HasSubstr("not tried again"));
  agent_.failure.clear();
  want(api::DesiredState::Running);
  EXPECT_EQ(status().suspension, std::nullopt);
  EXPECT_EQ(world_.ready().reason, reason::running);
  want(api::DesiredState::Suspended);
  EXPECT_EQ(status().phase, api::Phase::Suspended);
  EXPECT_THAT(agent_.trouble, IsEmpty());
}

TEST_F(Suspending, DoesNotRepeatWhatCannotSucceed) {
  agent_.failure = "not with this sandbox";
  agent_.failureReason = api::snapshot::unsupported;
  want(api::DesiredState::Suspended);
  world_.clock.advance(minutes(20));
  settle();
  EXPECT_EQ(status().suspends, 1);
  EXPECT_THAT(world_.ready().message, HasSubstr("not tried again"));
}

TEST_F(Suspending, DoesNotStandStillWhileItsNodeTriesAgain) {
  agent_.failure = "the disk is full";
  agent_.failureReason = api::snapshot::retrying;
  want(api::DesiredState::Suspended);
  EXPECT_EQ(world_.ready().status, "True");
  EXPECT_EQ(world_.ready().reason, reason::suspendFailed);
}

TEST_F(Suspending, UsesNoSnapshotOfAStranger) {
  agent_.freezes = false;
  want(api::DesiredState::Suspended);
  const std::string name = status().suspension->snapshotName;
  world_.server.put(
      "sandboxsnapshots",
      {{"metadata", {{"name", name}, {"namespace", "team"}, {"uid", "x"}}},
       {"spec", {{"sandboxRef", {{"name", "hello"}}}}},
       {"status", {{"phase", "Ready"}, {"nodeName", "node-1"}, {"podUID", world_.pods()[0].metadata.uid}}}});
  agent_.freezes = true;
  settle();
  EXPECT_EQ(world_.ready().reason, reason::suspendFailed);
  EXPECT_THAT(world_.ready().message, HasSubstr("belongs to somebody else"));
  EXPECT_THAT(world_.pods(), SizeIs(1));
  EXPECT_FALSE(world_.server.get("sandboxsnapshots", {"team", name}).is_null()) << "nor deletes it";
  world_.clock.advance(minutes(1));
  settle();
  EXPECT_EQ(status().phase, api::Phase::Suspended) << "under the next name";
}

TEST_F(Suspending, TakesNoOldSnapshotForTheNewOne) {
  agent_.saves = false;
  want(api::DesiredState::Suspended);
  const json::value first = world_.server.all("sandboxsnapshots").at(0);
  json::value other = first;
  other.as_object()["status"] = {{"phase", "Ready"}, {"nodeName", "node-1"}, {"podUID", "another"}};
  world_.server.put("sandboxsnapshots", other);
  settle();
  EXPECT_THAT(world_.pods(), SizeIs(1)) << "it is of another pod";
}

// The watch has told of the pod as it stood still; since then somebody has let it go on.
TEST_F(Suspending, DecidesByWhatTheApiServerSaysOfThePod) {
  agent_.saves = false;
  want(api::DesiredState::Suspended);
  const api::Pod frozen = world_.pods()[0];
  api::Pod thawed = frozen;
  thawed.metadata.annotations.erase(std::string(api::freezeAnnotation));
  agent_.saves = true;
  ASSERT_TRUE(agent_.act());
  world_.putPod(thawed);
  world_.sync();
  world_.stores->pods.put(frozen);
  (void)world_.reconcile();
  EXPECT_NE(status().phase, api::Phase::Suspended);
  EXPECT_THAT(world_.pods(), SizeIs(1));
  settle();
  EXPECT_EQ(status().phase, api::Phase::Suspended) << "it stands still anew";
}

TEST_F(Suspending, DecidesByWhatTheApiServerSaysOfTheSnapshot) {
  agent_.saves = false;
  want(api::DesiredState::Suspended);
  agent_.saves = true;
  ASSERT_TRUE(agent_.act());
  world_.sync();
  world_.server.erase("sandboxsnapshots", {"team", status().suspension->snapshotName});
  (void)world_.reconcile();
  EXPECT_NE(status().phase, api::Phase::Suspended);
  EXPECT_THAT(world_.pods(), SizeIs(1));
}

TEST_F(Suspending, LosesNoChangeOfMind) {
  agent_.saves = false;
  want(api::DesiredState::Suspended);
  agent_.saves = true;
  ASSERT_TRUE(agent_.act());
  world_.sync();
  world_.edit([](api::Sandbox& sandbox) { sandbox.spec.desiredState = api::DesiredState::Running; });
  EXPECT_FALSE(world_.reconcile()) << "the decision carries the version that was read";
  EXPECT_EQ(status().phase, api::Phase::Paused);
  settle();
  EXPECT_EQ(status().phase, api::Phase::Running);
  EXPECT_THAT(world_.pods(), SizeIs(1));
  EXPECT_THAT(agent_.trouble, IsEmpty());
}

// Of a time before the attempt: the operator has been away, and its watch of Sandboxes is late.
TEST_F(Suspending, AnOldViewEndsNothing) {
  const api::Sandbox old = world_.sandbox();
  agent_.saves = false;
  want(api::DesiredState::Suspended);
  agent_.saves = true;
  ASSERT_TRUE(agent_.act());
  world_.restart();
  world_.stores->sandboxes.replace("", {old}, "1");
  const size_t writes = world_.server.writes().size();
  (void)world_.reconcile();
  EXPECT_EQ(world_.server.writes().size(), writes);
  settle();
  EXPECT_EQ(status().phase, api::Phase::Suspended);
}

TEST_F(Suspending, SuspendsWhatEndsAfterItWasSaved) {
  agent_.saves = false;
  want(api::DesiredState::Suspended);
  agent_.saves = true;
  ASSERT_TRUE(agent_.act());
  world_.putPod(ended(world_.pods()[0], 137, "Error"));
  settle();
  EXPECT_EQ(status().phase, api::Phase::Suspended);
}

TEST_F(Suspending, TellsAnEndBeforeItWasSaved) {
  agent_.saves = false;
  want(api::DesiredState::Suspended);
  world_.putPod(ended(world_.pods()[0], 137, "Error"));
  settle();
  EXPECT_EQ(status().phase, api::Phase::Failed);
  EXPECT_EQ(status().suspension, std::nullopt);
}

}  // namespace
}  // namespace cloister::sandbox
