// What a SandboxQuota means for a Sandbox that starts, once or again.
#include "operator/sandbox/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/sandbox/reasons.h"
#include "operator/stores.h"
#include "tests/unit/operator/examples.h"
#include "tests/unit/operator/quota/quotas.h"

namespace cloister::sandbox {
namespace {

using test::actionsOf;
using test::aSandbox;
using test::ended;
using test::epoch;
using test::podOf;
using test::ready;
using test::scheduled;
using test::seen;
using testing::IsEmpty;
using testing::SizeIs;

const Config config;
constexpr Time crash = epoch + std::chrono::minutes(20);
constexpr Time due = crash + seconds(10);

api::Sandbox written(api::Sandbox sandbox, const Plan& plan) {
  if (plan.status) sandbox.status = *json::decode<api::SandboxStatus>(json::encode(*plan.status));
  return sandbox;
}

// Whose first pod crashed at CRASH.
api::Sandbox restarting() {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.restartPolicy = api::RestartPolicy::OnFailure;
  sandbox = written(sandbox, plan(seen(sandbox, {ready(podOf(sandbox))}), config, epoch + seconds(1)));
  const api::Pod crashed = ended(ready(scheduled(podOf(sandbox))), 1, "Error", "last words");
  return written(sandbox, plan(seen(sandbox, {crashed}), config, crash));
}

// Under a quota that has made GRANTS.
Observed under(const api::Sandbox& sandbox, std::vector<api::QuotaGrant> grants,
               const std::vector<api::Pod>& pods = {}) {
  Observed observed = seen(sandbox, pods);
  observed.newest = true;
  api::SandboxQuota quota = test::aQuota(test::running(1));
  quota.status.grants = std::move(grants);
  observed.quota = std::make_shared<const api::SandboxQuota>(std::move(quota));
  return observed;
}

api::QuotaGrant grantFor(const api::Sandbox& sandbox) {
  api::QuotaGrant grant;
  grant.pod = podName(sandbox);
  grant.uid = sandbox.metadata.uid;
  grant.restart = sandbox.status.restarts;
  grant.cpu = {"64"};
  grant.memory = grant.disk = {"1Ti"};
  return grant;
}

TEST(Gate, ARestartThatAnotherClockHasBegunKeepsItsPromise) {
  const api::Sandbox sandbox = restarting();
  const Plan early = plan(under(sandbox, {grantFor(sandbox)}), config, crash + seconds(9));
  EXPECT_THAT(early.actions, IsEmpty());
  ASSERT_TRUE(early.wants);
  EXPECT_EQ(early.wants->pod, podName(sandbox));
  EXPECT_EQ(early.wants->restart, 1);
  api::QuotaGrant takenBack = grantFor(sandbox);
  takenBack.withdrawn = true;
  EXPECT_FALSE(plan(under(sandbox, {takenBack}), config, crash + seconds(9)).wants);
  api::QuotaGrant former = grantFor(sandbox);
  former.restart = std::nullopt;
  EXPECT_FALSE(plan(under(sandbox, {former}), config, crash + seconds(9)).wants);
}

TEST(Gate, ARestartAsksWhenItIsDueAndIsQueued) {
  const api::Sandbox sandbox = restarting();
  EXPECT_FALSE(plan(under(sandbox, {}), config, crash + seconds(9)).wants) << "nobody waits for it yet";
  const Plan next = plan(under(sandbox, {}), config, due);
  EXPECT_THAT(next.actions, IsEmpty());
  ASSERT_TRUE(next.wants);
  EXPECT_EQ(next.wants->pod, podName(sandbox));
  EXPECT_EQ(next.wants->restart, 1);
  ASSERT_TRUE(next.status);
  EXPECT_EQ(next.status->phase, api::Phase::Queued);
  EXPECT_EQ(next.status->history, sandbox.status.history);
  EXPECT_EQ(next.status->startedAt, sandbox.status.startedAt);
  const api::Sandbox queued = written(sandbox, next);
  EXPECT_FALSE(api::hasBegun(queued.status));
  EXPECT_TRUE(isWaiting(queued));
  EXPECT_FALSE(plan(under(queued, {}), config, due + seconds(1)).status) << "it says so once";
}

TEST(Gate, AGrantOfTheFirstStartIsNotTheRestarts) {
  const api::Sandbox sandbox = restarting();
  api::QuotaGrant former = grantFor(sandbox);
  former.restart.reset();
  EXPECT_THAT(plan(under(sandbox, {former}), config, due).actions, IsEmpty());
}

TEST(Gate, ARestartThatWasQueuedRunsAgain) {
  const api::Sandbox sandbox = restarting();
  const api::Sandbox queued = written(sandbox, plan(under(sandbox, {}), config, due));
  const Time later = due + seconds(60);
  const Plan starts = plan(under(queued, {grantFor(queued)}), config, later);
  EXPECT_THAT(actionsOf<CreatePod>(starts), SizeIs(1));
  api::Pod pod = podOf(queued);
  pod.metadata.creationTimestamp = later;
  const Plan slow = plan(under(queued, {}, {pod}), config, later + seconds(5));
  ASSERT_TRUE(slow.status);
  EXPECT_EQ(slow.status->phase, api::Phase::Pending);
  const Plan runs = plan(under(queued, {}, {ready(pod)}), config, later + seconds(1));
  ASSERT_TRUE(runs.status);
  EXPECT_EQ(runs.status->phase, api::Phase::Running);
  EXPECT_EQ(runs.status->queuePosition, std::nullopt);
  EXPECT_FALSE(isWaiting(written(queued, runs)));
}

Start by(Start::Way way) {
  Start start;
  start.way = way;
  return start;
}

TEST(Gate, AsksOnlyForWhatItWouldDo) {
  const auto asks = [](Start::Way way) {
    return requestOf(under(aSandbox(), {}), by(way), resolve({}, config)).has_value();
  };
  EXPECT_TRUE(asks(Start::Way::Cold));
  for (const auto way : {Start::Way::Wait, Start::Way::Fail, Start::Way::Adopt}) EXPECT_FALSE(asks(way));
  EXPECT_FALSE(requestOf(seen(aSandbox()), {}, resolve({}, config))) << "there is no quota";
  Observed counting = seen(aSandbox());
  api::SandboxQuota quota = test::aQuota({});
  quota.spec.creationsPerMinute = 1;
  counting.quota = std::make_shared<const api::SandboxQuota>(quota);
  const auto request = requestOf(counting, by(Start::Way::Adopt), resolve({}, config));
  ASSERT_TRUE(request) << "a warm start is one, too";
  EXPECT_EQ(request->pod, "");
  EXPECT_FALSE(requestOf(counting, by(Start::Way::Wait), resolve({}, config)));
}

TEST(Gate, TellsThePlaceOfWhatWaitsAndTheTroubleOfWhatNeverFits) {
  Observed observed = under(aSandbox(), {});
  const Diagnosis unanswered = diagnoseQueue(observed);
  EXPECT_EQ(unanswered.reason, reason::queued);
  EXPECT_FALSE(unanswered.problem);
  EXPECT_EQ(unanswered.queuePosition, std::nullopt);
  observed.answer = quota::Answer{.limit = quota::Limit::Running, .position = 1};
  EXPECT_EQ(diagnoseQueue(observed).reason, reason::queued);
  EXPECT_EQ(diagnoseQueue(observed).queuePosition, 1);
  observed.answer = quota::Answer{.limit = quota::Limit::Running, .tooSmall = true};
  EXPECT_EQ(diagnoseQueue(observed).reason, reason::quotaTooSmall);
  EXPECT_TRUE(diagnoseQueue(observed).problem);
  EXPECT_EQ(diagnoseQueue(observed).queuePosition, std::nullopt);
}

TEST(Gate, LeavesWhatAnotherProcessToldOfTheQueue) {
  api::Sandbox queued = aSandbox();
  queued.status.phase = api::Phase::Queued;
  const Diagnosis waits{.phase = api::Phase::Queued, .reason = reason::queued, .message = {}};
  Observed observed = under(queued, {});
  EXPECT_TRUE(isToldByAnother(observed, waits));
  EXPECT_FALSE(plan(observed, config, epoch + std::chrono::minutes(1)).status);
  EXPECT_FALSE(
      isToldByAnother(observed, Diagnosis{.phase = api::Phase::Pending, .reason = {}, .message = {}}));
  const Diagnosis restart{.phase = api::Phase::Pending, .reason = reason::restarting, .message = {}};
  EXPECT_FALSE(isToldByAnother(observed, restart)) << "of another generation";
  queued.status.observedGeneration = queued.metadata.generation;
  observed = under(queued, {});
  EXPECT_TRUE(isToldByAnother(observed, restart)) << "by another's clock it is due";
  EXPECT_FALSE(isToldByAnother(under(aSandbox(), {}), restart)) << "nobody has told anything";
  EXPECT_FALSE(isToldByAnother(under(aSandbox(), {}), waits)) << "nobody has told anything";
  observed.answer = quota::Answer{};
  EXPECT_FALSE(isToldByAnother(observed, waits)) << "it knows itself";
}

TEST(Gate, ShortensALifeOnlyBeforeItBegins) {
  const auto under = [](const api::Sandbox& sandbox, const std::string& unreadable = {}) {
    Observed observed = seen(sandbox);
    api::SandboxQuota quota = test::aQuota({});
    quota.spec.maxLifetime = std::chrono::minutes(5);
    quota.unreadable = unreadable;
    observed.quota = std::make_shared<const api::SandboxQuota>(quota);
    return quotaLifetime(observed);
  };
  EXPECT_EQ(quotaLifetime(seen(aSandbox())), std::nullopt);
  EXPECT_EQ(under(aSandbox()), std::chrono::minutes(5));
  EXPECT_EQ(under(aSandbox(), "spec.cpu: no"), std::nullopt);
  Observed starting = seen(aSandbox(), {podOf(aSandbox())});
  api::SandboxQuota quota = test::aQuota({});
  quota.spec.maxLifetime = std::chrono::minutes(5);
  starting.quota = std::make_shared<const api::SandboxQuota>(quota);
  EXPECT_EQ(plan(starting, config, epoch + seconds(9)).status->maxLifetime, std::nullopt)
      << "it may change yet";
  api::Sandbox running = aSandbox();
  running.status.startedAt = epoch;
  EXPECT_EQ(under(running), std::nullopt);
  running.status.maxLifetime = std::chrono::minutes(9);
  EXPECT_EQ(under(running), std::chrono::minutes(9));
}

}  // namespace
}  // namespace cloister::sandbox
