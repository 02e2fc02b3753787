#include "operator/snapshot/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/operator/examples.h"

namespace cloister::snapshot {
namespace {

using api::SnapshotPhase;
using testing::HasSubstr;

const Time now = *parseTime("2030-01-01T00:00:00Z");

// A SandboxSnapshot of a Sandbox that runs, on a node, not claimed by anybody.
struct Scene {
  api::SandboxSnapshot snapshot = [] {
    api::SandboxSnapshot made;
    made.metadata.name = "saved";
    made.metadata.namespace_ = "team";
    made.metadata.generation = 1;
    made.spec.sandboxRef.name = "hello";
    return made;
  }();
  api::Sandbox sandbox = [] {
    api::Sandbox made = test::aSandbox("hello");
    made.status.phase = api::Phase::Running;
    made.status.startedAt = now;
    return made;
  }();
  std::optional<api::Pod> pod = [this] {
    api::Pod made = test::podOf(sandbox);
    made.spec.nodeName = "node-7";
    made.status.phase = "Running";
    return made;
  }();
  bool hasSandbox = true;
  bool nodeGone = false;

  void claimed(SnapshotPhase phase) {
    snapshot.status.phase = phase;
    snapshot.status.nodeName = "node-7";
    snapshot.status.podUID = "p";
  }
  Observed observed(Duration lasted = Duration(0)) const {
    Observed seen{.snapshot = std::make_shared<const api::SandboxSnapshot>(snapshot)};
    if (hasSandbox) seen.sandbox = std::make_shared<const api::Sandbox>(sandbox);
    if (pod) seen.pod = std::make_shared<const api::Pod>(*pod);
    seen.nodeGone = nodeGone;
    seen.lasted = lasted;
    return seen;
  }
  SnapshotsConfig config{.nodeSelector = {{"example.com/fast", "yes"}, {"keeps", "snapshots"}}};
  Plan after(Duration lasted) const { return plan(observed(lasted), config, now); }
};

// "Phase/Reason" of what is told.
std::string told(const Plan& next) {
  if (!next.status) return "";
  const api::Condition& ready = *api::findCondition(next.status->conditions, "Ready");
  EXPECT_EQ(ready.status, "False");
  return std::string(boost::describe::enum_to_string(*next.status->phase, "")) + "/" + ready.reason;
}

TEST(SnapshotPlan, TellsWhatKeepsTheSandboxFromBeingSaved) {
  Scene scene;
  scene.hasSandbox = false;
  EXPECT_EQ(told(scene.after({})), "Pending/SandboxNotFound");
  scene.hasSandbox = true;
  scene.sandbox.status.phase = api::Phase::Succeeded;
  EXPECT_THAT(scene.after({}).status->conditions.at(0).message, HasSubstr("has ended"));
  scene.sandbox.status.phase = api::Phase::Pending;
  scene.sandbox.status.startedAt.reset();
  EXPECT_EQ(told(scene.after({})), "Pending/SandboxNotRunning");
  scene.sandbox.status.phase = api::Phase::Running;
  scene.sandbox.status.startedAt = now;
  scene.pod->metadata.deletionTimestamp = now;
  EXPECT_EQ(told(scene.after({})), "Pending/SandboxNotRunning");
  scene.pod->metadata.deletionTimestamp.reset();
  scene.pod->status.phase = "Pending";
  EXPECT_EQ(told(scene.after({})), "Pending/SandboxNotRunning");
  scene.pod.reset();
  EXPECT_EQ(told(scene.after({})), "Pending/SandboxNotRunning");
}

TEST(SnapshotPlan, TellsThatNoNodeTakesItOnceOneHadTimeTo) {
  const Scene scene;
  const Plan early = scene.after(claimGrace - seconds(3));
  EXPECT_EQ(told(early), "");
  EXPECT_EQ(early.again, now + seconds(3));
  const Plan late = scene.after(claimGrace);
  EXPECT_EQ(told(late), "Pending/NoNodeAgent");
  EXPECT_THAT(late.status->conditions.at(0).message,
              HasSubstr("kubectl label node node-7 example.com/fast=yes keeps=snapshots. "));
  EXPECT_FALSE(late.report);
}

TEST(SnapshotPlan, LeavesToTheNodeWhatTheNodeCanTell) {
  for (const SnapshotPhase phase : {SnapshotPhase::Running, SnapshotPhase::Ready, SnapshotPhase::Failed}) {
    Scene scene;
    scene.claimed(phase);
    EXPECT_EQ(stageOf(scene.observed()), Stage::Settled);
    EXPECT_FALSE(scene.after(std::chrono::hours(9)).status);
    scene.hasSandbox = false;
    EXPECT_FALSE(scene.after(std::chrono::hours(9)).status);
  }
  Scene kept;
  kept.claimed(SnapshotPhase::Ready);
  kept.pod.reset();
  EXPECT_FALSE(kept.after(std::chrono::hours(9)).status) << "it outlives its pod";
}

TEST(SnapshotPlan, EndsWhatALostPodOrNodeCannotEnd) {
  Scene scene;
  scene.claimed(SnapshotPhase::Running);
  scene.pod.reset();
  EXPECT_EQ(scene.after(seconds(1)).again, now + podGrace - seconds(1));
  EXPECT_EQ(told(scene.after(podGrace)), "Failed/PodLost");
  scene.nodeGone = true;
  for (const SnapshotPhase phase : {SnapshotPhase::Running, SnapshotPhase::Ready}) {
    scene.claimed(phase);
    EXPECT_EQ(told(scene.after(nodeGrace - seconds(1))), "");
    const Plan lost = scene.after(nodeGrace);
    EXPECT_EQ(told(lost), "Failed/NodeLost");
    EXPECT_TRUE(lost.report->warning);
    EXPECT_EQ(lost.status->nodeName, "node-7");
  }
  scene.claimed(SnapshotPhase::Failed);
  EXPECT_FALSE(scene.after(nodeGrace).status) << "an end is final";
}

TEST(SnapshotPlan, OutlivesItsNodeInTheStore) {
  Scene scene;
  scene.claimed(SnapshotPhase::Ready);
  scene.nodeGone = true;
  scene.snapshot.status.store = api::SnapshotStore{};
  api::setCondition(scene.snapshot.status.conditions,
                    {.type = "Stored",
                     .status = "False",
                     .observedGeneration = 1,
                     .lastTransitionTime = {},
                     .reason = "Storing",
                     .message = {}},
                    now);
  EXPECT_EQ(told(scene.after(nodeGrace)), "Failed/NodeLost") << "not all of it was there";
  scene.snapshot.status.conditions[0].status = "True";
  EXPECT_FALSE(scene.after(nodeGrace).status);
}

TEST(SnapshotPlan, TellsWhatIsToldAlreadyInTheSameWords) {
  Scene scene;
  scene.hasSandbox = false;
  scene.snapshot.status = *scene.after({}).status;
  const auto again = plan(scene.observed(), scene.config, now + seconds(7));
  EXPECT_EQ(*again.status, scene.snapshot.status);
}

TEST(SnapshotPlan, DeletesWhatHasExpiredToTheSecond) {
  for (const SnapshotPhase phase : {SnapshotPhase::Ready, SnapshotPhase::Failed}) {
    Scene scene;
    scene.claimed(phase);
    scene.snapshot.status.expiresAt = now + seconds(1);
    EXPECT_EQ(scene.after({}).again, now + seconds(1));
    EXPECT_FALSE(scene.after({}).remove);
    scene.snapshot.status.expiresAt = now;
    const Plan over = scene.after({});
    EXPECT_TRUE(over.remove);
    EXPECT_EQ(over.report->reason, "Expired");
    EXPECT_FALSE(over.status);
    scene.snapshot.metadata.deletionTimestamp = now;
    EXPECT_FALSE(scene.after({}).remove) << "it is on its way";
  }
}

TEST(SnapshotPlan, ExpiresAlsoWhenItCannotBeReadOrItsNodeIsAway) {
  Scene scene;
  scene.claimed(SnapshotPhase::Ready);
  scene.snapshot.status.expiresAt = now + std::chrono::hours(1);
  scene.nodeGone = true;
  EXPECT_EQ(scene.after({}).again, now + nodeGrace);
  scene.snapshot.unreadable = "odd";
  EXPECT_FALSE(scene.after(nodeGrace).status);
  EXPECT_EQ(scene.after(nodeGrace).again, now + std::chrono::hours(1));
  scene.snapshot.status.expiresAt = now;
  EXPECT_TRUE(scene.after({}).remove);
}

}  // namespace
}  // namespace cloister::snapshot
