// Whether, when and as what a Sandbox is restarted: from values alone.
#include "operator/sandbox/restart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/sandbox/own.h"
#include "operator/sandbox/reasons.h"
#include "tests/unit/operator/examples.h"

namespace cloister::sandbox {
namespace {

using api::RestartPolicy;
using std::chrono::hours;
using std::chrono::minutes;
using test::actionsOf;
using test::aSandbox;
using test::ended;
using test::epoch;
using test::leaving;
using test::podOf;
using test::ready;
using test::scheduled;
using test::seen;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const Config config;
constexpr Time crash = epoch + minutes(20);

api::Sandbox written(api::Sandbox sandbox, const Plan& plan) {
  if (plan.status) sandbox.status = *json::decode<api::SandboxStatus>(json::encode(*plan.status));
  return sandbox;
}

// Ready since a second after its creation.
api::Sandbox running(RestartPolicy policy = RestartPolicy::OnFailure) {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.restartPolicy = policy;
  return written(sandbox, plan(seen(sandbox, {ready(podOf(sandbox))}), config, epoch + seconds(1)));
}

api::Pod crashedPod(const api::Sandbox& sandbox = running()) {
  return ended(ready(scheduled(podOf(sandbox))), 1, "Error", "last words");
}

// ... whose pod crashed at CRASH, and which is to restart.
api::Sandbox restarting() {
  return written(running(), plan(seen(running(), {crashedPod()}), config, crash));
}

Observed due(const api::Sandbox& sandbox = restarting(), const std::vector<api::Pod>& pods = {}) {
  Observed observed = seen(sandbox, pods);
  observed.newest = true;
  return observed;
}

const api::Condition& readyOf(const api::SandboxStatus& status) {
  return *api::findCondition(status.conditions, condition::ready);
}

std::string labelOf(const json::value& pod) {
  return std::string(pod.at("metadata").at("labels").at(api::restartLabel).as_string());
}

// --- Whether

TEST(Restart, FollowsThePolicy) {
  const Diagnosis failed{api::Phase::Failed, reason::crashed, ""};
  const Diagnosis succeeded{api::Phase::Succeeded, reason::completed, ""};
  const Diagnosis runs{api::Phase::Running, reason::running, ""};
  EXPECT_FALSE(isRestarted({}, failed));
  EXPECT_FALSE(isRestarted(RestartPolicy::Never, failed));
  EXPECT_TRUE(isRestarted(RestartPolicy::OnFailure, failed));
  EXPECT_FALSE(isRestarted(RestartPolicy::OnFailure, succeeded));
  EXPECT_TRUE(isRestarted(RestartPolicy::Always, failed));
  EXPECT_TRUE(isRestarted(RestartPolicy::Always, succeeded));
  EXPECT_FALSE(isRestarted(RestartPolicy::Always, runs));
}

TEST(Restart, IsOneStatusThatTellsAll) {
  const Plan next = plan(seen(running(), {crashedPod()}), config, crash);
  EXPECT_THAT(next.actions, IsEmpty());
  ASSERT_TRUE(next.status);
  EXPECT_EQ(next.status->restarts, 1);
  EXPECT_EQ(next.status->phase, api::Phase::Pending);
  EXPECT_EQ(next.status->startedAt, running().status.startedAt);
  EXPECT_EQ(next.status->expiresAt, running().status.expiresAt) << "its time is not lengthened";
  EXPECT_EQ(next.status->podName + next.status->podUID + next.status->nodeName, "");
  EXPECT_THAT(next.status->podIPs, IsEmpty());
  EXPECT_EQ(next.status->exitCode, std::nullopt);
  ASSERT_THAT(next.status->history, SizeIs(1));
  const api::SandboxEnd& end = next.status->history[0];
  EXPECT_EQ(end.podName, podOf(aSandbox()).metadata.name);
  EXPECT_EQ(end.nodeName, "node-1");
  EXPECT_EQ(end.reason, reason::crashed);
  EXPECT_THAT(end.message, HasSubstr("last words"));
  EXPECT_EQ(end.exitCode, 1);
  EXPECT_EQ(end.endedAt, crash);
  EXPECT_EQ(readyOf(*next.status).reason, reason::restarting);
  EXPECT_EQ(readyOf(*next.status).status, "False");
  EXPECT_THAT(readyOf(*next.status).message,
              AllOf(HasSubstr("(restart 1), not before 2026-01-01T00:20:10Z."), HasSubstr("Crashed: ")));
  ASSERT_TRUE(next.report);
  EXPECT_EQ(next.report->reason, reason::restarting);
  EXPECT_TRUE(next.report->warning);
}

TEST(Restart, IsDecidedOnce) {
  for (const api::Pod& pod : {crashedPod(), leaving(crashedPod(), crash)}) {
    const Plan next = plan(seen(restarting(), {pod}), config, crash + seconds(1));
    EXPECT_FALSE(next.status) << json::print(json::encode(*next.status));
    EXPECT_FALSE(next.report);
    EXPECT_EQ(next.again, crash + seconds(10));
  }
}

TEST(Restart, LeavesAnEndFinalWhateverThePolicyBecomes) {
  api::Sandbox over = running(RestartPolicy::Never);
  over = written(over, plan(seen(over, {crashedPod()}), config, crash));
  EXPECT_EQ(over.status.phase, api::Phase::Failed);
  EXPECT_EQ(over.status.restarts, std::nullopt);
  over.spec.restartPolicy = RestartPolicy::Always;
  for (const auto& pods : {std::vector<api::Pod>{crashedPod()}, {}}) {
    const Plan next = plan(seen(over, pods), config, crash + minutes(1));
    EXPECT_THAT(next.actions, IsEmpty());
    EXPECT_FALSE(next.status);
  }
}

TEST(Restart, ReplacesAPodThatIsGone) {
  Observed observed = seen(running());
  EXPECT_TRUE(questions(observed, crash).pod);
  EXPECT_FALSE(plan(observed, config, crash).status) << "the store may merely lag";
  observed.podConfirmedGone = true;
  const Plan next = plan(observed, config, crash);
  ASSERT_TRUE(next.status);
  const api::SandboxEnd& end = next.status->history.at(0);
  EXPECT_EQ(end.reason, reason::podLost);
  EXPECT_EQ(end.podName, running().status.podName);
  EXPECT_THAT(end.message, Not(HasSubstr("Create the Sandbox again")));
  EXPECT_EQ(end.startedAt, epoch + seconds(1)) << "when it was Ready";
}

TEST(Restart, DoesNotFollowARefusalByThePool) {
  api::Sandbox sandbox = restarting();
  sandbox.spec.poolRef = api::LocalReference{"pool"};
  api::SandboxPool pool;
  pool.spec.whenEmpty = api::WhenEmpty::Fail;
  Observed observed = due(sandbox);
  observed.pool = std::make_shared<const api::SandboxPool>(pool);
  api::SandboxTemplate from;
  from.spec.overridable = {"restartPolicy"};
  observed.template_ = std::make_shared<const api::SandboxTemplate>(from);
  const Plan next = plan(observed, config, crash + seconds(10));
  ASSERT_TRUE(next.status);
  EXPECT_EQ(next.status->phase, api::Phase::Failed);
  EXPECT_EQ(next.status->restarts, 1);
}

// --- When

std::vector<api::SandboxEnd> historyOf(const std::vector<Duration>& runs) {
  std::vector<api::SandboxEnd> history;
  for (const Duration run : runs) {
    history.push_back({.podName = "p",
                       .nodeName = {},
                       .reason = "Crashed",
                       .message = {},
                       .exitCode = {},
                       .startedAt = crash - run,
                       .endedAt = crash});
  }
  return history;
}

TEST(Restart, WaitsTwiceAsLongForEachShortRun) {
  const auto delay = [](const std::vector<Duration>& runs) { return restartTime(historyOf(runs)) - crash; };
  EXPECT_EQ(delay({seconds(1)}), seconds(10));
  EXPECT_EQ(delay({seconds(1), minutes(9)}), seconds(20));
  EXPECT_EQ(delay({seconds(1), seconds(1), seconds(1)}), seconds(40));
  EXPECT_EQ(delay(std::vector<Duration>(6, seconds(1))), minutes(5));
  EXPECT_EQ(delay(std::vector<Duration>(8, seconds(1))), minutes(5));
  EXPECT_EQ(delay({minutes(10), seconds(1), seconds(1)}), seconds(10)) << "it worked meanwhile";
  EXPECT_EQ(delay({seconds(1), minutes(10), seconds(1)}), seconds(10));
  auto neverRan = historyOf({minutes(20), minutes(20)});
  neverRan[0].startedAt.reset();
  neverRan[1].startedAt.reset();
  EXPECT_EQ(restartTime(neverRan) - crash, seconds(20));
}

TEST(Restart, IsNotHeldUpByAClockThatWasPutBack) {
  EXPECT_FALSE(isRestartDue(restarting(), crash + seconds(10) - Duration(1)));
  EXPECT_TRUE(isRestartDue(restarting(), crash + seconds(10)));
  EXPECT_FALSE(isRestartDue(restarting(), crash)) << "it was not put back";
  EXPECT_TRUE(isRestartDue(restarting(), crash - hours(1)));
}

TEST(Restart, AsksBeforeItMakesAPod) {
  const Observed observed = seen(restarting());
  EXPECT_FALSE(questions(observed, crash + seconds(9)).newest);
  EXPECT_TRUE(questions(observed, crash + seconds(10)).newest);
  EXPECT_THAT(plan(observed, config, crash + seconds(10)).actions, IsEmpty());
  EXPECT_THAT(plan(due(), config, crash + seconds(9)).actions, IsEmpty());
  const auto created = actionsOf<CreatePod>(plan(due(), config, crash + seconds(10)));
  ASSERT_THAT(created, SizeIs(1));
  EXPECT_EQ(labelOf(created[0].pod), "1");
  EXPECT_NE(json::findString(created[0].pod, "metadata.name"), podOf(aSandbox()).metadata.name);
}

TEST(Restart, EndsWithItsSandbox) {
  api::Sandbox sandbox = restarting();
  EXPECT_EQ(plan(seen(sandbox), config, *sandbox.status.expiresAt).again,
            *sandbox.status.expiresAt + seconds(10));
  EXPECT_THAT(actionsOf<DeleteSandbox>(plan(seen(sandbox), config, *sandbox.status.expiresAt)), SizeIs(1));
  sandbox.spec.lifecycle.expiresAt = crash + seconds(5);
  EXPECT_THAT(actionsOf<DeletePod>(plan(seen(sandbox, {crashedPod()}), config, crash + seconds(5))),
              SizeIs(1))
      << "whatever keeps the Sandbox";
  sandbox.metadata.deletionTimestamp = crash;
  EXPECT_THAT(plan(due(sandbox), config, crash + minutes(1)).actions, IsEmpty());
  EXPECT_THAT(actionsOf<DeletePod>(plan(seen(sandbox, {crashedPod()}), config, crash)), SizeIs(1));
}

// --- Beside whom

TEST(Restart, WaitsForTheFormerPod) {
  const Time later = crash + seconds(10);
  const api::Pod runs = ready(podOf(aSandbox()));
  EXPECT_THAT(actionsOf<DeletePod>(plan(seen(restarting(), {runs}), config, crash)), SizeIs(1));
  EXPECT_THAT(plan(seen(restarting(), {crashedPod()}), config, crash).actions, IsEmpty()) << "it has logs";
  const Plan next = plan(due(restarting(), {crashedPod()}), config, later);
  EXPECT_THAT(actionsOf<DeletePod>(next), SizeIs(1));
  EXPECT_THAT(actionsOf<CreatePod>(next), IsEmpty());
  EXPECT_FALSE(questions(seen(restarting(), {crashedPod()}), later).newest) << "it would be in vain";
  const Plan wait = plan(due(restarting(), {leaving(crashedPod(), later)}), config, later);
  EXPECT_THAT(wait.actions, IsEmpty());
  EXPECT_EQ(wait.again, later + seconds(10)) << "its node may be found to be lost";
}

TEST(Restart, CountsAPodThatIsOverdueOnALostNodeAsLost) {
  const Time later = crash + minutes(5);
  const api::Pod stuck = leaving(scheduled(ready(podOf(aSandbox())), "away"), later);
  Observed observed = due(restarting(), {stuck});
  EXPECT_THAT(plan(observed, config, later).actions, IsEmpty()) << "its node answers";
  observed.nodesAway = {"away"};
  EXPECT_THAT(plan(observed, config, later - Duration(1)).actions, IsEmpty()) << "it has its grace";
  EXPECT_THAT(actionsOf<CreatePod>(plan(observed, config, later)), SizeIs(1));
}

TEST(Restart, SaysThatAPodDoesNotEnd) {
  const api::Pod stuck = leaving(scheduled(ready(podOf(aSandbox())), "node-7"), crash);
  const Observed observed = due(restarting(), {stuck});
  EXPECT_FALSE(plan(observed, config, crash + seconds(30) - Duration(1)).status);
  const Plan next = plan(observed, config, crash + seconds(30));
  ASSERT_TRUE(next.status);
  EXPECT_THAT(readyOf(*next.status).message, AllOf(HasSubstr("node-7"), HasSubstr("--force")));
  EXPECT_FALSE(next.report);
  const api::Sandbox told = written(restarting(), next);
  EXPECT_FALSE(plan(due(told, {stuck}), config, crash + minutes(10)).status);
}

// The pod of the present restart, in a view of the Sandbox of before it.
TEST(Restart, TouchesNothingThatItsViewDoesNotKnow) {
  api::Sandbox later = restarting();
  const api::Pod newer = ready(podOf(later));
  Observed old = seen(running(), {newer});
  EXPECT_TRUE(questions(old, crash).newest);
  old.podConfirmedGone = true;
  EXPECT_THAT(plan(old, config, crash).actions, IsEmpty());
  EXPECT_EQ(ownPod(old), nullptr);
  // Nobody decided it: somebody has changed the status, or made the pod.
  EXPECT_THAT(actionsOf<DeletePod>(plan(due(running(), {newer}), config, crash)), SizeIs(1));
}

TEST(Restart, HasOnePodAsTheFirstStart) {
  api::Sandbox sandbox = restarting();
  api::Pod pod = ready(podOf(sandbox), crash + seconds(12));
  pod.metadata.creationTimestamp = crash + seconds(11);
  const Plan told = plan(seen(sandbox, {pod}), config, crash + seconds(12));
  ASSERT_TRUE(told.status);
  EXPECT_EQ(told.status->phase, api::Phase::Running);
  EXPECT_EQ(told.status->podUID, pod.metadata.uid);
  EXPECT_EQ(told.status->startedAt, running().status.startedAt);
  sandbox = written(sandbox, told);
  api::Pod second = pod;
  second.metadata.uid = "another";
  EXPECT_THAT(actionsOf<DeletePod>(plan(seen(sandbox, {second, pod}), config, crash + minutes(1))),
              SizeIs(1));
  EXPECT_EQ(ownPod(seen(sandbox, {second, pod}))->metadata.uid, pod.metadata.uid);
  // Gone: not simply made once more.
  Observed gone = due(sandbox);
  gone.podConfirmedGone = true;
  const Plan again = plan(gone, config, crash + minutes(2));
  EXPECT_THAT(again.actions, IsEmpty());
  ASSERT_TRUE(again.status);
  EXPECT_EQ(again.status->restarts, 2);
  EXPECT_THAT(again.status->history, SizeIs(2));
}

TEST(Restart, IsQuietWhileItGoesWell) {
  const api::Sandbox sandbox = restarting();
  api::Pod pod = podOf(sandbox);
  pod.metadata.creationTimestamp = crash + seconds(11);
  const Plan early = plan(seen(sandbox, {pod}), config, crash + seconds(12));
  EXPECT_FALSE(early.status);
  EXPECT_EQ(early.again, crash + seconds(14));
  const Plan slow = plan(seen(sandbox, {pod}), config, crash + seconds(14));
  ASSERT_TRUE(slow.status);
  EXPECT_EQ(slow.status->phase, api::Phase::Pending);
  EXPECT_EQ(slow.status->podUID, pod.metadata.uid);
}

TEST(Restart, KeepsTheLastEightEnds) {
  api::Sandbox sandbox = running(RestartPolicy::Always);
  for (int i = 1; i <= 10; ++i) {
    const Time now = crash + hours(1) * i / 60;
    const api::Pod pod = ended(ready(podOf(sandbox)), 0, "Completed");
    sandbox = written(sandbox, plan(seen(sandbox, {pod}), config, now));
    ASSERT_EQ(sandbox.status.restarts, i);
    EXPECT_EQ(sandbox.status.history.at(0).endedAt, now);
    EXPECT_EQ(sandbox.status.history.at(0).exitCode, 0);
  }
  EXPECT_THAT(sandbox.status.history, SizeIs(8));
}

TEST(Restart, DoesNotCountWhatAPodOfAPoolRanBefore) {
  api::Pod taken = crashedPod();
  taken.metadata.creationTimestamp = epoch - hours(5);
  taken.status.containerStatuses.at(0).state.terminated->startedAt = epoch - hours(5);
  const Plan next = plan(seen(running(), {taken}), config, epoch + minutes(1));
  EXPECT_EQ(next.status->history.at(0).startedAt, epoch);
}

TEST(Restart, SurvivesAHistoryThatSomebodyEmptied) {
  api::Sandbox sandbox = restarting();
  sandbox.status.history.clear();
  EXPECT_THAT(actionsOf<CreatePod>(plan(due(sandbox), config, crash)), SizeIs(1));
  EXPECT_TRUE(plan(seen(sandbox), config, crash).again);
}

}  // namespace
}  // namespace cloister::sandbox
