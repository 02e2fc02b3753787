// What the history tells of an end that another pod follows, and what of the status goes with it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/sandbox/reasons.h"
#include "operator/sandbox/restart.h"
#include "tests/unit/operator/examples.h"

namespace cloister::sandbox {
namespace {

using std::chrono::minutes;
using test::actionsOf;
using test::aSandbox;
using test::ended;
using test::epoch;
using test::podOf;
using test::ready;
using test::seen;
using test::waiting;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

const Diagnosis crashed{.phase = api::Phase::Failed, .reason = reason::crashed, .message = "Bang."};
constexpr Time now = epoch + minutes(20);

api::SandboxStatus after(const api::Pod* pod, const api::Sandbox& sandbox = aSandbox()) {
  return restarted(sandbox, sandbox.status, pod, crashed, now);
}

std::optional<Time> startOf(const api::Pod& pod, const api::Sandbox& sandbox = aSandbox()) {
  return after(&pod, sandbox).history.at(0).startedAt;
}

TEST(RestartEnd, TellsSinceWhenTheContainerRan) {
  api::Pod pod = ready(podOf(aSandbox()), epoch + seconds(7));
  pod.status.containerStatuses.at(0).state.running->startedAt = epoch + seconds(5);
  EXPECT_EQ(startOf(pod), epoch + seconds(5)) << "it ran when its node was drained";
  pod.status.containerStatuses.clear();
  EXPECT_EQ(startOf(pod), epoch + seconds(7)) << "all that is known";
  pod = ended(podOf(aSandbox()), 1, "Error");
  pod.status.containerStatuses.at(0).state.terminated->startedAt = epoch;
  EXPECT_EQ(startOf(pod), epoch) << "in the second that it was made in";
}

TEST(RestartEnd, SaysThatItNeverRan) {
  EXPECT_EQ(startOf(waiting(podOf(aSandbox()), "ErrImagePull", "no such image")), std::nullopt);
  api::Pod pod = ended(podOf(aSandbox()), 128, "ContainerCannotRun");
  pod.status.containerStatuses.at(0).state.terminated->startedAt = Time();
  EXPECT_EQ(startOf(pod), std::nullopt) << "the kubelet's way to say so";
  EXPECT_EQ(after(nullptr).history.at(0).startedAt, std::nullopt);
  api::Sandbox unready = aSandbox();
  unready.status.conditions.push_back({.type = std::string(condition::ready),
                                       .status = "False",
                                       .observedGeneration = {},
                                       .lastTransitionTime = epoch,
                                       .reason = {},
                                       .message = {}});
  EXPECT_EQ(after(nullptr, unready).history.at(0).startedAt, std::nullopt);
}

TEST(RestartEnd, CountsNoTimeTwice) {
  api::Sandbox sandbox = aSandbox();
  sandbox.status = after(nullptr);
  const api::Pod pod = ready(podOf(aSandbox()), epoch + seconds(7));
  EXPECT_EQ(startOf(pod, sandbox), now) << "the last end was later";
}

TEST(RestartEnd, RepeatsWhatWasSaid) {
  EXPECT_EQ(after(nullptr).history.at(0).message, "Bang.");
}

TEST(RestartEnd, LeavesNothingOfTheFormerPodInTheConditions) {
  api::Sandbox sandbox = aSandbox();
  for (const std::string_view type : {condition::accepted, condition::podScheduled, condition::networkFenced,
                                      condition::warmStart, condition::stalled}) {
    sandbox.status.conditions.push_back({.type = std::string(type),
                                         .status = "True",
                                         .observedGeneration = {},
                                         .lastTransitionTime = epoch,
                                         .reason = {},
                                         .message = {}});
  }
  std::vector<std::string> left;
  for (const api::Condition& one : after(nullptr, sandbox).conditions) left.push_back(one.type);
  EXPECT_THAT(left, UnorderedElementsAre("Accepted", "Ready"));
}

// --- Who is restarted, and what stays until then

const Config config;

// hello, which crashed at NOW and is to restart.
api::Sandbox restarting() {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.restartPolicy = api::RestartPolicy::Always;
  sandbox.status = after(nullptr);
  sandbox.status.expiresAt = epoch + std::chrono::hours(1);
  return sandbox;
}

TEST(RestartEnd, IsFollowedAlsoWhereThePodNeverRan) {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.restartPolicy = api::RestartPolicy::OnFailure;
  const api::Pod refused = test::refusedByNode(podOf(sandbox), "OutOfcpu", "no room");
  const Plan next = plan(seen(sandbox, {refused}), config, epoch + seconds(2));
  ASSERT_TRUE(next.status);
  EXPECT_EQ(next.status->restarts, 1);
}

TEST(RestartEnd, LeavesTheLogsUntilTheNextPodIsDue) {
  for (const int exitCode : {0, 1}) {
    const api::Pod former = ended(podOf(aSandbox()), exitCode, "End");
    EXPECT_THAT(plan(seen(restarting(), {former}), config, now + seconds(9)).actions, IsEmpty());
    api::Pod present = podOf(restarting());
    present.metadata.uid = "present";
    EXPECT_THAT(actionsOf<DeletePod>(plan(seen(restarting(), {former, present}), config, now + seconds(9))),
                SizeIs(1))
        << "it is there already: another replica's clock was ahead";
  }
}

TEST(RestartEnd, IsBehindWhatRunsAgainOrHasEndedForGood) {
  api::Sandbox sandbox = restarting();
  EXPECT_TRUE(isToRestart(sandbox));
  for (const auto phase : {api::Phase::Running, api::Phase::Succeeded, api::Phase::Failed}) {
    sandbox.status.phase = phase;
    EXPECT_FALSE(isToRestart(sandbox));
  }
  EXPECT_FALSE(isToRestart(aSandbox())) << "it has not even started";
}

TEST(RestartEnd, DeletesNothingInARoundThatFailed) {
  Observed observed = seen(restarting(), {ready(podOf(aSandbox()))});
  EXPECT_THAT(plan(observed, config, now).actions, SizeIs(1));
  observed.failure = Error{Errc::Unavailable, "away"};
  EXPECT_THAT(plan(observed, config, now).actions, IsEmpty());
}

TEST(RestartEnd, DoesNotAskForAPodOnItsWayOutWhoseNodeIsLost) {
  api::Sandbox sandbox = restarting();
  // Not yet due: the sixth in a row.
  sandbox.status.history.resize(6, sandbox.status.history.front());
  const api::Pod stuck = test::leaving(test::scheduled(ready(podOf(aSandbox())), "node-7"), now);
  Observed observed = seen(sandbox, {stuck});
  EXPECT_TRUE(diagnoseRestart(observed, now + minutes(1)).message.contains("--force"));
  observed.nodesAway = {"node-7"};
  EXPECT_FALSE(diagnoseRestart(observed, now + minutes(1)).message.contains("--force"))
      << "it is not waited for";
}

}  // namespace
}  // namespace cloister::sandbox
