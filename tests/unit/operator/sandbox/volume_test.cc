// Workspaces that outlive their pods.
#include "operator/sandbox/volume.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/pool/design.h"
#include "operator/sandbox/pod.h"
#include "operator/sandbox/reasons.h"
#include "tests/unit/operator/examples.h"
#include "tests/unit/operator/world.h"

namespace cloister::sandbox {
namespace {

using test::aSandbox;
using test::World;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Config config;
const kube::ObjectKey key{"team", volumeName(aSandbox())};

api::Sandbox lasting() {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.workspace.storageClass = "fast";
  sandbox.spec.workspace.size.text = "2Gi";
  return sandbox;
}

json::value podFor(const api::Sandbox& sandbox) {
  return sandbox::podFor(identityOf(sandbox), sandbox.spec, resolve(sandbox.spec, config), config.requests,
                         "");
}

std::string specOf(const json::value& pod, std::string_view path) {
  return json::findString(pod, "spec." + std::string(path));
}

TEST(Volume, IsOfTheClassAndSizeAskedForAndTheSandboxs) {
  const json::value claim = volumeFor(lasting(), resolve(lasting().spec, config));
  EXPECT_EQ(specOf(claim, "storageClassName"), "fast");
  EXPECT_EQ(specOf(claim, "accessModes.0"), "ReadWriteOnce");
  EXPECT_EQ(specOf(claim, "resources.requests.storage"), std::to_string(2LL << 30));
  EXPECT_EQ(json::findString(claim, "metadata.ownerReferences.0.uid"), "uid-of-hello");
  EXPECT_EQ(json::findString(claim, "metadata.labels.app.kubernetes.io/managed-by"), "");
  EXPECT_EQ(claim.at("metadata").at("labels").at(api::managedByLabel), json::value(api::managedBy));
  EXPECT_TRUE(isVolumeOf("uid-of-hello", claim));
  EXPECT_FALSE(isVolumeOf("another", claim));
  EXPECT_FALSE(isVolumeOf("", json::object()));
  EXPECT_FALSE(isVolumeOf("uid-of-hello", {{"metadata", {{"ownerReferences", "uid-of-hello"}}}}));
}

TEST(Volume, IsMountedAndLeftToItself) {
  const json::value pod = podFor(lasting());
  EXPECT_EQ(specOf(pod, "volumes.1.persistentVolumeClaim.claimName"), key.name);
  EXPECT_EQ(specOf(pod, "containers.0.volumeMounts.1.mountPath"), "/workspace");
  EXPECT_EQ(json::find(pod, "spec.securityContext.fsGroup")->as_int64(), 1000) << "writable";
  EXPECT_EQ(specOf(pod, "securityContext.fsGroupChangePolicy"), "OnRootMismatch") << "soon, however full";
  EXPECT_THAT(json::print(pod.at("metadata")), testing::Not(HasSubstr("mount.workspace")))
      << "gVisor must not put its own in its place";
  const json::value without = podFor(aSandbox());
  EXPECT_NE(shapeOf(pod), shapeOf(without));
  EXPECT_EQ(specOf(without, "volumes.0.name"), "workspace");
  EXPECT_EQ(json::find(without, "spec.securityContext.fsGroupChangePolicy"), nullptr);
  EXPECT_THAT(json::find(without, "spec.containers.0.volumeMounts")->get_array(), testing::SizeIs(2))
      << "each path once, or the API server refuses the pod";
  api::Sandbox root = lasting();
  root.spec.securityProfile = api::SecurityProfile::Baseline;
  EXPECT_EQ(json::find(podFor(root), "spec.securityContext.fsGroupChangePolicy"), nullptr)
      << "root writes everywhere";
}

TEST(Volume, StaysWhenThePodDoesNot) {
  api::Sandbox later = lasting();
  later.status.restarts = 3;
  EXPECT_EQ(specOf(podFor(later), "volumes.1.persistentVolumeClaim.claimName"), key.name);
  EXPECT_NE(podName(later), podName(lasting()));
}

TEST(Volume, IsNotForPodsOfAPool) {
  api::SandboxPool pool;
  pool.metadata.name = "pool";
  api::SandboxTemplate from;
  from.spec.sandbox = lasting().spec;
  const auto design = pool::designOf(pool, &from, config);
  ASSERT_FALSE(design);
  EXPECT_EQ(design.error().reason, reason::unsupported);
  EXPECT_THAT(design.error().message, HasSubstr("workspace.storageClass"));
}

TEST(Volume, IsThereBeforeThePod) {
  World world;
  world.create(lasting());
  world.settle();
  EXPECT_THAT(world.server.writes(), ElementsAre("POST networkpolicies", "POST persistentvolumeclaims",
                                                 "POST pods", "PATCH sandboxes/status"));
  EXPECT_EQ(world.sandbox().status.phase, api::Phase::Running);
}

TEST(Volume, IsRecognisedWhenTheAnswerWasLost) {
  World world;
  world.create(lasting());
  world.transport.failCall(1, test::Fault::LostAnswer);
  world.settle();
  EXPECT_EQ(world.server.count("POST persistentvolumeclaims"), 1);
  EXPECT_EQ(world.sandbox().status.phase, api::Phase::Running);
}

TEST(Volume, IsNeverAStrangers) {
  World world;
  json::value theirs = volumeFor(lasting(), resolve(lasting().spec, config));
  theirs.at("metadata").at("ownerReferences").as_array()[0].as_object()["uid"] = "another";
  world.server.put("persistentvolumeclaims", theirs);
  world.create(lasting());
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(world.reconcile());
  EXPECT_THAT(world.pods(), IsEmpty());
  EXPECT_EQ(world.ready().reason, reason::volumeNameTaken);
  EXPECT_THAT(world.ready().message, HasSubstr(key.name));
  world.server.erase("persistentvolumeclaims", key);
  world.settle();
  EXPECT_EQ(world.ready().status, "True");
}

TEST(Volume, IsNotMountedOnItsWayOut) {
  World world;
  json::value leaving = volumeFor(lasting(), resolve(lasting().spec, config));
  leaving.at("metadata").as_object()["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  world.server.put("persistentvolumeclaims", leaving);
  world.create(lasting());
  EXPECT_FALSE(world.reconcile());
  EXPECT_THAT(world.pods(), IsEmpty());
  world.server.erase("persistentvolumeclaims", key);
  world.settle();
  EXPECT_EQ(world.ready().status, "True");
}

}  // namespace
}  // namespace cloister::sandbox
