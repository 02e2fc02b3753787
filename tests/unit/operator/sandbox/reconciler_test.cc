// The Sandbox controller against an API server: what it leaves behind, and how many writes that took.
#include "operator/sandbox/reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/sandbox/pod.h"
#include "operator/sandbox/reasons.h"
#include "tests/unit/operator/examples.h"
#include "tests/unit/operator/mishaps.h"
#include "tests/unit/operator/world.h"

namespace cloister::sandbox {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using test::arrange;
using test::aSandbox;
using test::ended;
using test::leaving;
using test::Mishap;
using test::podOf;
using test::ready;
using test::scheduled;
using test::unready;
using test::unschedulable;
using test::World;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const kube::ObjectKey defaultDeny{"team", std::string(policy::defaultDenyName)};

// team/hello, Ready, and the writes of its start forgotten.
std::unique_ptr<World> runningWorld(const api::Sandbox& sandbox = aSandbox()) {
  auto world = std::make_unique<World>();
  world->create(sandbox);
  world->settle();
  EXPECT_EQ(world->ready().status, "True");
  return world;
}

// --- Cold start

TEST(Reconciler, StartsColdWithOnePodAndOneStatus) {
  World world;
  world.server.put("networkpolicies",
                   policy::networkPolicy("team", policy::defaultDenyName, policy::defaultDenySpec()));
  world.create(aSandbox());
  world.settle();
  EXPECT_THAT(world.server.writes(), ElementsAre("POST pods", "PATCH sandboxes/status"));
  EXPECT_THAT(world.reports, IsEmpty());
  EXPECT_EQ(world.sandbox().status.phase, api::Phase::Running);
  EXPECT_EQ(world.sandbox().status.podName, world.pods().at(0).metadata.name);
}

TEST(Reconciler, CreatesTheDefaultDenyOfANamespaceOnce) {
  World world;
  world.create(aSandbox());
  world.settle();
  EXPECT_THAT(world.server.writes(),
              ElementsAre("POST networkpolicies", "POST pods", "PATCH sandboxes/status"));
}

TEST(Reconciler, IsIdleAfterwards) {
  auto world = runningWorld();
  const size_t calls = world->transport.requests().size();
  for (int i = 0; i < 10; ++i) {
    world->clock.advance(minutes(1));
    world->restart();
    const auto outcome = world->reconcile();
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->again, world->sandbox().status.expiresAt);
  }
  EXPECT_EQ(world->transport.requests().size(), calls) << "neither writes nor reads";
}

TEST(Reconciler, MeasuresTheStartItSaw) {
  World world;
  world.create(aSandbox());
  ASSERT_TRUE(world.reconcile());
  world.clock.advance(milliseconds(500));
  const api::Pod pod = world.pods().at(0);
  world.starts->ready(aSandbox().metadata.uid, world.clock.instant());
  world.putPod(ready(pod));
  world.sync();
  ASSERT_TRUE(world.reconcile());
  EXPECT_EQ(world.sandbox().status.startLatency,
            (api::StartLatency{.acceptedMs = 0, .scheduledMs = {}, .readyMs = 500}));
}

TEST(Reconciler, ReportsASlowStart) {
  World world;
  world.nodeWorks = false;
  world.create(aSandbox());
  world.settle();
  EXPECT_EQ(world.server.count("PATCH sandboxes/status"), 0);
  world.clock.advance(seconds(3));
  world.settle();
  EXPECT_EQ(world.ready().reason, reason::starting);
  world.nodeWorks = true;
  world.settle();
  EXPECT_EQ(world.ready().status, "True");
  EXPECT_EQ(world.server.count("PATCH sandboxes/status"), 2);
}

// --- The cold start with each of its calls failed in turn

api::Sandbox onlineSandbox() {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.network.egress.mode = api::EgressMode::Internet;
  return sandbox;
}

class EachMishap : public testing::TestWithParam<Mishap> {};

INSTANTIATE_TEST_SUITE_P(All, EachMishap, testing::ValuesIn(test::mishaps),
                         [](const auto& info) { return test::nameOf(info.param); });

// Nothing but the Sandbox's own pod, in the right fence, and told as it is.
void expectRunning(World& world) {
  ASSERT_THAT(world.pods(), SizeIs(1));
  const api::Pod pod = world.pods()[0];
  EXPECT_EQ(api::controllerOf(pod.metadata)->uid, world.sandbox().metadata.uid);
  EXPECT_EQ(world.server.count("POST pods"), 1);
  const std::string profile = policy::networkProfile(world.sandbox().spec.network, {}).name;
  EXPECT_EQ(pod.metadata.labels.at("cloister.dev/network"), profile);
  for (const std::string& name : {defaultDeny.name, policy::policyName(profile)}) {
    const json::value policy = world.server.get("networkpolicies", {"team", name});
    ASSERT_FALSE(policy.is_null()) << name;
    EXPECT_TRUE(policy::isIntact(name, policy.at("spec").as_object())) << name;
  }
  EXPECT_EQ(world.sandbox().status.phase, api::Phase::Running);
  EXPECT_EQ(world.sandbox().status.podName, pod.metadata.name);
  EXPECT_EQ(world.ready().status, "True");
  const size_t writes = world.server.writes().size();
  world.restart();
  world.settle();
  EXPECT_EQ(world.server.writes().size(), writes) << "and nothing more is to be done";
}

TEST_P(EachMishap, OfAColdStartIsGotOver) {
  constexpr size_t calls = 4;  // two policies, the pod, the status
  for (size_t call = 0; call < calls; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    World world;
    arrange(world, GetParam(), call);
    world.create(onlineSandbox());
    world.settle();
    expectRunning(world);
    // A time-out takes the start past what is quiet, and a quota is told.
    const bool told =
        GetParam() == Mishap::LostAnswer || GetParam() == Mishap::Silent || GetParam() == Mishap::Quota;
    EXPECT_LE(world.server.count("PATCH sandboxes/status"), told ? 2 : 1);
    EXPECT_EQ(world.server.count("POST networkpolicies"), 2);
  }
}

TEST_P(EachMishap, OfAColdStartIsGotOverOnAStoreThatLags) {
  for (size_t call = 0; call < 3; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    World world;
    arrange(world, GetParam(), call);
    world.create(onlineSandbox());
    for (int i = 0; i < 4; ++i) {  // nothing comes of the watches meanwhile
      try {
        (void)world.reconcile();
      } catch (const test::Crash&) {
        world.restart();
      }
    }
    EXPECT_THAT(world.pods(), SizeIs(1));
    world.settle();
    expectRunning(world);
  }
}

TEST_P(EachMishap, OfAnExpiryIsGotOver) {
  for (size_t call = 0; call < 2; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    auto world = runningWorld();
    world->clock.advance(hours(2));
    arrange(*world, GetParam(), call);
    world->settle();
    EXPECT_FALSE(world->findSandbox());
    EXPECT_THAT(world->pods(), IsEmpty());
    EXPECT_EQ(world->server.count("DELETE sandboxes"), 1);
    EXPECT_EQ(world->server.count("DELETE pods"), 1);
  }
}

TEST_P(EachMishap, OfAnotherProfileIsGotOver) {
  for (size_t call = 0; call < 3; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    auto world = runningWorld();
    world->edit([](api::Sandbox& sandbox) { sandbox.spec.network.egress.mode = api::EgressMode::Internet; });
    arrange(*world, GetParam(), call);
    world->settle();
    expectRunning(*world);
    EXPECT_EQ(world->server.count("PATCH pods"), 1);
  }
}

TEST_P(EachMishap, OfRemovingAStrayIsGotOver) {
  for (size_t call = 0; call < 2; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    World world;
    world.putPod(ready(podOf(aSandbox())));
    arrange(world, GetParam(), call);
    world.settle();
    EXPECT_THAT(world.pods(), IsEmpty());
    EXPECT_THAT(world.server.writes(), ElementsAre("DELETE pods"));
  }
}

// --- Names that are taken

TEST(Reconciler, AdoptsItsOwnPodWhenTheAnswerWasLost) {
  World world;
  world.create(aSandbox());
  world.transport.failCall(1, test::Fault::LostAnswer);
  EXPECT_FALSE(world.reconcile());
  EXPECT_TRUE(world.reconcile()) << "on a store that knows nothing of it yet";
  EXPECT_NE(world.stores->pods.get(api::keyOf(world.pods().at(0).metadata)), nullptr);
  EXPECT_EQ(world.server.count("POST pods"), 1);
  EXPECT_THAT(world.reports, IsEmpty());
}

TEST(Reconciler, LeavesAForeignPodOfItsNameAlone) {
  World world;
  api::Pod foreign = podOf(aSandbox());
  foreign.metadata.labels = {{"app", "theirs"}};
  foreign.metadata.ownerReferences.clear();
  world.putPod(foreign);
  const json::value before = world.server.get("pods", api::keyOf(foreign.metadata));
  world.create(aSandbox());
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(world.reconcile());
  EXPECT_EQ(world.server.get("pods", api::keyOf(foreign.metadata)), before);
  EXPECT_EQ(world.ready().reason, reason::podNameTaken);
  EXPECT_EQ(world.server.count("PATCH sandboxes/status"), 1);
  EXPECT_THAT(world.reports, SizeIs(1));
  world.server.erase("pods", api::keyOf(foreign.metadata));
  world.settle();
  EXPECT_EQ(world.ready().status, "True");
}

TEST(Reconciler, LeavesThePodOfAnotherSandboxAlone) {
  World world;
  api::Pod theirs = podOf(aSandbox());
  theirs.metadata.ownerReferences[0].uid = "another";
  theirs.metadata.labels["cloister.dev/sandbox"] = "another";
  world.putPod(theirs);
  world.create(aSandbox());
  EXPECT_FALSE(world.reconcile());
  EXPECT_EQ(world.ready().reason, reason::podNameTaken);
  EXPECT_EQ(world.pods().at(0).metadata.ownerReferences, theirs.metadata.ownerReferences);
}

TEST(Reconciler, StartsNothingBehindAForeignPolicy) {
  World world;
  json::value lax =
      policy::networkPolicy("team", policy::defaultDenyName, json::object{{"podSelector", json::object()}});
  lax.at("metadata").as_object().erase("labels");
  world.server.put("networkpolicies", lax);
  const json::value before = world.server.get("networkpolicies", defaultDeny);
  world.create(aSandbox());
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(world.reconcile());
  EXPECT_THAT(world.pods(), IsEmpty());
  EXPECT_EQ(world.ready().reason, reason::policyNameTaken);
  EXPECT_THAT(world.ready().message, HasSubstr("cloister-default-deny"));
  EXPECT_EQ(world.server.get("networkpolicies", defaultDeny), before);
  EXPECT_THAT(world.server.writes(), ElementsAre("PATCH sandboxes/status"));
  world.server.erase("networkpolicies", defaultDeny);
  world.settle();
  EXPECT_EQ(world.ready().status, "True");
}

TEST(Reconciler, AcceptsAPolicyThatSaysTheSame) {
  World world;
  world.create(aSandbox());
  world.server.put("networkpolicies",
                   policy::networkPolicy("team", policy::defaultDenyName, policy::defaultDenySpec()));
  EXPECT_TRUE(world.reconcile()) << "another Sandbox was faster, and the store does not know yet";
  EXPECT_THAT(world.server.writes(), ElementsAre("POST pods"));
}

TEST(Reconciler, NeverAdoptsThePodOfADeletedNamesake) {
  World world;
  api::Sandbox earlier = aSandbox();
  earlier.metadata.uid = "uid-of-the-deleted-one";
  world.putPod(ready(podOf(earlier)));
  world.create(aSandbox());
  world.settle();
  ASSERT_THAT(world.pods(), SizeIs(1));
  EXPECT_EQ(world.pods()[0].metadata.name, podName(aSandbox()));
  EXPECT_EQ(world.sandbox().status.podName, podName(aSandbox()));
}

// --- Stores that lag, and pods without their Sandbox

TEST(Reconciler, DoesNotDeleteAPodWhoseSandboxTheStoreDoesNotKnowYet) {
  World world;
  world.putPod(ready(podOf(aSandbox())));
  world.sync();
  world.server.put("sandboxes", json::encode(aSandbox()));
  EXPECT_TRUE(world.reconcile());
  EXPECT_THAT(world.pods(), SizeIs(1));
  EXPECT_THAT(world.server.writes(), IsEmpty());
}

TEST(Reconciler, DoesNotDeleteAPodOnAStoreThatStillHasTheNamesake) {
  World world;
  api::Sandbox earlier = aSandbox();
  earlier.metadata.uid = "uid-of-the-deleted-one";
  world.create(earlier);
  world.server.put("sandboxes", json::encode(aSandbox()));
  api::Pod pod = ready(podOf(aSandbox()));
  world.putPod(pod);
  world.stores->pods.put(world.pods().at(0));
  (void)world.reconcile();
  EXPECT_EQ(world.server.count("DELETE pods"), 0);
  EXPECT_FALSE(world.server.get("pods", api::keyOf(pod.metadata)).is_null());
}

TEST(Reconciler, DeletesAPodThatSomebodySetFree) {
  auto world = runningWorld();
  api::Pod freed = world->pods().at(0);
  freed.metadata.ownerReferences.clear();
  world->putPod(freed);
  world->settle();
  EXPECT_THAT(world->pods(), IsEmpty());
  EXPECT_EQ(world->ready().reason, reason::podLost);
}

TEST(Reconciler, DoesNotMournAPodThatTheStoreMerelyLacks) {
  auto world = runningWorld();
  const api::Pod pod = world->pods().at(0);
  const size_t writes = world->server.writes().size();
  world->stores->pods.erase(pod);
  EXPECT_TRUE(world->reconcile());
  EXPECT_EQ(world->server.writes().size(), writes);
  EXPECT_EQ(world->ready().status, "True");
}

TEST(Reconciler, DeletesAPodThatCameToLifeAfterTheEnd) {
  auto world = runningWorld();
  world->server.erase("pods", api::keyOf(world->pods().at(0).metadata));
  world->settle();
  EXPECT_EQ(world->ready().reason, reason::podLost);
  world->putPod(podOf(world->sandbox()));
  world->settle();
  EXPECT_THAT(world->pods(), IsEmpty());
  EXPECT_EQ(world->ready().reason, reason::podLost);
}

TEST(Reconciler, LeavesAPodThatEndedUnseenByTheStoreForItsLogs) {
  auto world = runningWorld();
  const api::Pod pod = ended(ready(world->pods().at(0)), 1, "Error");
  world->putPod(pod);
  world->settle();
  EXPECT_EQ(world->ready().reason, reason::crashed);
  world->stores->pods.put(ready(podOf(world->sandbox())));  // an older view
  EXPECT_FALSE(world->reconcile()) << "it is looked at again, once the watch has told more";
  EXPECT_THAT(world->pods(), SizeIs(1));
}

TEST(Reconciler, LearnsOfThePodThatHasTheNameByNow) {
  auto world = runningWorld();
  const api::Pod present = world->pods().at(0);
  api::Pod former = present;
  former.metadata.uid = "uid-of-the-former";
  former.metadata.resourceVersion = "1";
  world->restart();
  world->stores->sandboxes.put(world->sandbox());
  world->stores->pods.put(former);
  EXPECT_TRUE(world->reconcile());
  EXPECT_THAT(world->pods(), SizeIs(1));
  EXPECT_EQ(world->stores->pods.get(api::keyOf(former.metadata))->metadata.uid, present.metadata.uid);
}

TEST(Reconciler, TellsOfAPodThatIsGone) {
  auto world = runningWorld();
  world->server.erase("pods", api::keyOf(world->pods().at(0).metadata));
  world->settle();
  EXPECT_EQ(world->sandbox().status.phase, api::Phase::Failed);
  EXPECT_EQ(world->ready().reason, reason::podLost);
  EXPECT_THAT(world->pods(), IsEmpty());
  EXPECT_THAT(world->reports, SizeIs(1));
}

TEST(Reconciler, ConcludesNothingWhenTheApiServerDoesNotAnswer) {
  auto world = runningWorld();
  world->server.erase("pods", api::keyOf(world->pods().at(0).metadata));
  world->sync();
  world->transport.failAll(test::Fault::Refused);
  EXPECT_FALSE(world->reconcile());
  EXPECT_EQ(world->ready().status, "True");
}

// --- Status

TEST(Reconciler, DoesNotOverwriteANewerStatusWithAStaleOne) {
  auto world = runningWorld();
  world->edit([](api::Sandbox& sandbox) { sandbox.spec.lifecycle.ttl = hours(3); });
  api::Pod end = ended(world->pods().at(0), 1, "Error");
  end.metadata.resourceVersion = "9999";
  world->stores->pods.put(end);
  const auto outcome = world->reconcile();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Errc::Conflict);
  EXPECT_EQ(world->ready().status, "True");
}

TEST(Reconciler, WritesOnlyWhatChanged) {
  auto world = runningWorld();
  const std::string read = world->sandbox().metadata.resourceVersion;
  world->putPod(ended(world->pods().at(0), 3, "Error", "boom"));
  world->settle();
  const net::Request& last = world->transport.requests().back();
  const json::value body = *json::parse(last.body);
  EXPECT_EQ(body.at("metadata"), (json::value{{"resourceVersion", read}})) << last.body;
  std::vector<std::string> changed;
  for (const auto& [field, after] : body.at("status").as_object()) changed.emplace_back(field);
  EXPECT_THAT(changed, testing::UnorderedElementsAre("phase", "conditions", "exitCode"));
  EXPECT_EQ(world->sandbox().status.exitCode, 3);
}

TEST(Reconciler, RemovesWhatNoLongerHolds) {
  World world;
  world.nodeWorks = false;
  world.create(aSandbox());
  world.settle();
  world.putPod(scheduled(world.pods().at(0)));
  world.clock.advance(seconds(5));
  world.settle();
  EXPECT_EQ(world.sandbox().status.nodeName, "node-1");
  world.server.erase("pods", api::keyOf(world.pods().at(0).metadata));
  world.settle();
  EXPECT_THAT(world.pods(), SizeIs(1)) << "another one, since the first had not started";
  EXPECT_EQ(world.sandbox().status.nodeName, "");
}

// --- Questions

json::value eventOf(const api::Pod& pod, const std::string& name, const std::string& type,
                    const std::string& why, const std::string& message, const json::object& times) {
  json::value event = {{"metadata", {{"name", name}, {"namespace", "team"}}},
                       {"involvedObject", {{"uid", pod.metadata.uid}}},
                       {"type", type},
                       {"reason", why},
                       {"message", message}};
  for (const auto& [field, time] : times) event.as_object()[field] = time;
  return event;
}

TEST(Reconciler, ReadsTheNewestEventsOfASlowStart) {
  World world;
  world.nodeWorks = false;
  world.create(aSandbox());
  world.settle();
  const api::Pod pod = world.pods().at(0);
  world.putPod(scheduled(pod));
  // As the recorders write them: the scheduler in eventTime, the kubelet in lastTimestamp, repeated ones in
  // place.
  world.server.put("events", eventOf(pod, "hello.1", "Warning", "FailedScheduling", "0/1 nodes are available",
                                     {{"eventTime", "2026-01-01T00:00:00.100000Z"}}));
  world.server.put("events", eventOf(pod, "hello.2", "Warning", "FailedCreatePodSandBox",
                                     "no runtime for \"gvisor\" is configured",
                                     {{"lastTimestamp", "2026-01-01T00:00:04Z"}}));
  world.server.put("events", eventOf(pod, "hello.3", "Normal", "Scheduled", "Successfully assigned",
                                     {{"eventTime", "2026-01-01T00:00:03.900000Z"}}));
  world.clock.advance(seconds(4));
  world.sync();
  const auto outcome = world.reconcile();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(world.ready().reason, reason::runtimeMissingOnNode);
  EXPECT_EQ(outcome->again, world.clock.now() + seconds(10));
  const std::string uid = world.pods().at(0).metadata.uid;
  EXPECT_THAT(world.transport.requests().at(world.transport.requests().size() - 2).target,
              HasSubstr("fieldSelector=involvedObject.uid%3D" + uid));
}

TEST(Reconciler, AsksForTheNodeOfAPodThatIsNotReady) {
  auto world = runningWorld();
  const auto node = [&](const char* status) {
    world->server.put("nodes",
                      {{"metadata", {{"name", "node-1"}}},
                       {"status", {{"conditions", json::array{{{"type", "Ready"}, {"status", status}}}}}}});
  };
  node("Unknown");
  world->putPod(unready(world->pods().at(0)));
  world->sync();
  ASSERT_TRUE(world->reconcile());
  EXPECT_EQ(world->ready().reason, reason::nodeLost);
  EXPECT_EQ(world->sandbox().status.phase, api::Phase::Running);
  EXPECT_THAT(world->reports, SizeIs(1));
  node("True");
  world->putPod(ready(world->pods().at(0)));
  world->settle();
  EXPECT_EQ(world->ready().status, "True");
}

TEST(Reconciler, DoesWithoutNodesInNamespacedMode) {
  auto world = runningWorld();
  world->transport.on("GET", "/api/v1/nodes", [](const net::Request&) {
    return test::refusal(403, "Forbidden", "nodes \"node-1\" is forbidden");
  });
  world->putPod(unready(world->pods().at(0)));
  world->sync();
  ASSERT_TRUE(world->reconcile());
  EXPECT_EQ(world->ready().status, "False");
  EXPECT_EQ(world->ready().reason, reason::starting);
}

// --- Expiry

TEST(Reconciler, DeletesAnExpiredSandboxAndItsPod) {
  auto world = runningWorld();
  world->clock.advance(hours(1) - seconds(1));
  world->settle();
  EXPECT_TRUE(world->findSandbox());
  world->clock.advance(seconds(2));
  world->settle();
  EXPECT_FALSE(world->findSandbox());
  EXPECT_THAT(world->pods(), IsEmpty());
  EXPECT_THAT(world->reports, SizeIs(1));
}

TEST(Reconciler, EndsThePodOfAnExpiredSandboxThatSomebodysWebhookKeeps) {
  auto world = runningWorld();
  world->clock.advance(hours(2));
  world->server.admission = [](const net::Request& request) -> std::optional<net::Response> {
    if (request.method != "DELETE" || !request.target.contains("/sandboxes/")) return std::nullopt;
    return test::refusal(403, "Forbidden", "admission webhook \"keep\" denied the request");
  };
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(world->reconcile()) << "it is tried again";
    world->sync();
  }
  EXPECT_TRUE(world->findSandbox());
  EXPECT_THAT(world->pods(), IsEmpty());
  EXPECT_EQ(world->server.count("DELETE pods"), 1);
  EXPECT_THAT(world->reports.at(0).message, HasSubstr("webhook"));
}

TEST(Reconciler, LetsAnExtensionInTimeWin) {
  auto world = runningWorld();
  world->clock.advance(hours(2));
  world->edit([](api::Sandbox& sandbox) { sandbox.spec.lifecycle.ttl = hours(3); });
  EXPECT_FALSE(world->reconcile()) << "on a store that does not know of the extension";
  EXPECT_TRUE(world->findSandbox());
  EXPECT_THAT(world->pods(), SizeIs(1));
  EXPECT_THAT(world->reports, IsEmpty());
  world->settle();
  EXPECT_EQ(world->sandbox().status.expiresAt, *world->sandbox().status.startedAt + hours(3));
}

TEST(Reconciler, DoesNotDeleteTheSuccessorOfAnExpiredSandbox) {
  auto world = runningWorld();
  world->clock.advance(hours(2));
  world->server.erase("sandboxes", World::key);
  api::Sandbox successor = aSandbox();
  successor.metadata.uid = "uid-of-the-successor";
  successor.metadata.creationTimestamp = world->clock.now();
  world->server.put("sandboxes", json::encode(successor));
  EXPECT_FALSE(world->reconcile());
  EXPECT_TRUE(world->findSandbox());
  world->settle();
  EXPECT_EQ(world->sandbox().status.podName, podName(successor));
  EXPECT_THAT(world->pods(), SizeIs(1));
}

}  // namespace
}  // namespace cloister::sandbox
