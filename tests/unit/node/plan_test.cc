#include "node/agent/plan.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cloister::node {
namespace {

using testing::HasSubstr;

constexpr Time now = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);
constexpr std::string_view node = "node-1";

std::shared_ptr<const api::SandboxSnapshot> snapshotWith(
    const std::function<void(api::SandboxSnapshot&)>& change = [](auto&) {}) {
  api::SandboxSnapshot snapshot;
  snapshot.metadata.name = "saved";
  snapshot.metadata.generation = 1;
  snapshot.spec.sandboxRef.name = "box";
  change(snapshot);
  return std::make_shared<const api::SandboxSnapshot>(std::move(snapshot));
}

api::Pod runningPod() {
  api::Pod pod;
  pod.metadata.uid = "pod-uid";
  pod.metadata.ownerReferences = {{.apiVersion = "cloister.dev/v1alpha1",
                                   .kind = "Sandbox",
                                   .name = "box",
                                   .uid = "box-uid",
                                   .controller = true,
                                   .blockOwnerDeletion = {}}};
  pod.status.phase = "Running";
  return pod;
}

// A sandbox that runs here, with a snapshot that nobody has looked at.
Observed seen(std::shared_ptr<const api::SandboxSnapshot> snapshot = snapshotWith()) {
  Observed observed{.snapshot = std::move(snapshot), .pod = std::make_shared<const api::Pod>(runningPod())};
  observed.sandbox.emplace();
  observed.sandbox->metadata.uid = "box-uid";
  observed.sandbox->status.podUID = "pod-uid";
  observed.sandbox->status.phase = api::Phase::Running;
  observed.sandbox->status.runtime = api::Runtime::gvisor;
  return observed;
}

std::shared_ptr<const api::SandboxSnapshot> claimed() {
  return snapshotWith([](api::SandboxSnapshot& snapshot) {
    snapshot.status.phase = api::SnapshotPhase::Running;
    snapshot.status.nodeName = node;
    snapshot.status.podUID = "pod-uid";
  });
}

Kept kept() {
  Kept out{.folder = "/s", .manifest = {}, .digest = "sha256:1"};
  out.manifest.podUID = "pod-uid";
  out.manifest.runtimeVersion = "v1";
  out.manifest.duration = milliseconds(40);
  out.manifest.files = {{.name = "a", .size = 7, .sha256 = "x"}};
  return out;
}

std::string readyReason(const Plan& plan) {
  const api::Condition* ready = api::findCondition(plan.status->conditions, "Ready");
  return ready == nullptr ? "" : ready->status + "/" + ready->reason;
}

bool isStill(const Plan& plan) {
  return !plan.status && !plan.take;
}

TEST(Plan, ClaimsBeforeItTakes) {
  const Plan next = plan(seen(), node, now);
  EXPECT_TRUE(next.take);
  ASSERT_TRUE(next.status);
  EXPECT_EQ(next.status->phase, api::SnapshotPhase::Running);
  EXPECT_EQ(next.status->nodeName, node);
  EXPECT_EQ(next.status->podUID, "pod-uid");
  EXPECT_EQ(readyReason(next), "False/Taking");
}

TEST(Plan, TakesAgainWhatADeadAgentHadClaimed) {
  const Plan next = plan(seen(claimed()), node, now);
  EXPECT_TRUE(next.take);
  EXPECT_FALSE(next.status);
}

TEST(Plan, TellsOfWhatIsKept) {
  Observed observed = seen(claimed());
  observed.kept = kept();
  observed.pod = nullptr;
  observed.sandbox.reset();
  const Plan next = plan(observed, node, now);
  ASSERT_TRUE(next.status) << "even when the sandbox is gone by now";
  EXPECT_FALSE(next.take);
  EXPECT_EQ(next.status->phase, api::SnapshotPhase::Ready);
  EXPECT_EQ(readyReason(next), "True/Taken");
  EXPECT_EQ(next.status->sizeBytes, 7);
  EXPECT_EQ(next.status->duration, milliseconds(40));
  EXPECT_EQ(next.status->digest, "sha256:1");
  EXPECT_EQ(next.status->runtimeVersion, "v1");
  EXPECT_TRUE(next.status->specHash.starts_with("sha256:"));
}

TEST(Plan, TellsWhenItExpires) {
  Observed observed = seen(snapshotWith([](auto& s) { s.spec.ttl = seconds(60); }));
  observed.kept = kept();
  EXPECT_EQ(plan(observed, node, now + milliseconds(900)).status->expiresAt, now + seconds(60));
  EXPECT_EQ(plan(seen(observed.snapshot), node, now).status->expiresAt, std::nullopt)
      << "not before it is Ready";
  observed.snapshot = snapshotWith();
  EXPECT_EQ(plan(observed, node, now).status->expiresAt, std::nullopt);
}

TEST(Plan, TakesBackThatADamagedOneIsReady) {
  const auto ready = [](const char* of) {
    return snapshotWith([of](auto& s) {
      s.status.phase = api::SnapshotPhase::Ready;
      s.status.nodeName = of;
    });
  };
  Observed observed{.snapshot = ready("node-1"), .pod = nullptr, .damage = "its file a is missing"};
  const Plan told = plan(observed, node, now);
  ASSERT_TRUE(told.status);
  EXPECT_EQ(told.status->phase, api::SnapshotPhase::Failed);
  EXPECT_EQ(readyReason(told), "False/Corrupt");
  EXPECT_THAT(told.status->conditions.at(0).message, HasSubstr("its file a is missing"));
}

TEST(Plan, DropsADamagedCopyOfWhatIsKeptElsewhere) {
  const auto ready = [](const char* of, bool stored) {
    return snapshotWith([&](auto& s) {
      s.status.phase = api::SnapshotPhase::Ready;
      s.status.nodeName = of;
      if (!stored) return;
      s.status.store = api::SnapshotStore{};
      api::setCondition(s.status.conditions,
                        {.type = "Stored",
                         .status = "True",
                         .observedGeneration = 1,
                         .lastTransitionTime = {},
                         .reason = "InStore",
                         .message = {}},
                        now);
    });
  };
  for (const auto& snapshot : {ready("node-1", true), ready("node-2", true), ready("node-2", false)}) {
    Observed observed{.snapshot = snapshot, .pod = nullptr};
    EXPECT_TRUE(isStill(plan(observed, node, now)));
    EXPECT_FALSE(plan(observed, node, now).drop);
    observed.damage = "its file a is missing";
    EXPECT_TRUE(isStill(plan(observed, node, now))) << "it stays Ready";
    EXPECT_TRUE(plan(observed, node, now).drop);
  }
}

TEST(Plan, LeavesAloneWhatIsOverOrAnothers) {
  for (const auto& change :
       {std::function<void(api::SandboxSnapshot&)>(
            [](auto& s) { s.status.phase = api::SnapshotPhase::Ready; }),
        std::function<void(api::SandboxSnapshot&)>(
            [](auto& s) { s.status.phase = api::SnapshotPhase::Failed; }),
        std::function<void(api::SandboxSnapshot&)>([](auto& s) { s.status.nodeName = "node-2"; }),
        std::function<void(api::SandboxSnapshot&)>([](auto& s) { s.metadata.deletionTimestamp = now; }),
        std::function<void(api::SandboxSnapshot&)>([](auto& s) { s.unreadable = "why"; })}) {
    EXPECT_TRUE(isStill(plan(seen(snapshotWith(change)), node, now)));
  }
  Observed elsewhere = seen();
  elsewhere.pod = nullptr;
  EXPECT_TRUE(isStill(plan(elsewhere, node, now)));
}

TEST(Plan, WaitsForASandboxThatDoesNotRunYet) {
  for (const auto& change :
       {std::function<void(api::Sandbox&)>([](auto& s) { s.status.phase = api::Phase::Pending; }),
        std::function<void(api::Sandbox&)>([](auto& s) { s.status.podUID = ""; }),
        std::function<void(api::Sandbox&)>([](auto& s) { s.metadata.uid = "its-successor"; })}) {
    Observed observed = seen();
    change(*observed.sandbox);
    const Plan next = plan(observed, node, now);
    EXPECT_TRUE(isStill(next));
    EXPECT_TRUE(next.again);
  }
}

// Else it would run on for as long as somebody makes snapshots of it.
TEST(Plan, LetsASandboxBeStoppedFirst) {
  api::Pod pod = runningPod();
  pod.metadata.annotations[std::string(api::freezeAnnotation)] = "paused";
  Observed observed = seen(claimed());
  observed.pod = std::make_shared<const api::Pod>(pod);
  const Plan waiting = plan(observed, node, now);
  EXPECT_TRUE(isStill(waiting));
  EXPECT_TRUE(waiting.again);
  pod.status.conditions = {{std::string(api::frozenCondition), "True", "Paused", "paused", std::nullopt}};
  observed.pod = std::make_shared<const api::Pod>(pod);
  EXPECT_TRUE(plan(observed, node, now).take);
}

TEST(Plan, GivesUpWhenTheSandboxEndedBefore) {
  Observed gone = seen(claimed());
  gone.pod = nullptr;
  Observed another = seen(claimed());
  api::Pod next = runningPod();
  next.metadata.uid = "next";
  another.pod = std::make_shared<const api::Pod>(next);
  another.sandbox->status.podUID = "next";
  for (const Observed& observed : {gone, another}) {
    const Plan told = plan(observed, node, now);
    ASSERT_TRUE(told.status);
    EXPECT_EQ(told.status->phase, api::SnapshotPhase::Failed);
    EXPECT_EQ(readyReason(told), "False/PodLost");
    EXPECT_FALSE(told.take);
  }
}

TEST(Plan, RefusesWhatItCannotDo) {
  Observed runc = seen();
  runc.sandbox->status.runtime = api::Runtime::runc;
  Observed kata = seen(snapshotWith([](auto& s) { s.spec.mode = api::SnapshotMode::Filesystem; }));
  kata.sandbox->status.runtime = api::Runtime::kata;
  for (const Observed& observed :
       {kata, seen(snapshotWith([](auto& s) { s.spec.deletionPolicy = api::SnapshotDeletion::Retain; })),
        runc}) {
    const Plan told = plan(observed, node, now);
    ASSERT_TRUE(told.status);
    EXPECT_EQ(told.status->phase, api::SnapshotPhase::Failed);
    EXPECT_EQ(readyReason(told), "False/Unsupported");
    EXPECT_FALSE(told.take);
  }
}

TEST(Plan, TellsOfAFailureAndGoesOn) {
  Observed observed = seen(claimed());
  observed.failure = Error{Errc::Internal, "no space left on device"};
  const Plan told = plan(observed, node, now);
  ASSERT_TRUE(told.status);
  EXPECT_EQ(told.status->phase, api::SnapshotPhase::Running);
  EXPECT_EQ(readyReason(told), "False/Retrying");
  EXPECT_THAT(api::findCondition(told.status->conditions, "Ready")->message, HasSubstr("no space left"));
}

TEST(Plan, GivesUpWhatCanNeverWork) {
  Observed observed = seen(claimed());
  observed.failure = Error{Errc::InvalidInput, "no name of a folder"};
  const Plan told = plan(observed, node, now);
  EXPECT_EQ(told.status->phase, api::SnapshotPhase::Failed);
  EXPECT_EQ(readyReason(told), "False/Unsupported");
}

}  // namespace
}  // namespace cloister::node
