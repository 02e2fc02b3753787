#include "operator/sandbox/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/sandbox/pod.h"
#include "operator/sandbox/reasons.h"
#include "tests/unit/operator/sandbox/planning.h"

namespace cloister::sandbox {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using test::actionsOf;
using test::aSandbox;
using test::config;
using test::disrupted;
using test::ended;
using test::epoch;
using test::evicted;
using test::isStill;
using test::leaving;
using test::planAt;
using test::podOf;
using test::ready;
using test::readyReason;
using test::refusedByNode;
using test::running;
using test::scheduled;
using test::seen;
using test::unready;
using test::unschedulable;
using test::waiting;
using test::written;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// --- A cold start

TEST(Plan, PostsThePodAndNothingElse) {
  const Plan next = planAt(seen(aSandbox()));
  ASSERT_THAT(next.actions, SizeIs(1));
  ASSERT_THAT(actionsOf<CreatePod>(next), SizeIs(1));
  EXPECT_EQ(json::findString(actionsOf<CreatePod>(next)[0].pod, "metadata.name"), podName(aSandbox()));
  EXPECT_FALSE(next.status);
  EXPECT_FALSE(next.report);
}

TEST(Plan, PutsThePoliciesBeforeThePod) {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.network.egress.mode = api::EgressMode::Internet;
  Observed observed = seen(sandbox);
  observed.policies = {};
  const Plan next = planAt(observed);
  ASSERT_THAT(next.actions, SizeIs(3));
  const auto policies = actionsOf<CreatePolicy>(next);
  ASSERT_THAT(policies, SizeIs(2));
  EXPECT_EQ(policies[0].name, policy::defaultDenyName);
  EXPECT_EQ(policies[1].name, policy::policyName(policy::networkProfile(sandbox.spec.network, {}).name));
  EXPECT_TRUE(std::holds_alternative<CreatePod>(next.actions.back()));
  observed.policies = {policies[0].name, policies[1].name};
  EXPECT_THAT(actionsOf<CreatePolicy>(planAt(observed)), IsEmpty());
}

TEST(Plan, SaysNothingWhileTheStartGoesWell) {
  const api::Sandbox sandbox = aSandbox();
  const api::Pod pod = podOf(sandbox);
  for (const api::Pod& stage : {pod, scheduled(pod), waiting(pod, "ContainerCreating", "")}) {
    const Plan next = planAt(seen(sandbox, {stage}), epoch + seconds(3) - Duration(1));
    EXPECT_TRUE(isStill(next));
    EXPECT_EQ(next.again, epoch + seconds(3));
  }
}

TEST(Plan, SaysWhatASlowStartWaitsFor) {
  const api::Sandbox sandbox = aSandbox();
  const Plan next = planAt(seen(sandbox, {scheduled(podOf(sandbox))}), epoch + seconds(3));
  ASSERT_TRUE(next.status);
  EXPECT_EQ(next.status->phase, api::Phase::Pending);
  EXPECT_EQ(readyReason(*next.status), reason::starting);
  EXPECT_FALSE(next.report) << "nothing is wrong";
  EXPECT_EQ(next.again, epoch + seconds(13)) << "events do not change the pod: they must be asked for";
  EXPECT_EQ(planAt(seen(sandbox, {scheduled(podOf(sandbox))}), epoch + minutes(8)).again, epoch + minutes(10))
      << "but not all the time";
}

TEST(Plan, SaysAtOnceWhatIsWrong) {
  const api::Sandbox sandbox = aSandbox();
  const Plan next =
      planAt(seen(sandbox, {unschedulable(podOf(sandbox), "0/1 nodes are available: 1 Insufficient cpu.")}));
  ASSERT_TRUE(next.status);
  EXPECT_EQ(readyReason(*next.status), reason::unschedulable);
  ASSERT_TRUE(next.report);
  EXPECT_TRUE(next.report->warning);
  EXPECT_EQ(next.report->reason, reason::unschedulable);
}

TEST(Plan, WritesOneStatusWhenReady) {
  const api::Sandbox sandbox = aSandbox();
  Observed observed = seen(sandbox, {ready(podOf(sandbox))});
  observed.latency = api::StartLatency{1, 2, 500};
  const Plan next = planAt(observed);
  EXPECT_THAT(next.actions, IsEmpty());
  EXPECT_FALSE(next.report);
  ASSERT_TRUE(next.status);
  EXPECT_EQ(next.status->phase, api::Phase::Running);
  EXPECT_EQ(next.status->observedGeneration, 1);
  EXPECT_EQ(next.status->podName, podName(sandbox));
  EXPECT_EQ(next.status->podIPs, (std::vector<std::string>{"10.1.2.3", "fd00::3"}));
  EXPECT_EQ(next.status->nodeName, "node-1");
  EXPECT_EQ(next.status->runtime, api::Runtime::gvisor);
  EXPECT_EQ(next.status->startedAt, epoch + seconds(1));
  EXPECT_EQ(next.status->expiresAt, epoch + seconds(1) + hours(1));
  EXPECT_EQ(next.status->startLatency, (api::StartLatency{1, 2, 500}));
  EXPECT_EQ(next.again, next.status->expiresAt);
  EXPECT_TRUE(isStill(planAt(seen(written(sandbox, next), {ready(podOf(sandbox))}), epoch + minutes(30))));
}

TEST(Plan, TellsAStuckStartWhereverItsOwnClockStands) {
  const api::Sandbox fresh = aSandbox();
  const api::Pod pod = scheduled(podOf(fresh));
  Observed observed = seen(fresh, {pod});
  EXPECT_TRUE(questions(observed, epoch - minutes(2)).podEvents)
      << "its clock is slow: no reason for silence";
  observed.podEvents = std::vector<PodEvent>{{"Warning", "FailedMount", "no such volume"}};
  const api::Sandbox told = written(fresh, planAt(observed, epoch + seconds(5)));
  observed.sandbox = std::make_shared<const api::Sandbox>(told);
  EXPECT_TRUE(questions(observed, epoch + seconds(1)).podEvents) << "told once, it is not quiet any more";
  EXPECT_TRUE(isStill(planAt(observed, epoch + seconds(1))));
  EXPECT_TRUE(isStill(planAt(observed, epoch - minutes(2))));
}

// --- Whatever was written is not written again

std::vector<api::Sandbox> manySandboxes() {
  std::vector<api::Sandbox> all;
  const auto with = [&](std::string_view spec) {
    api::Sandbox sandbox = aSandbox();
    sandbox.spec = *json::decode<api::SandboxSpec>(*json::parse(spec), json::Unknown::Refuse);
    all.push_back(sandbox);
  };
  with("{}");
  with(R"({"runtime": "kata", "lifecycle": {"ttl": "1500ms", "maxLifetime": "2h30m"}})");
  with(R"({"runtime": "runc"})");
  with(R"({"poolRef": {"name": "p"}})");
  with(R"({"network": {"egress": {"mode": "Internet"}, "expose": [{"port": 80}]}})");
  with(R"({"lifecycle": {"expiresAt": "2026-01-02T00:00:00.75Z"}})");
  with(R"({"lifecycle": {"ttl": "48h"}})");
  return all;
}

std::vector<std::vector<api::Pod>> manyPods(const api::Sandbox& sandbox) {
  const api::Pod pod = podOf(sandbox);
  std::string longText(5000, 'x');
  return {{},
          {pod},
          {unschedulable(pod, "0/1 nodes are available: 1 Insufficient cpu.")},
          {unschedulable(pod, longText)},
          {scheduled(pod)},
          {waiting(pod, "ErrImagePull", "not found")},
          {waiting(pod, "ImagePullBackOff", "Back-off pulling image")},
          {waiting(pod, "CreateContainerError", "")},
          {ready(pod)},
          {unready(ready(pod))},
          {ended(pod, 0, "Completed")},
          {ended(pod, 1, "Error", "last words\n")},
          {ended(pod, 137, "OOMKilled")},
          {evicted(pod, "The node was low on resource: memory. ")},
          {disrupted(ready(pod), "PreemptionByScheduler", "preempting")},
          {refusedByNode(pod, "OutOfcpu", "Pod was rejected")},
          {leaving(pod)},
          {leaving(ready(pod))},
          {leaving(ended(pod, 137, "Error"))}};
}

void expectFixpoint(const Observed& observed, Time now) {
  const Plan first = plan(observed, config, now);
  if (!first.status) return;
  EXPECT_EQ(*json::decode<api::SandboxStatus>(json::encode(*first.status)), *first.status)
      << "what is read back differs: " << json::print(json::encode(*first.status));
  Observed after = observed;
  after.sandbox = std::make_shared<const api::Sandbox>(written(*observed.sandbox, first));
  const Plan second = plan(after, config, now + milliseconds(300));
  EXPECT_FALSE(second.status) << json::print(json::encode(*first.status)) << "\nthen\n"
                              << json::print(json::encode(second.status.value_or(api::SandboxStatus{})));
  if (!observed.failure) EXPECT_FALSE(second.report) << json::print(json::encode(*first.status));
}

TEST(Plan, IsAFixpointOfItsOwnStatus) {
  for (const api::Sandbox& fresh : manySandboxes()) {
    for (const auto& earlier : manyPods(fresh)) {
      // A status from an earlier stage, or none.
      const Time then = epoch + Duration(3'141'592);
      const api::Sandbox sandbox = written(fresh, plan(seen(fresh, earlier), config, then));
      for (const auto& pods : manyPods(fresh)) {
        Observed observed = seen(sandbox, pods);
        observed.policies.push_back(
            policy::policyName(policy::networkProfile(fresh.spec.network, config.network).name));
        observed.podConfirmedGone = true;
        observed.podEvents = std::vector<PodEvent>{{"Warning", "FailedMount", "no such volume"}};
        observed.nodeReady = false;
        observed.latency = api::StartLatency{1, {}, 2};
        for (const Duration later : {Duration(3'200'000), Duration(40'000'001)}) {
          expectFixpoint(observed, epoch + later);
          observed.failure = Error{Errc::Forbidden, "exceeded quota: a"};
          expectFixpoint(observed, epoch + later);
          observed.failure.reset();
        }
      }
    }
  }
}

TEST(Plan, DoesNotWriteEachTimeThatAPullBacksOff) {
  const api::Sandbox sandbox = aSandbox();
  const api::Pod pod = podOf(sandbox);
  const Plan first = planAt(seen(sandbox, {waiting(pod, "ErrImagePull", "nosuch: not found")}));
  ASSERT_TRUE(first.status);
  const api::Sandbox told = written(sandbox, first);
  EXPECT_TRUE(isStill(planAt(seen(told, {waiting(pod, "ImagePullBackOff", "Back-off pulling image")}))));
  EXPECT_TRUE(isStill(planAt(seen(told, {waiting(pod, "ErrImagePull", "timeout")}))));
}

TEST(Plan, DoesNotWriteEachTimeThatTheNodeTriesAgain) {
  const api::Sandbox sandbox = aSandbox();
  Observed observed = seen(sandbox, {scheduled(podOf(sandbox))});
  observed.podEvents = {
      {{"Warning", "FailedCreatePodSandBox", "failed to setup network for sandbox \"a1\""}}};
  const Plan first = planAt(observed, epoch + seconds(4));
  ASSERT_TRUE(first.status);
  observed.sandbox = std::make_shared<const api::Sandbox>(written(sandbox, first));
  observed.podEvents = {
      {{"Warning", "FailedCreatePodSandBox", "failed to setup network for sandbox \"b2\""}}};
  EXPECT_TRUE(isStill(planAt(observed, epoch + seconds(14))));
  observed.pods = {
      std::make_shared<const api::Pod>(ended(podOf(sandbox), 128, "StartError", "no such file"))};
  const Plan last = planAt(observed, epoch + seconds(15));
  ASSERT_TRUE(last.status);
  EXPECT_THAT(api::findCondition(last.status->conditions, condition::ready)->message,
              HasSubstr("no such file"))
      << "the end is told, under the same reason";
}

TEST(Plan, TellsPeopleOnceOfEachProblem) {
  const api::Sandbox sandbox = aSandbox();
  const api::Pod pod = podOf(sandbox);
  const Plan first = planAt(seen(sandbox, {unschedulable(pod, "1 Insufficient cpu.")}));
  ASSERT_TRUE(first.report);
  const api::Sandbox told = written(sandbox, first);
  const Plan second = planAt(seen(told, {unschedulable(pod, "2 Insufficient cpu.")}));
  EXPECT_TRUE(second.status);
  EXPECT_FALSE(second.report);
  EXPECT_TRUE(planAt(seen(told, {waiting(pod, "ErrImagePull", "x")})).report);
}

TEST(Plan, MovesTransitionTimesOnlyWithTheStatus) {
  const api::Sandbox sandbox = running();
  const auto timeOf = [](const api::SandboxStatus& status) {
    return api::findCondition(status.conditions, condition::ready)->lastTransitionTime;
  };
  api::Sandbox edited = sandbox;
  edited.metadata.generation = 2;
  const Plan same = planAt(seen(edited, {ready(podOf(sandbox))}), epoch + minutes(5));
  ASSERT_TRUE(same.status) << "observedGeneration";
  EXPECT_EQ(timeOf(*same.status), timeOf(sandbox.status));
  const Plan changed = planAt(seen(sandbox, {ended(podOf(sandbox), 1, "Error")}), epoch + minutes(5));
  EXPECT_EQ(timeOf(*changed.status), epoch + minutes(5));
}

TEST(Plan, CallsASandboxThatOnceRanRunningWhileItsPodIsBrieflyNotReady) {
  const api::Sandbox sandbox = aSandbox();
  const api::Pod pod = ready(podOf(sandbox));
  const api::Sandbox running = written(sandbox, planAt(seen(sandbox, {pod})));
  const Plan next = planAt(seen(running, {unready(pod)}), epoch + minutes(1));
  ASSERT_TRUE(next.status);
  EXPECT_EQ(next.status->phase, api::Phase::Running);
  EXPECT_EQ(readyReason(*next.status), reason::starting);
}

TEST(Plan, CountsTheTtlOfWhatEndedBeforeItWasSeenReadyFromItsBeginning) {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.lifecycle.ttl = minutes(10);
  api::Pod pod = ended(podOf(sandbox), 0, "Completed");
  pod.status.containerStatuses.at(0).state.terminated->startedAt = epoch + seconds(2);
  const Plan next = planAt(seen(sandbox, {pod}), epoch + seconds(3));
  ASSERT_TRUE(next.status);
  EXPECT_EQ(next.status->startedAt, epoch + seconds(2));
  EXPECT_EQ(next.status->expiresAt, epoch + seconds(2) + minutes(10));
}

// --- Failures

TEST(Plan, ReportsWhatKeepsThePodFromBeingCreated) {
  Observed observed = seen(aSandbox());
  observed.failure = Error{Errc::Forbidden, "pods \"x\" is forbidden: exceeded quota: a"};
  const Plan next = planAt(observed);
  EXPECT_THAT(next.actions, IsEmpty()) << "only a report is planned";
  ASSERT_TRUE(next.status);
  EXPECT_EQ(next.status->phase, api::Phase::Pending);
  EXPECT_EQ(readyReason(*next.status), reason::quotaExceeded);
  ASSERT_TRUE(next.report);
  const api::Sandbox told = written(aSandbox(), next);
  EXPECT_THAT(actionsOf<CreatePod>(planAt(seen(told))), SizeIs(1)) << "and it is tried again";
}

TEST(Plan, KeepsQuietAboutFailuresThatPass) {
  for (const Errc code : {Errc::Unavailable, Errc::Timeout, Errc::Conflict, Errc::TooManyRequests}) {
    Observed observed = seen(aSandbox());
    observed.failure = Error{code, "x"};
    EXPECT_TRUE(isStill(planAt(observed))) << name(code);
  }
}

TEST(Plan, RefusesWhatCannotBeCarriedOut) {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.restoreFrom = api::LocalReference{"p"};
  const Plan next = planAt(seen(sandbox));
  EXPECT_THAT(next.actions, IsEmpty());
  ASSERT_TRUE(next.status);
  EXPECT_EQ(api::findCondition(next.status->conditions, condition::accepted)->status, "False");
  EXPECT_EQ(readyReason(*next.status), reason::unsupported);
  EXPECT_TRUE(next.report);
}

TEST(Plan, KeepsRunningWhatAnEditMadeUnacceptable) {
  api::Sandbox sandbox = running();
  sandbox.metadata.generation = 2;
  sandbox.spec.lifecycle.ttl = hours(48);
  const Plan next = planAt(seen(sandbox, {ready(podOf(sandbox))}), epoch + minutes(5));
  EXPECT_THAT(next.actions, IsEmpty());
  ASSERT_TRUE(next.status);
  EXPECT_EQ(api::findCondition(next.status->conditions, condition::accepted)->status, "False");
  EXPECT_EQ(readyReason(*next.status), reason::running);
  EXPECT_EQ(next.status->expiresAt, epoch + seconds(1) + hours(24)) << "capped";
}

// --- Network profiles

TEST(Plan, MovesThePodToAnotherProfile) {
  api::Sandbox sandbox = running();
  const api::Pod pod = ready(podOf(sandbox));
  sandbox.spec.network.egress.mode = api::EgressMode::Internet;
  sandbox.metadata.generation = 2;
  const Plan opened = planAt(seen(sandbox, {pod}), epoch + minutes(1));
  ASSERT_THAT(opened.actions, SizeIs(2));
  EXPECT_TRUE(std::holds_alternative<CreatePolicy>(opened.actions[0])) << "first what it moves to";
  EXPECT_EQ(std::get<LabelPod>(opened.actions[1]).profile,
            policy::networkProfile(sandbox.spec.network, {}).name);
  const api::Pod moved = ready(podOf(sandbox));
  sandbox.spec.network.egress.mode = api::EgressMode::None;
  const Plan closed = planAt(seen(sandbox, {moved}), epoch + minutes(1));
  ASSERT_THAT(actionsOf<LabelPod>(closed), SizeIs(1));
  EXPECT_EQ(actionsOf<LabelPod>(closed)[0].profile, "");
}

TEST(Plan, TakesBackAProfileThatSomebodyPutOnThePod) {
  const api::Sandbox sandbox = running();
  api::Pod pod = ready(podOf(sandbox));
  pod.metadata.labels[std::string(api::networkLabel)] = "wide-open";
  const auto labels = actionsOf<LabelPod>(planAt(seen(sandbox, {pod}), epoch + minutes(1)));
  ASSERT_THAT(labels, SizeIs(1));
  EXPECT_EQ(labels[0].profile, "");
}

TEST(Questions, CostNothingInGoodTimes) {
  const api::Sandbox fresh = aSandbox();
  const api::Pod pod = podOf(fresh);
  EXPECT_EQ(questions(seen(fresh), epoch), Questions{});
  EXPECT_EQ(questions(seen(fresh, {pod}), epoch + seconds(1)), Questions{});
  EXPECT_EQ(questions(seen(fresh, {scheduled(pod)}), epoch + seconds(2)), Questions{});
  EXPECT_EQ(questions(seen(running(), {ready(pod)}), epoch + minutes(1)), Questions{});
  EXPECT_EQ(questions(Observed{}, epoch), Questions{});
}

TEST(Questions, AreAskedOfStartsInTrouble) {
  const api::Sandbox fresh = aSandbox();
  EXPECT_TRUE(questions(seen(fresh, {scheduled(podOf(fresh))}), epoch + seconds(3)).podEvents);
  EXPECT_TRUE(questions(seen(running(), {unready(ready(podOf(fresh)))}), epoch + minutes(2)).nodeState);
}

}  // namespace
}  // namespace cloister::sandbox
