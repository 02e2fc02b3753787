// What a plan leaves alone: rounds that failed, pods on their way out, running pods after an upgrade.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/sandbox/own.h"
#include "operator/sandbox/plan.h"
#include "operator/sandbox/pod.h"
#include "operator/sandbox/reasons.h"
#include "tests/unit/operator/examples.h"

namespace cloister::sandbox {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using test::actionsOf;
using test::aSandbox;
using test::epoch;
using test::leaving;
using test::podOf;
using test::ready;
using test::refusedByNode;
using test::seen;
using testing::IsEmpty;
using testing::SizeIs;

const Config config;

// As its status says since one second.
api::Sandbox running() {
  api::Sandbox sandbox = aSandbox();
  sandbox.status = *plan(seen(sandbox, {ready(podOf(sandbox))}), config, epoch + seconds(1)).status;
  return sandbox;
}

// Every sandbox restarted by an operator's upgrade.
TEST(Plan, LeavesRunningPodsAsTheyWereMade) {
  Config newer;
  newer.defaults.image = "another";
  newer.defaults.command = {"another"};
  newer.defaults.nodeSelector = {{"pool", "another"}};
  newer.defaults.podMetadata.labels = {{"another", "label"}};
  newer.runtimes.gvisor.runtimeClassName = "another";
  newer.requests.cpuPercent = 99;
  const api::Sandbox sandbox = running();
  const Plan next = plan(seen(sandbox, {ready(podOf(sandbox))}), newer, epoch + minutes(1));
  EXPECT_THAT(next.actions, IsEmpty());
  EXPECT_FALSE(next.status);
}

TEST(Plan, MovesNoPodThatIsOnItsWayOut) {
  api::Sandbox sandbox = running();
  const api::Pod pod = leaving(ready(podOf(sandbox)));
  sandbox.spec.network.egress.mode = api::EgressMode::Internet;
  EXPECT_THAT(plan(seen(sandbox, {pod}), config, epoch + minutes(2)).actions, IsEmpty());
}

TEST(Plan, DeletesNoPodTwice) {
  const api::Sandbox sandbox = running();
  const Plan next = plan(seen(sandbox, {leaving(ready(podOf(sandbox)))}), config, epoch + hours(2));
  EXPECT_THAT(actionsOf<DeleteSandbox>(next), SizeIs(1));
  EXPECT_THAT(next.actions, SizeIs(1));
}

TEST(Plan, EndsThePodOfWhatIsLeavingToTheSecond) {
  api::Sandbox sandbox = running();
  sandbox.metadata.deletionTimestamp = epoch + minutes(1);
  const Observed observed = seen(sandbox, {ready(podOf(sandbox))});
  const Time expiry = *sandbox.status.expiresAt;
  EXPECT_THAT(plan(observed, config, expiry - Duration(1)).actions, IsEmpty());
  EXPECT_THAT(actionsOf<DeletePod>(plan(observed, config, expiry)), SizeIs(1));
}

TEST(Plan, TriesNothingTwiceInARoundThatFailedWhateverItWas) {
  api::Sandbox sandbox = running();
  api::Pod stray = ready(podOf(sandbox));
  stray.metadata.ownerReferences.clear();
  Observed observed = seen(sandbox, {ready(podOf(sandbox)), stray});
  observed.sandboxConfirmedGone = true;
  EXPECT_THAT(plan(observed, config, epoch + minutes(2)).actions, SizeIs(1));
  observed.failure = Error{Errc::Unavailable, "away"};
  EXPECT_THAT(plan(observed, config, epoch + minutes(2)).actions, IsEmpty());
  observed.sandboxConfirmed = true;
  EXPECT_THAT(plan(observed, config, epoch + hours(2)).actions, IsEmpty())
      << "what failed was not the deletion of the Sandbox";
  sandbox.metadata.deletionTimestamp = epoch + minutes(1);
  observed.sandbox = std::make_shared<const api::Sandbox>(sandbox);
  EXPECT_THAT(plan(observed, config, epoch + hours(2)).actions, IsEmpty());
}

TEST(Plan, KeepsAnEndThatItCannotExplain) {
  api::Sandbox sandbox = aSandbox();
  sandbox.status.phase = api::Phase::Failed;
  const auto readyOf = [&] {
    const Plan next = plan(seen(sandbox), config, epoch + minutes(1));
    return *api::findCondition(next.status.value_or(sandbox.status).conditions, condition::ready);
  };
  EXPECT_EQ(readyOf().reason, reason::podLost) << "somebody removed the conditions";
  sandbox.status.conditions = {{.type = std::string(condition::ready),
                                .status = "False",
                                .observedGeneration = 1,
                                .lastTransitionTime = epoch,
                                .reason = "OfANewerVersion",
                                .message = "It says more."}};
  EXPECT_EQ(readyOf().reason, reason::podLost);
  EXPECT_EQ(readyOf().message, "It says more.");
}

TEST(Plan, TakesAPodForASecondOneOnlyIfItIsItsOwn) {
  const api::Sandbox sandbox = running();
  api::Pod stray = ready(podOf(sandbox));
  stray.metadata.uid = "another";
  stray.metadata.ownerReferences.clear();
  const Observed observed = seen(sandbox, {ready(podOf(sandbox)), stray});
  EXPECT_THAT(plan(observed, config, epoch + minutes(1)).actions, IsEmpty()) << "its Sandbox may be to come";
}

TEST(Plan, DeletesASecondPodOfWhatEndedBeforeItStarted) {
  api::Sandbox sandbox = aSandbox();
  const api::Pod refused = refusedByNode(podOf(sandbox), "NodeAffinity", "x");
  sandbox.status = *plan(seen(sandbox, {refused}), config, epoch + seconds(1)).status;
  ASSERT_FALSE(sandbox.status.startedAt);
  api::Pod second = podOf(sandbox);
  second.metadata.uid = "another";
  EXPECT_THAT(actionsOf<DeletePod>(plan(seen(sandbox, {second}), config, epoch + minutes(1))), SizeIs(1));
}

TEST(Plan, KeepsThePodWhoseUidAnOlderOperatorDidNotWrite) {
  api::Sandbox sandbox = running();
  sandbox.status.podUID = "";
  EXPECT_THAT(plan(seen(sandbox, {ready(podOf(sandbox))}), config, epoch + minutes(1)).actions, IsEmpty());
}

TEST(Plan, IsQuietForThreeSecondsOnEitherSideOfTheCreation) {
  const Observed observed = seen(aSandbox(), {podOf(aSandbox())});
  for (const Duration since : {Duration(-seconds(3)), seconds(3) - Duration(1)}) {
    EXPECT_FALSE(plan(observed, config, epoch + since).status) << since.count();
  }
  for (const Duration since : {-seconds(3) - Duration(1), Duration(seconds(3))}) {
    EXPECT_TRUE(plan(observed, config, epoch + since).status) << since.count();
  }
}

TEST(Plan, CountsTheQuietTimeFromTheSandboxsCreation) {
  api::Pod pod = podOf(aSandbox());
  pod.metadata.creationTimestamp = epoch + seconds(2);
  EXPECT_TRUE(plan(seen(aSandbox(), {pod}), config, epoch + seconds(3)).status) << "its owner has waited";
}

TEST(Plan, DeletesThePodOfASandboxThatNeverStartedAndCannotBeDeleted) {
  const api::Sandbox sandbox = aSandbox();
  Observed observed = seen(sandbox, {podOf(sandbox)});
  observed.failure = Error{Errc::Forbidden, "denied"};
  observed.undeletable = observed.sandboxConfirmed = true;
  EXPECT_THAT(actionsOf<DeletePod>(plan(observed, config, epoch + hours(24 * 8))), SizeIs(1));
}

TEST(Questions, AreNotAskedOfWhatIsLeaving) {
  api::Sandbox sandbox = running();
  sandbox.metadata.deletionTimestamp = epoch + minutes(1);
  EXPECT_EQ(questions(seen(sandbox), epoch + minutes(2)), Questions{});
}

TEST(OwnPod, IsNoneWithoutASandbox) {
  Observed observed = seen(aSandbox(), {ready(podOf(aSandbox()))});
  observed.sandbox = nullptr;
  EXPECT_EQ(ownPod(observed), nullptr);
}

}  // namespace
}  // namespace cloister::sandbox
