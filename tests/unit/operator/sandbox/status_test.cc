#include "operator/sandbox/status.h"

#include <gtest/gtest.h>

#include "operator/sandbox/reasons.h"
#include "tests/unit/operator/examples.h"

namespace cloister::sandbox {
namespace {

using test::aSandbox;
using test::epoch;

// A pod of SANDBOX whose container has ended, after a start at STARTED_AT.
api::Pod endedPod(const api::Sandbox& sandbox, std::optional<Time> startedAt) {
  api::Pod pod = test::podOf(sandbox);
  pod.metadata.creationTimestamp = epoch;
  api::ContainerStatus container;
  container.state.terminated.emplace().startedAt = startedAt;
  pod.status.containerStatuses = {container};
  return pod;
}

TEST(FirstReady, IsTheStartOfWhatEndedUnseen) {
  const api::Sandbox sandbox = aSandbox();
  const api::Pod pod = endedPod(sandbox, epoch + seconds(2));
  EXPECT_EQ(firstReady(sandbox, &pod), epoch + seconds(2));
}

TEST(FirstReady, IsNotWhatTheKubeletSaysOfAContainerThatNeverStarted) {
  const api::Sandbox sandbox = aSandbox();
  const api::Pod never = endedPod(sandbox, Time{});
  EXPECT_EQ(firstReady(sandbox, &never), std::nullopt);
  const api::Pod silent = endedPod(sandbox, std::nullopt);
  EXPECT_EQ(firstReady(sandbox, &silent), std::nullopt);
}

TEST(FirstReady, IsAtTheEarliestWhenThePodWasCreated) {
  const api::Sandbox sandbox = aSandbox();
  const api::Pod pod = endedPod(sandbox, epoch);
  EXPECT_EQ(firstReady(sandbox, &pod), epoch);
}

TEST(FirstReady, OfAPoolsPodIsNotBeforeTheSandbox) {
  api::Sandbox sandbox = aSandbox();
  sandbox.metadata.creationTimestamp = epoch + seconds(60);
  const api::Pod pod = endedPod(sandbox, epoch + seconds(2));
  EXPECT_EQ(firstReady(sandbox, &pod), epoch + seconds(60));
}

// What is told of SANDBOX with POD, or without one.
api::SandboxStatus told(const api::Sandbox& sandbox, const api::Pod* pod,
                        std::optional<api::StartLatency> latency = {}) {
  const Diagnosis diagnosis = pod == nullptr
                                  ? Diagnosis{.reason = reason::starting, .message = "Creating the pod."}
                                  : diagnosePod(*pod, {}, {});
  return statusFor({.sandbox = sandbox,
                    .resolved = resolve(sandbox.spec, {}),
                    .pod = pod,
                    .diagnosis = diagnosis,
                    .startedAt = {},
                    .expiresAt = epoch + seconds(60),
                    .latency = latency},
                   epoch + seconds(5));
}

// "STATUS REASON: MESSAGE" of the condition TYPE, "" if there is none.
std::string conditionOf(const api::SandboxStatus& status, std::string_view type) {
  const api::Condition* found = api::findCondition(status.conditions, type);
  return found == nullptr ? "" : found->status + " " + found->reason + ": " + found->message;
}

TEST(StatusFor, SaysWhereThePodIs) {
  const api::Sandbox sandbox = aSandbox();
  const auto scheduledOf = [&](const api::Pod& pod) {
    return conditionOf(told(sandbox, &pod), condition::podScheduled);
  };
  EXPECT_EQ(conditionOf(told(sandbox, nullptr), condition::podScheduled), "");
  EXPECT_EQ(scheduledOf(test::podOf(sandbox)), "False Starting: Waiting for a node.");
  EXPECT_EQ(scheduledOf(test::scheduled(test::podOf(sandbox))), "True Scheduled: On node node-1.");
  api::Pod held = test::unschedulable(test::podOf(sandbox), "1 Insufficient cpu.");
  EXPECT_EQ(scheduledOf(held), "False Unschedulable: 1 Insufficient cpu.");
  held.status.conditions[0].reason = "SchedulingGated";
  EXPECT_EQ(scheduledOf(held), "False Starting: Waiting for a node.");
}

TEST(StatusFor, DoesNotClaimAFenceThatNobodyVerified) {
  const api::Sandbox sandbox = aSandbox();
  const api::Pod pod = test::ready(test::podOf(sandbox));
  EXPECT_EQ(conditionOf(told(sandbox, nullptr), condition::networkFenced), "");
  EXPECT_TRUE(
      conditionOf(told(sandbox, &pod), condition::networkFenced).starts_with("Unknown NotVerified: "));
}

TEST(StatusFor, TellsTheLatencyOnceItIsReady) {
  const api::Sandbox sandbox = aSandbox();
  const api::Pod pod = test::podOf(sandbox);
  const api::Pod ready = test::ready(pod);
  EXPECT_EQ(told(sandbox, &pod, api::StartLatency{1, 2, 3}).startLatency, std::nullopt);
  EXPECT_EQ(told(sandbox, &ready, api::StartLatency{1, 2, 3}).startLatency, (api::StartLatency{1, 2, 3}));
}

TEST(StatusFor, TellsTheLatencyOfTheFirstStartAlone) {
  api::Sandbox sandbox = aSandbox();
  sandbox.status.restarts = 1;
  const api::Pod ready = test::ready(test::podOf(sandbox));
  EXPECT_EQ(told(sandbox, &ready, api::StartLatency{1, 2, 3}).startLatency, std::nullopt);
}

TEST(StatusFor, SaysNothingOfAPoolToWhoNamesNone) {
  api::Sandbox sandbox = aSandbox();
  api::Pod pod = test::ready(test::podOf(sandbox));
  pod.metadata.labels[std::string(api::poolLabel)] = "somebody's";
  EXPECT_EQ(conditionOf(told(sandbox, &pod), condition::warmStart), "");
  sandbox.spec.poolRef = api::LocalReference{"somebody's"};
  EXPECT_TRUE(conditionOf(told(sandbox, &pod), condition::warmStart).starts_with("True FromPool: "));
}

TEST(StatusFor, KeepsItsWordsOnlyWhileTheSameIsTriedAgain) {
  api::Sandbox sandbox = aSandbox();
  const auto readyAfter = [&](const api::Pod& before, const api::Pod& now) {
    sandbox.status = told(sandbox, &before);
    return conditionOf(told(sandbox, &now), condition::ready);
  };
  const api::Pod pod = test::podOf(sandbox);
  EXPECT_TRUE(
      readyAfter(test::waiting(pod, "ErrImagePull", "first"), test::waiting(pod, "ErrImagePull", "second"))
          .contains("first"));
  EXPECT_TRUE(readyAfter(test::waiting(pod, "ErrImagePull", "first"),
                         test::waiting(pod, "RunContainerError", "second"))
                  .contains("second"));
  EXPECT_TRUE(readyAfter(test::unschedulable(pod, "1 Insufficient cpu."),
                         test::unschedulable(pod, "2 Insufficient cpu."))
                  .contains("2 Insufficient"))
      << "the scheduler's words change with the cluster, not with each try";
}

}  // namespace
}  // namespace cloister::sandbox
