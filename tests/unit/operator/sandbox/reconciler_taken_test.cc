// The Sandbox controller where its pods' names are taken, and where the stores lag behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/sandbox/pod.h"
#include "operator/sandbox/reasons.h"
#include "tests/unit/operator/sandbox/running.h"

namespace cloister::sandbox {
namespace {

using test::aSandbox;
using test::ended;
using test::podOf;
using test::ready;
using test::runningWorld;
using test::World;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const kube::ObjectKey defaultDeny{"team", std::string(policy::defaultDenyName)};

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

}  // namespace
}  // namespace cloister::sandbox
