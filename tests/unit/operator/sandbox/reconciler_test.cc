// The Sandbox controller against an API server: what it leaves behind, and how many writes that took.
#include "operator/sandbox/reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/sandbox/pod.h"
#include "operator/sandbox/reasons.h"
#include "tests/unit/operator/sandbox/running.h"

namespace cloister::sandbox {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using test::aSandbox;
using test::ended;
using test::ready;
using test::runningWorld;
using test::scheduled;
using test::unready;
using test::World;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

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

TEST(Reconciler, TellsOfAnExpiryWhoseAnswerWasLost) {
  auto world = runningWorld();
  world->clock.advance(hours(2));
  world->transport.failCall(world->transport.requests().size(), test::Fault::LostAnswer);
  EXPECT_TRUE(world->reconcile());
  EXPECT_FALSE(world->findSandbox());
  ASSERT_THAT(world->reports, SizeIs(1));
  EXPECT_EQ(world->reports[0].reason, reason::expired);
}

TEST(Reconciler, DoesNotTellOfAnExpiryThatWasNotAnsweredAndNotCarriedOut) {
  auto world = runningWorld();
  world->clock.advance(hours(2));
  world->transport.failCall(world->transport.requests().size(), test::Fault::Silent);
  EXPECT_FALSE(world->reconcile());
  EXPECT_TRUE(world->findSandbox());
  for (const Report& report : world->reports) EXPECT_TRUE(report.warning) << report.message;
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
