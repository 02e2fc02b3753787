#include "operator/sandbox/resume.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/sandbox/reasons.h"
#include "tests/unit/operator/mishaps.h"
#include "tests/unit/operator/sandbox/suspending.h"

namespace cloister::sandbox {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using test::aSandbox;
using test::ended;
using test::Mishap;
using test::Suspending;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(Suspending, GoesOnFromItAndOnlyThenDropsIt) {
  want(api::DesiredState::Suspended);
  const std::string saved = status().suspension->snapshotName;
  world_.nodeWorks = false;
  want(api::DesiredState::Running);
  ASSERT_THAT(world_.pods(), SizeIs(1));
  EXPECT_EQ(api::annotationOf(world_.pods()[0].metadata, api::restoreAnnotation), saved);
  EXPECT_EQ(restartOf(world_.pods()[0]), 1);
  EXPECT_THAT(snapshots(), SizeIs(1)) << "it does not run yet";
  world_.nodeWorks = true;
  settle();
  EXPECT_EQ(status().phase, api::Phase::Running);
  EXPECT_EQ(world_.ready().status, "True");
  EXPECT_EQ(status().resumes, 1);
  EXPECT_EQ(status().restarts, std::nullopt);
  EXPECT_EQ(status().suspension, std::nullopt);
  EXPECT_THAT(snapshots(), IsEmpty());
  EXPECT_THAT(agent_.trouble, IsEmpty());
}

// Its registry may be called otherwise since, by the operator's configuration.
TEST_F(Suspending, GoesOnWithTheImageThatItHad) {
  want(api::DesiredState::Suspended);
  json::value saved = world_.server.all("sandboxsnapshots").at(0);
  saved.at("status").as_object()["image"] = "old.example.com/app:1";
  saved.at("status").as_object()["imageID"] = "old.example.com/app@sha256:1";
  world_.server.put("sandboxsnapshots", saved);
  world_.edit([](api::Sandbox& sandbox) { sandbox.spec.image = "app:1"; });
  world_.nodeWorks = false;
  want(api::DesiredState::Running);
  ASSERT_THAT(world_.pods(), SizeIs(1));
  const api::ObjectMeta meta = world_.pods()[0].metadata;
  EXPECT_EQ(api::annotationOf(meta, api::imageAnnotation), "old.example.com/app:1");
  EXPECT_EQ(json::findString(world_.server.get("pods", api::keyOf(meta)), "spec.containers.0.image"),
            "old.example.com/app@sha256:1");
}

TEST_F(Suspending, GoesOnceMoreUnderAnotherName) {
  want(api::DesiredState::Suspended);
  const std::string first = status().suspension->snapshotName;
  want(api::DesiredState::Running);
  want(api::DesiredState::Suspended);
  EXPECT_NE(status().suspension->snapshotName, first);
  want(api::DesiredState::Running);
  EXPECT_EQ(status().resumes, 2);
  EXPECT_EQ(status().suspends, 2);
  EXPECT_THAT(agent_.trouble, IsEmpty());
}

TEST_F(Suspending, GoesFromPausedToSuspendedAndBack) {
  want(api::DesiredState::Paused);
  want(api::DesiredState::Suspended);
  EXPECT_EQ(status().phase, api::Phase::Suspended);
  want(api::DesiredState::Paused);
  EXPECT_EQ(status().phase, api::Phase::Paused);
  EXPECT_EQ(world_.ready().reason, reason::paused);
  EXPECT_THAT(world_.pods(), SizeIs(1));
  EXPECT_THAT(snapshots(), IsEmpty());
  EXPECT_THAT(agent_.trouble, IsEmpty());
}

TEST_F(Suspending, LetsTheTtlStandStill) {
  const Time expiry = *status().expiresAt;
  want(api::DesiredState::Suspended);
  EXPECT_EQ(status().expiresAt, aSandbox().metadata.creationTimestamp + hours(24 * 7));
  world_.clock.advance(hours(48));
  settle();
  EXPECT_EQ(status().phase, api::Phase::Suspended);
  want(api::DesiredState::Running);
  EXPECT_EQ(status().pausedFor, hours(48));
  EXPECT_EQ(status().expiresAt, expiry + hours(48));
  want(api::DesiredState::Suspended);
  world_.clock.advance(hours(24 * 7));
  settle();
  EXPECT_FALSE(world_.findSandbox()) << "its longest lifetime goes on";
}

class Kept : public Suspending {
 protected:
  Kept() { want(api::DesiredState::Suspended); }
  void lose() { world_.server.erase("sandboxsnapshots", {"team", status().suspension->snapshotName}); }
};

TEST_F(Kept, DoesNotStartEmptyWithoutItsSnapshot) {
  lose();
  want(api::DesiredState::Running);
  EXPECT_EQ(status().phase, api::Phase::Suspended);
  EXPECT_EQ(world_.ready().reason, reason::snapshotLost);
  EXPECT_THAT(world_.pods(), IsEmpty());
  EXPECT_THAT(world_.reports.back().message, HasSubstr("create another one"));
}

TEST_F(Kept, DoesNotGoOnFromAFailedOne) {
  agent_.setStatus(snapshots()[0],
                   {{"phase", "Failed"},
                    {"conditions", json::array{{{"type", "Ready"},
                                                {"status", "False"},
                                                {"reason", "NodeLost"},
                                                {"lastTransitionTime", "2026-01-01T00:00:00Z"},
                                                {"message", "The node is gone."}}}}});
  want(api::DesiredState::Running);
  EXPECT_EQ(world_.ready().reason, reason::snapshotLost);
  EXPECT_THAT(world_.ready().message, HasSubstr("The node is gone."));
  EXPECT_THAT(world_.pods(), IsEmpty());
}

TEST_F(Kept, AsksForASnapshotThatTheStoreLacks) {
  world_.restart();
  world_.stores->snapshots.replace("", {}, "1");
  ASSERT_TRUE(world_.reconcile());
  EXPECT_EQ(world_.ready().reason, reason::suspended);
}

TEST_F(Kept, StaysSoWhereSnapshotsAreTurnedOff) {
  world_.config.snapshots.enabled = false;
  want(api::DesiredState::Running);
  EXPECT_EQ(status().phase, api::Phase::Suspended);
  EXPECT_EQ(world_.ready().reason, reason::unsupported);
  world_.config.snapshots.enabled = true;
  settle();
  EXPECT_EQ(status().phase, api::Phase::Running);
}

TEST_F(Kept, GoesOnWhenNoPodIsLeftBesideIt) {
  api::Pod former = test::leaving(test::podOf(aSandbox()), world_.clock.now() + hours(1));
  former.metadata.uid = status().podUID;
  former.status.phase = "Running";
  world_.putPod(former);
  want(api::DesiredState::Running);
  EXPECT_EQ(status().phase, api::Phase::Suspended);
  EXPECT_THAT(world_.ready().message, HasSubstr(former.metadata.name));
  world_.server.erase("pods", api::keyOf(former.metadata));
  settle();
  EXPECT_EQ(status().phase, api::Phase::Running);
}

TEST_F(Kept, DeletesAPodThatIsStillThere) {
  world_.putPod(test::ready(test::podOf(aSandbox())));
  settle();
  EXPECT_THAT(world_.pods(), IsEmpty());
  EXPECT_EQ(status().phase, api::Phase::Suspended);
}

TEST_F(Kept, GoesBackWhileNoPodHasComeOfIt) {
  world_.server.admission = [](const net::Request& request) -> std::optional<net::Response> {
    if (request.method != "POST" || !request.target.contains("/pods")) return std::nullopt;
    return test::refusal(403, "Forbidden", "pods \"hello\" is forbidden: exceeded quota: a");
  };
  world_.edit([](api::Sandbox& sandbox) { sandbox.spec.desiredState = api::DesiredState::Running; });
  for (int i = 0; i < 4; ++i) {
    world_.sync();
    (void)world_.reconcile();
  }
  EXPECT_EQ(status().phase, api::Phase::Pending);
  world_.server.admission = nullptr;
  want(api::DesiredState::Suspended);
  EXPECT_EQ(status().phase, api::Phase::Suspended);
  EXPECT_THAT(world_.pods(), IsEmpty());
  want(api::DesiredState::Running);
  EXPECT_EQ(status().phase, api::Phase::Running);
  EXPECT_EQ(status().resumes, 2);
}

// As when no agent answers: the next pod tries again from the same snapshot.
TEST_F(Kept, TriesAgainWhenAPodCouldNotContinue) {
  world_.nodeWorks = false;
  want(api::DesiredState::Running);
  const std::string saved = status().suspension->snapshotName;
  api::Pod refused = ended(world_.pods()[0], 128, "StartError", "no agent");
  refused.status.containerStatuses[0].state.terminated->startedAt = Time();  // as the kubelet says never
  world_.putPod(refused);
  settle();
  EXPECT_EQ(status().phase, api::Phase::Pending);
  EXPECT_EQ(status().suspension->snapshotName, saved);
  EXPECT_EQ(world_.ready().reason, reason::restarting);
  world_.nodeWorks = true;
  world_.clock.advance(seconds(10));
  settle();
  EXPECT_EQ(status().phase, api::Phase::Running);
  EXPECT_EQ(status().restarts, 1);
  EXPECT_EQ(status().resumes, 1);
  EXPECT_EQ(api::annotationOf(world_.pods()[0].metadata, api::restoreAnnotation), saved);
  EXPECT_THAT(snapshots(), IsEmpty());
}

TEST_F(Kept, ChangesNothingAfterARestartOfTheOperator) {
  const size_t writes = world_.server.writes().size();
  world_.restart();
  settle();
  EXPECT_EQ(world_.server.writes().size(), writes);
}

class SuspendingWithMishaps : public Suspending, public testing::WithParamInterface<Mishap> {};

INSTANTIATE_TEST_SUITE_P(All, SuspendingWithMishaps, testing::ValuesIn(test::mishaps),
                         [](const auto& info) { return test::nameOf(info.param); });

TEST_P(SuspendingWithMishaps, GetsOverEachFailure) {
  constexpr size_t calls = 14;
  for (size_t call = 0; call < calls; ++call) {
    for (const auto state : {api::DesiredState::Suspended, api::DesiredState::Running}) {
      SCOPED_TRACE("call " + std::to_string(call));
      test::arrange(world_, GetParam(), call);
      want(state);
      world_.clock.advance(minutes(2));
      settle();
      EXPECT_EQ(status().phase,
                state == api::DesiredState::Running ? api::Phase::Running : api::Phase::Suspended);
    }
    EXPECT_EQ(status().resumes, int64_t(call) + 1);
    EXPECT_THAT(world_.pods(), SizeIs(1));
    EXPECT_THAT(snapshots(), IsEmpty());
    EXPECT_THAT(agent_.trouble, IsEmpty());
  }
}

}  // namespace
}  // namespace cloister::sandbox
