// What becomes of a Sandbox at its end whose snapshot is to outlive it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/sandbox/overtime.h"
#include "operator/sandbox/reasons.h"
#include "tests/unit/operator/sandbox/expiring.h"

namespace cloister::sandbox {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using test::ended;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Handover : public test::Expiring {
 protected:
  Handover() : Expiring(api::OnExpiry::Snapshot) {}
};

TEST_F(Handover, LeavesItsSnapshotAndIsDeleted) {
  passEnd();
  EXPECT_FALSE(world_.findSandbox());
  EXPECT_THAT(world_.pods(), IsEmpty());
  ASSERT_THAT(snapshots(), SizeIs(1));
  EXPECT_THAT(snapshots()[0].metadata.ownerReferences, IsEmpty());
  EXPECT_EQ(snapshots()[0].status.phase, api::SnapshotPhase::Ready);
  EXPECT_EQ(world_.reports.back().reason, reason::expired);
  EXPECT_THAT(world_.reports.back().message, HasSubstr(snapshots()[0].metadata.name));
  EXPECT_THAT(agent_.trouble, IsEmpty());
  const auto& writes = world_.server.writes();
  const auto at = [&](const char* what) { return std::ranges::find(writes, what) - writes.begin(); };
  EXPECT_LT(at("PATCH sandboxsnapshots"), at("DELETE sandboxes"));
}

TEST_F(Handover, GivesAwayWhatItWasSuspendedIn) {
  want(api::DesiredState::Suspended);
  const std::string name = status().suspension->snapshotName;
  world_.edit(
      [&](api::Sandbox& sandbox) { sandbox.spec.lifecycle.expiresAt = world_.clock.now() + minutes(1); });
  settle();
  pass(minutes(1));
  EXPECT_FALSE(world_.findSandbox());
  ASSERT_THAT(snapshots(), SizeIs(1));
  EXPECT_EQ(snapshots()[0].metadata.name, name);
  EXPECT_THAT(snapshots()[0].metadata.ownerReferences, IsEmpty());
}

TEST_F(Handover, IsHandedOverByAClockThatIsBehind) {
  agent_.saves = false;
  passEnd();
  world_.clock.jumpWallClock(-minutes(5));
  agent_.saves = true;
  settle();
  EXPECT_FALSE(world_.findSandbox());
  ASSERT_THAT(snapshots(), SizeIs(1));
  EXPECT_THAT(snapshots()[0].metadata.ownerReferences, IsEmpty());
}

TEST_F(Handover, IsDeletedOnlyOnceItIsReleased) {
  world_.server.admission = [](const net::Request& request) -> std::optional<net::Response> {
    if (request.method != "PATCH" || !request.target.contains("/sandboxsnapshots/")) return std::nullopt;
    return test::refusal(403, "Forbidden", "not now");
  };
  agent_.saves = false;
  passEnd();
  agent_.saves = true;
  ASSERT_TRUE(agent_.act());
  for (int i = 0; i < 8; ++i) {
    world_.sync();
    (void)world_.reconcile();
  }
  EXPECT_EQ(status().phase, api::Phase::Suspended);
  EXPECT_THAT(snapshots()[0].metadata.ownerReferences, SizeIs(1));
  EXPECT_THAT(world_.pods(), IsEmpty());
  EXPECT_THAT(world_.reports.back().message, HasSubstr("cannot be handed over"));
  world_.server.admission = nullptr;
  settle();
  EXPECT_FALSE(world_.findSandbox());
  EXPECT_THAT(snapshots(), SizeIs(1));
}

// The operator's view is of the time before its end was moved.
TEST_F(Handover, IsNotReleasedByAnOldView) {
  world_.server.admission = [](const net::Request& request) -> std::optional<net::Response> {
    if (request.method != "PATCH" || !request.target.contains("/sandboxsnapshots/")) return std::nullopt;
    return test::refusal(403, "Forbidden", "not now");
  };
  agent_.saves = false;
  passEnd();
  agent_.saves = true;
  ASSERT_TRUE(agent_.act());
  for (int i = 0; i < 8; ++i) {
    world_.sync();
    (void)world_.reconcile();
  }
  world_.server.admission = nullptr;
  world_.sync();
  world_.edit([](api::Sandbox& sandbox) { sandbox.spec.lifecycle.ttl = ttl + minutes(10); });
  (void)world_.reconcile();
  ASSERT_THAT(snapshots(), SizeIs(1));
  EXPECT_THAT(snapshots()[0].metadata.ownerReferences, SizeIs(1));
  settle();
  EXPECT_EQ(status().phase, api::Phase::Running);
  EXPECT_EQ(status().resumes, 1);
}

TEST_F(Handover, TellsWhereItsMemoryIsIfItsEndIsMovedTooLate) {
  setEnd(api::OnExpiry::Suspend);
  passEnd();
  json::value released = world_.server.all("sandboxsnapshots").at(0);
  released.at("metadata").as_object().erase("ownerReferences");
  world_.server.put("sandboxsnapshots", released);
  setTtl(ttl + minutes(10));
  EXPECT_EQ(world_.ready().reason, reason::snapshotLost);
  EXPECT_THAT(world_.ready().message, HasSubstr("restoreFrom"));
  EXPECT_THAT(world_.pods(), IsEmpty());
}

TEST_F(Handover, IsDeletedWhereNothingIsToBeSaved) {
  world_.putPod(ended(world_.pods()[0], 0, "Completed"));
  settle();
  EXPECT_EQ(status().phase, api::Phase::Succeeded);
  passEnd();
  EXPECT_FALSE(world_.findSandbox());
  EXPECT_THAT(snapshots(), IsEmpty());
}

TEST_F(Handover, StaysToTellThatItCouldNotBeSaved) {
  agent_.freezes = false;
  passEnd();
  passEnd(longestFreeze);
  EXPECT_EQ(status().phase, api::Phase::Failed);
  EXPECT_EQ(world_.ready().reason, reason::expiredUnsaved);
  pass(hours(1));
  EXPECT_TRUE(world_.findSandbox());
}

TEST_F(Handover, IsNotDeletedWithoutItsSnapshot) {
  agent_.saves = false;
  passEnd();
  agent_.saves = true;
  setEnd(api::OnExpiry::Suspend);
  world_.server.erase("sandboxsnapshots", {"team", status().suspension->snapshotName});
  setEnd(api::OnExpiry::Snapshot);
  EXPECT_EQ(status().phase, api::Phase::Suspended);
  EXPECT_EQ(world_.ready().reason, reason::snapshotLost);
}

}  // namespace
}  // namespace cloister::sandbox
