#include "operator/sandbox/overtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/sandbox/reasons.h"
#include "tests/unit/operator/mishaps.h"
#include "tests/unit/operator/sandbox/expiring.h"

namespace cloister::sandbox {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using test::ended;
using test::Expiring;
using test::Mishap;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Overtime : public Expiring {};

TEST_F(Overtime, IsSuspendedAtItsEnd) {
  passEnd(-milliseconds(1));
  EXPECT_EQ(status().phase, api::Phase::Running);
  EXPECT_THAT(wish(), IsEmpty());
  passEnd();
  EXPECT_EQ(status().phase, api::Phase::Suspended);
  EXPECT_EQ(world_.ready().reason, reason::expired);
  EXPECT_THAT(world_.ready().message, HasSubstr("Move its end"));
  EXPECT_THAT(world_.ready().message, HasSubstr(status().suspension->snapshotName));
  EXPECT_THAT(world_.pods(), IsEmpty());
  EXPECT_THAT(snapshots(), SizeIs(1));
  EXPECT_EQ(world_.reports.back().reason, reason::expired);
  EXPECT_THAT(agent_.trouble, IsEmpty());
}

TEST_F(Overtime, StaysSoWhileNothingIsChanged) {
  passEnd();
  const api::SandboxStatus before = status();
  const size_t writes = world_.server.writes().size();
  for (const Duration wait : {Duration(seconds(1)), Duration(minutes(10)), Duration(hours(24))}) {
    pass(wait);
    world_.restart();
    settle();
  }
  EXPECT_EQ(status(), before);
  EXPECT_EQ(world_.server.writes().size(), writes);
}

// By the clock of the next leader its end has not come yet.
TEST_F(Overtime, StaysSoBeforeAClockThatIsBehind) {
  passEnd();
  const api::Sandbox sandbox = world_.sandbox();
  const Time early = end() - minutes(5);
  Observed observed = test::seen(sandbox);
  observed.podConfirmedGone = true;
  observed.snapshot = std::make_shared<const api::SandboxSnapshot>(snapshots()[0]);
  const Plan next = plan(observed, world_.config, early);
  EXPECT_FALSE(next.status);
  EXPECT_THAT(next.actions, IsEmpty());
}

// Found by seed 1500088071: it is to be deleted now, once its time is over by the clock that there is, and
// runs until then.
TEST_F(Overtime, GoesOnByAClockThatIsBehindOnceItIsNotToBeKept) {
  passEnd();
  world_.clock.jumpWallClock(-hours(1));
  world_.edit([](api::Sandbox& sandbox) { sandbox.spec.lifecycle.onExpiry = api::OnExpiry::Delete; });
  settle();
  EXPECT_EQ(status().phase, api::Phase::Running);
  pass(hours(2));
  EXPECT_FALSE(world_.findSandbox());
}

// What one clock said is not undone by another that is behind it: two replicas would be at that forever.
TEST_F(Overtime, IsSavedBeforeAClockThatIsBehind) {
  agent_.freezes = false;
  passEnd();
  const std::string wanted = wish();
  world_.clock.jumpWallClock(-minutes(5));
  settle();
  EXPECT_EQ(wish(), wanted);
  agent_.freezes = true;
  agent_.saves = false;
  settle();
  EXPECT_EQ(wish(), wanted);
  EXPECT_GE(status().pausedAt, std::chrono::floor<seconds>(end()));
  agent_.saves = true;
  settle();
  EXPECT_EQ(status().phase, api::Phase::Suspended);
  EXPECT_EQ(status().suspension->snapshotName, wanted);
}

TEST_F(Overtime, IsTriedAgainByAClockThatIsBehind) {
  agent_.failure = "the disk is full";
  passEnd();
  const api::SandboxStatus before = status();
  ASSERT_EQ(before.suspension->failures, 1);
  world_.clock.jumpWallClock(-minutes(5));
  settle();
  EXPECT_EQ(status(), before);
}

TEST_F(Overtime, FailsAfterItsEndByAClockThatIsBehind) {
  agent_.freezes = false;
  agent_.failure = "the disk is full";
  passEnd();
  world_.clock.jumpWallClock(-minutes(5));
  agent_.freezes = true;
  settle();
  EXPECT_EQ(status().phase, api::Phase::Paused);
  EXPECT_EQ(status().suspension->failures, 1);
  EXPECT_GE(status().suspension->failedAt, std::chrono::floor<seconds>(end()));
}

TEST_F(Overtime, WhateverItsOwnerWantsItToDo) {
  want(api::DesiredState::Paused);
  want(api::DesiredState::Running);
  passEnd(hours(1));
  EXPECT_EQ(status().phase, api::Phase::Suspended);
  want(api::DesiredState::Paused);
  EXPECT_EQ(status().phase, api::Phase::Suspended);
  EXPECT_THAT(world_.pods(), IsEmpty());
}

TEST_F(Overtime, GoesOnOnceItsEndIsMoved) {
  passEnd();
  const Time stopped = *status().pausedAt;
  pass(hours(2));
  setTtl(ttl + minutes(10));
  EXPECT_EQ(status().phase, api::Phase::Running);
  EXPECT_EQ(status().resumes, 1);
  EXPECT_EQ(*status().expiresAt, std::chrono::floor<seconds>(end() + minutes(10) + *status().pausedFor));
  EXPECT_GE(*status().pausedFor, world_.clock.now() - stopped - seconds(1));
  EXPECT_THAT(snapshots(), IsEmpty());
  pass(minutes(11));
  EXPECT_EQ(status().phase, api::Phase::Suspended) << "and ends anew";
  EXPECT_EQ(world_.ready().reason, reason::expired);
  EXPECT_THAT(agent_.trouble, IsEmpty());
}

TEST_F(Overtime, GoesOnInPlaceIfItsEndIsMovedWhileItIsSaved) {
  agent_.saves = false;
  passEnd();
  EXPECT_EQ(world_.ready().reason, reason::suspending);
  EXPECT_THAT(world_.ready().message, HasSubstr("Its time is over."));
  EXPECT_EQ(status().phase, api::Phase::Paused);
  setTtl(ttl + minutes(10));
  EXPECT_EQ(status().phase, api::Phase::Running);
  EXPECT_EQ(status().resumes, std::nullopt);
  EXPECT_EQ(status().suspension, std::nullopt);
  EXPECT_THAT(world_.pods(), SizeIs(1));
  EXPECT_THAT(snapshots(), IsEmpty());
}

TEST_F(Overtime, EndsByItsLongestLifetimeToo) {
  setLifecycle({.ttl = hours(9),
                .expiresAt = {},
                .idleTimeout = {},
                .maxLifetime = minutes(30),
                .onExpiry = api::OnExpiry::Suspend});
  want(api::DesiredState::Paused);
  pass(minutes(31));
  EXPECT_EQ(status().phase, api::Phase::Suspended);
  want(api::DesiredState::Running);
  EXPECT_EQ(status().phase, api::Phase::Suspended);
  world_.edit([](api::Sandbox& sandbox) { sandbox.spec.lifecycle.maxLifetime = hours(2); });
  settle();
  EXPECT_EQ(status().phase, api::Phase::Running);
}

TEST_F(Overtime, IsDeletedOnceItsEndIsToDeleteIt) {
  passEnd();
  setEnd(api::OnExpiry::Delete);
  EXPECT_FALSE(world_.findSandbox());
}

TEST_F(Overtime, StartsNothing) {
  world_.server.erase("sandboxes", world_.key);
  world_.server.erase("pods", api::keyOf(world_.pods()[0].metadata));
  settle();
  api::Sandbox next = test::aSandbox();
  next.metadata.uid = "next";
  next.spec.lifecycle.onExpiry = api::OnExpiry::Suspend;
  next.spec.lifecycle.expiresAt = world_.clock.now() + minutes(1);
  world_.nodeWorks = false;
  world_.create(next);
  settle();
  EXPECT_THAT(world_.pods(), SizeIs(1));
  pass(minutes(1));
  EXPECT_THAT(world_.pods(), IsEmpty());
  EXPECT_EQ(status().phase, api::Phase::Pending);
  EXPECT_EQ(world_.ready().reason, reason::expired);
  const api::SandboxStatus before = status();
  world_.nodeWorks = true;
  world_.clock.jumpWallClock(-minutes(1));
  settle();
  EXPECT_EQ(status(), before);
  world_.edit([](api::Sandbox& sandbox) { sandbox.spec.lifecycle.expiresAt.reset(); });
  settle();
  EXPECT_EQ(status().phase, api::Phase::Running);
}

TEST_F(Overtime, GoesBackIfItsEndComesBeforeItRanAgain) {
  passEnd();
  world_.nodeWorks = false;
  setTtl(ttl + minutes(10));
  ASSERT_THAT(world_.pods(), SizeIs(1));
  setTtl(ttl);
  EXPECT_EQ(status().phase, api::Phase::Suspended);
  EXPECT_THAT(world_.pods(), IsEmpty());
  EXPECT_THAT(snapshots(), SizeIs(1));
  world_.nodeWorks = true;
  setTtl(ttl + minutes(10));
  EXPECT_EQ(status().phase, api::Phase::Running);
  EXPECT_THAT(agent_.trouble, IsEmpty());
}

TEST_F(Overtime, StandsStillBetweenTheAttemptsToSaveItAndThenEnds) {
  agent_.failure = "the disk is full";
  passEnd();
  const std::string first = wish();
  EXPECT_EQ(status().phase, api::Phase::Paused);
  EXPECT_EQ(world_.ready().reason, reason::suspendFailed);
  EXPECT_THAT(world_.ready().message, HasSubstr("the disk is full"));
  for (const Duration wait : {seconds(30), seconds(60), seconds(120)}) {
    pass(wait);
    EXPECT_TRUE(api::isFrozen(world_.pods().at(0))) << formatDuration(wait);
    EXPECT_NE(wish(), first) << "it was tried again";
  }
  pass(seconds(240));
  EXPECT_EQ(status().phase, api::Phase::Failed);
  EXPECT_EQ(world_.ready().reason, reason::expiredUnsaved);
  EXPECT_THAT(world_.ready().message, HasSubstr("the disk is full"));
  EXPECT_THAT(world_.pods(), IsEmpty());
  EXPECT_THAT(snapshots(), IsEmpty());
  EXPECT_EQ(world_.reports.back().reason, reason::expiredUnsaved);
  pass(hours(1));
  EXPECT_EQ(status().phase, api::Phase::Failed);
}

TEST_F(Overtime, IsSavedByALaterAttempt) {
  agent_.failure = "the disk is full";
  passEnd();
  agent_.failure.clear();
  pass(seconds(30));
  EXPECT_EQ(status().phase, api::Phase::Suspended);
  EXPECT_EQ(status().suspends, 2);
  EXPECT_THAT(snapshots(), SizeIs(1));
  EXPECT_THAT(agent_.trouble, IsEmpty());
}

// It stood still before, and makes no step: its node's agent may be away for a while.
TEST_F(Overtime, WaitsForItsNodeIfItStoodStillBefore) {
  world_.edit([](api::Sandbox& sandbox) { sandbox.spec.lifecycle.maxLifetime = minutes(30); });
  want(api::DesiredState::Paused);
  agent_.freezes = false;
  pass(minutes(30));
  pass(longestAnswer - seconds(1));
  EXPECT_NE(status().phase, api::Phase::Failed);
  EXPECT_THAT(world_.pods(), SizeIs(1));
  agent_.freezes = true;
  settle();
  EXPECT_EQ(status().phase, api::Phase::Suspended);
}

// The node does one after the other.
TEST_F(Overtime, WaitsForASnapshotThatIsBeingTaken) {
  world_.server.put("sandboxsnapshots", {{"metadata",
                                          {{"name", "mine"},
                                           {"namespace", "team"},
                                           {"uid", "uid-of-mine"},
                                           {"resourceVersion", "7"},
                                           {"creationTimestamp", "2026-01-01T00:00:00Z"}}},
                                         {"spec", {{"sandboxRef", {{"name", "hello"}}}}},
                                         {"status", taken("Running", "Taking")}});
  agent_.freezes = false;
  agent_.saves = false;
  passEnd();
  pass(longestFreeze);
  EXPECT_EQ(status().phase, api::Phase::Running);
  pass(longestAnswer - longestFreeze);
  EXPECT_EQ(world_.ready().reason, reason::expiredUnsaved);
}

// From the end of the snapshot the node has the time that it would have had.
TEST_F(Overtime, CountsAnewFromTheEndOfASnapshot) {
  json::value mine{{"metadata",
                    {{"name", "mine"},
                     {"namespace", "team"},
                     {"uid", "uid-of-mine"},
                     {"resourceVersion", "7"},
                     {"creationTimestamp", "2026-01-01T00:00:00Z"}}},
                   {"spec", {{"sandboxRef", {{"name", "hello"}}}}},
                   {"status", taken("Running", "Taking")}};
  world_.server.put("sandboxsnapshots", mine);
  agent_.freezes = false;
  agent_.saves = false;
  passEnd();
  pass(minutes(2));
  mine.as_object()["status"] = taken("Ready", "Taken");
  world_.server.put("sandboxsnapshots", mine);
  pass(longestFreeze - seconds(2));
  EXPECT_EQ(status().phase, api::Phase::Running);
  pass(seconds(3));
  EXPECT_EQ(world_.ready().reason, reason::expiredUnsaved);
}

// Nobody takes it now.
TEST_F(Overtime, DoesNotWaitForASnapshotThatIsOnlyTriedAgain) {
  world_.server.put("sandboxsnapshots", {{"metadata",
                                          {{"name", "mine"},
                                           {"namespace", "team"},
                                           {"uid", "uid-of-mine"},
                                           {"resourceVersion", "7"},
                                           {"creationTimestamp", "2026-01-01T00:00:00Z"}}},
                                         {"spec", {{"sandboxRef", {{"name", "hello"}}}}},
                                         {"status", taken("Running", "Retrying")}});
  agent_.freezes = false;
  agent_.saves = false;
  passEnd();
  pass(longestFreeze);
  EXPECT_EQ(world_.ready().reason, reason::expiredUnsaved);
}

TEST_F(Overtime, DoesNotWaitForItsNodeForEver) {
  world_.edit([](api::Sandbox& sandbox) { sandbox.spec.lifecycle.maxLifetime = minutes(30); });
  want(api::DesiredState::Paused);
  agent_.freezes = false;
  pass(minutes(30));
  pass(longestAnswer);
  EXPECT_EQ(world_.ready().reason, reason::expiredUnsaved);
}

TEST_F(Overtime, IsTriedThoughItsEndIsMovedBeforeAFailure) {
  agent_.failure = "the disk is full";
  want(api::DesiredState::Suspended);
  for (int i = 0; i < 5; ++i) pass(minutes(5));
  ASSERT_EQ(status().suspension->failures, 5);
  setTtl(seconds(1));
  EXPECT_EQ(status().phase, api::Phase::Paused);
  EXPECT_EQ(status().suspension->failures, 1) << "counted anew";
  agent_.failure.clear();
  pass(minutes(1));
  EXPECT_EQ(status().phase, api::Phase::Suspended);
}

TEST_F(Overtime, HasItsTimeBeforeAClockThatIsALittleBehind) {
  agent_.freezes = false;
  passEnd(minutes(5));
  world_.clock.jumpWallClock(-seconds(3));
  settle();
  EXPECT_EQ(status().phase, api::Phase::Running);
  agent_.freezes = true;
  settle();
  EXPECT_EQ(status().phase, api::Phase::Suspended);
}

// Its new network's policy is refused.
TEST_F(Overtime, IsSavedWhateverElseCannotBeDone) {
  world_.server.admission = [](const net::Request& request) -> std::optional<net::Response> {
    if (request.method != "POST" || !request.target.contains("/networkpolicies")) return std::nullopt;
    return test::refusal(403, "Forbidden", "not now");
  };
  world_.edit([](api::Sandbox& sandbox) { sandbox.spec.network.egress.mode = api::EgressMode::Internet; });
  world_.clock.advance(end() - world_.clock.now());
  for (int i = 0; i < 20; ++i) {
    world_.sync();
    (void)world_.reconcile();
    (void)agent_.act();
  }
  EXPECT_EQ(status().phase, api::Phase::Suspended);
}

TEST_F(Overtime, IsTriedAnewWhateverFailedBefore) {
  agent_.failure = "not with this sandbox";
  agent_.failureReason = api::snapshot::unsupported;
  want(api::DesiredState::Suspended);
  EXPECT_EQ(status().phase, api::Phase::Running);
  agent_.failure.clear();
  passEnd();
  EXPECT_EQ(status().phase, api::Phase::Suspended);
}

TEST_F(Overtime, EndsUnsavedWithoutAnAnswerInTime) {
  agent_.freezes = false;
  passEnd();
  EXPECT_EQ(status().phase, api::Phase::Running);
  EXPECT_EQ(wish(), status().suspension->snapshotName);
  passEnd(longestFreeze - seconds(1));
  EXPECT_EQ(status().phase, api::Phase::Running);
  passEnd(longestFreeze);
  EXPECT_EQ(status().phase, api::Phase::Failed);
  EXPECT_EQ(world_.ready().reason, reason::expiredUnsaved);
  EXPECT_THAT(world_.pods(), IsEmpty());
}

TEST_F(Overtime, HasThatTimeAlsoIfItsEndIsNoticedLate) {
  agent_.freezes = false;
  passEnd(minutes(5));
  EXPECT_EQ(status().phase, api::Phase::Running);
  agent_.freezes = true;
  settle();
  EXPECT_EQ(status().phase, api::Phase::Suspended);
}

TEST_F(Overtime, IsToldWhenToLookAgain) {
  agent_.freezes = false;
  passEnd();
  world_.sync();
  EXPECT_EQ(world_.reconcile()->again,
            std::chrono::floor<seconds>(end()) + longestFreeze + milliseconds(500));
}

TEST_F(Overtime, EndsAtOnceWhereItCannotBeSavedAnyMore) {
  world_.config.snapshots.enabled = false;
  passEnd();
  EXPECT_EQ(status().phase, api::Phase::Failed);
  EXPECT_EQ(world_.ready().reason, reason::expiredUnsaved);
  EXPECT_THAT(world_.ready().message, HasSubstr("lifecycle.onExpiry"));
  EXPECT_THAT(world_.pods(), IsEmpty());
}

TEST_F(Overtime, IsNotRestartedAfterItsEnd) {
  world_.edit([](api::Sandbox& sandbox) { sandbox.spec.restartPolicy = api::RestartPolicy::Always; });
  agent_.saves = false;
  passEnd();
  world_.putPod(ended(world_.pods()[0], 137, "Error"));
  settle();
  EXPECT_EQ(status().phase, api::Phase::Failed);
  EXPECT_EQ(status().restarts, std::nullopt);
  EXPECT_THAT(world_.pods(), IsEmpty()) << "at its end, also what was kept for its logs";
}

class OvertimeWithMishaps : public Overtime, public testing::WithParamInterface<Mishap> {};

INSTANTIATE_TEST_SUITE_P(All, OvertimeWithMishaps, testing::ValuesIn(test::mishaps),
                         [](const auto& info) { return test::nameOf(info.param); });

TEST_P(OvertimeWithMishaps, GetsOverEachFailure) {
  constexpr size_t calls = 14;
  for (size_t call = 0; call < calls; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    setLifecycle({.ttl = hours(20),
                  .expiresAt = world_.clock.now() + minutes(1),
                  .idleTimeout = {},
                  .maxLifetime = {},
                  .onExpiry = api::OnExpiry::Suspend});
    test::arrange(world_, GetParam(), call);
    pass(minutes(1));
    pass(minutes(2));
    EXPECT_EQ(status().phase, api::Phase::Suspended);
    EXPECT_EQ(world_.ready().reason, reason::expired);
    setLifecycle({.ttl = hours(20), .expiresAt = {}, .idleTimeout = {}, .maxLifetime = {}, .onExpiry = {}});
    EXPECT_EQ(status().phase, api::Phase::Running);
    EXPECT_THAT(agent_.trouble, IsEmpty());
  }
}

TEST_P(OvertimeWithMishaps, LeavesOneSnapshot) {
  constexpr size_t calls = 16;
  for (size_t call = 0; call < calls; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    setLifecycle({.ttl = hours(20),
                  .expiresAt = world_.clock.now() + minutes(1),
                  .idleTimeout = {},
                  .maxLifetime = {},
                  .onExpiry = api::OnExpiry::Snapshot});
    test::arrange(world_, GetParam(), call);
    pass(minutes(1));
    pass(minutes(2));
    EXPECT_FALSE(world_.findSandbox());
    ASSERT_THAT(snapshots(), SizeIs(1));
    EXPECT_THAT(snapshots()[0].metadata.ownerReferences, IsEmpty());
    EXPECT_THAT(agent_.trouble, IsEmpty());
    world_.server.erase("sandboxsnapshots", api::keyOf(snapshots()[0].metadata));
    api::Sandbox next = test::aSandbox();
    next.metadata.uid = "uid-" + std::to_string(call);
    world_.create(next);
    settle();
  }
}

}  // namespace
}  // namespace cloister::sandbox
