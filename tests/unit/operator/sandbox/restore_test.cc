#include "operator/sandbox/restore.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/sandbox/reasons.h"
#include "tests/unit/operator/examples.h"
#include "tests/unit/operator/world.h"

namespace cloister::sandbox {
namespace {

using test::aSandbox;
using test::World;
using testing::HasSubstr;

Config withSnapshots() {
  Config config;
  config.snapshots.enabled = true;
  return config;
}

api::Sandbox restored() {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.restoreFrom = api::LocalReference{"saved"};
  return sandbox;
}

json::value aSnapshot(const char* phase) {
  json::object status;
  if (*phase != '\0') status = {{"phase", phase}, {"nodeName", "node-7"}};
  return {{"metadata", {{"name", "saved"}, {"namespace", "team"}, {"uid", "s"}}},
          {"spec", {{"sandboxRef", {{"name", "first"}}}}},
          {"status", std::move(status)}};
}

class Restore : public testing::Test {
 protected:
  explicit Restore(Config config = withSnapshots()) : world_(std::move(config)) {}

  std::string accepted() {
    const auto sandbox = world_.sandbox();
    const api::Condition* found = api::findCondition(sandbox.status.conditions, condition::accepted);
    return found == nullptr ? "" : found->status + "/" + found->reason;
  }

  World world_;
};

TEST_F(Restore, MakesAPodThatAsksOnTheNodeOfTheSnapshot) {
  world_.server.put("sandboxsnapshots", aSnapshot("Ready"));
  world_.create(restored());
  world_.settle();
  ASSERT_EQ(world_.pods().size(), 1U);
  const json::value pod = world_.server.get("pods", api::keyOf(world_.pods().at(0).metadata));
  EXPECT_EQ(api::annotationOf(world_.pods().at(0).metadata, api::restoreAnnotation), "saved");
  const json::value* terms = json::find(
      pod, "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms");
  ASSERT_NE(terms, nullptr);
  EXPECT_EQ(
      *terms,
      (json::array{{{"matchFields",
                     json::array{{{"key", "metadata.name"}, {"operator", "In"}, {"values", {"node-7"}}}}}}}));
  EXPECT_EQ(accepted(), "True/Accepted");
}

// What a name stands for changes; the files below what was saved must not.
TEST_F(Restore, GivesThePodTheVeryImageThatWasSaved) {
  for (const std::string id : {"registry.example.com/app@sha256:1", "sha256:2"}) {
    World world(withSnapshots());
    json::value snapshot = aSnapshot("Ready");
    snapshot.at("status").as_object()["image"] = "app:1";
    snapshot.at("status").as_object()["imageID"] = id;
    world.server.put("sandboxsnapshots", snapshot);
    api::Sandbox sandbox = restored();
    sandbox.spec.image = "app:1";
    sandbox.spec.imagePullPolicy = "Always";
    world.create(sandbox);
    world.settle();
    ASSERT_EQ(world.pods().size(), 1U);
    const api::ObjectMeta meta = world.pods().at(0).metadata;
    const json::value pod = world.server.get("pods", api::keyOf(meta));
    EXPECT_EQ(json::findString(pod, "spec.containers.0.image"), id);
    EXPECT_EQ(api::annotationOf(meta, api::imageAnnotation), "app:1");
    EXPECT_EQ(json::findString(pod, "spec.containers.0.imagePullPolicy"),
              id.starts_with("sha256:") ? "Never" : "Always")
        << "no registry has an image by what only its node calls it";
  }
}

// The default may be another one since it was saved.
TEST_F(Restore, KeepsTheSavedImageWhereTheSandboxNamesNone) {
  json::value snapshot = aSnapshot("Ready");
  snapshot.at("status").as_object()["image"] = "registry.example.com:5000/default:1";
  snapshot.at("status").as_object()["imageID"] = "registry.example.com:5000/default@sha256:1";
  world_.server.put("sandboxsnapshots", snapshot);
  world_.create(restored());
  world_.settle();
  ASSERT_EQ(world_.pods().size(), 1U);
  const api::ObjectMeta meta = world_.pods().at(0).metadata;
  EXPECT_EQ(json::findString(world_.server.get("pods", api::keyOf(meta)), "spec.containers.0.image"),
            "registry.example.com:5000/default@sha256:1");
  EXPECT_EQ(api::annotationOf(meta, api::imageAnnotation), "registry.example.com:5000/default:1");
}

TEST_F(Restore, LeavesTheImageAloneWhereItWasNotRecorded) {
  world_.server.put("sandboxsnapshots", aSnapshot("Ready"));
  world_.create(restored());
  world_.settle();
  ASSERT_EQ(world_.pods().size(), 1U);
  const api::ObjectMeta meta = world_.pods().at(0).metadata;
  EXPECT_EQ(json::findString(world_.server.get("pods", api::keyOf(meta)), "spec.containers.0.image"),
            world_.config.defaults.image);
}

TEST_F(Restore, PrefersTheNodeOfOneThatIsStored) {
  json::value snapshot = aSnapshot("Ready");
  json::object& status = snapshot.at("status").as_object();
  status["store"] = {{"location", "x/"}};
  status["conditions"] = json::array{{{"type", "Stored"}, {"status", "True"}, {"reason", "InStore"}}};
  world_.server.put("sandboxsnapshots", snapshot);
  world_.create(restored());
  world_.settle();
  ASSERT_EQ(world_.pods().size(), 1U);
  const json::value pod = world_.server.get("pods", api::keyOf(world_.pods().at(0).metadata));
  const json::value& affinity = *json::find(pod, "spec.affinity.nodeAffinity");
  EXPECT_EQ(
      *json::find(affinity, "requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"),
      (json::array{
          {{"matchExpressions",
            json::array{{{"key", "cloister.dev/snapshots"}, {"operator", "In"}, {"values", {"true"}}}}}}}));
  EXPECT_EQ(
      *json::find(affinity, "preferredDuringSchedulingIgnoredDuringExecution"),
      (json::array{
          {{"weight", 100},
           {"preference",
            {{"matchFields",
              json::array{{{"key", "metadata.name"}, {"operator", "In"}, {"values", {"node-7"}}}}}}}}}));
}

TEST_F(Restore, WaitsForOneThatIsNotThere) {
  world_.create(restored());
  world_.settle();
  EXPECT_TRUE(world_.pods().empty());
  EXPECT_EQ(accepted(), "False/SnapshotNotFound");
  world_.server.put("sandboxsnapshots", aSnapshot("Ready"));
  world_.settle();
  EXPECT_EQ(world_.pods().size(), 1U);
  EXPECT_EQ(accepted(), "True/Accepted");
}

TEST_F(Restore, WaitsForAnotherThanOneThatGoes) {
  json::value leaving = aSnapshot("Ready");
  json::object& meta = leaving.at("metadata").as_object();
  meta["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  meta["finalizers"] = json::array{"example.com/kept"};
  world_.server.put("sandboxsnapshots", leaving);
  world_.create(restored());
  world_.settle();
  EXPECT_TRUE(world_.pods().empty());
  EXPECT_EQ(accepted(), "False/SnapshotNotFound");
}

TEST_F(Restore, WaitsForOneThatIsNotReady) {
  for (const char* phase : {"", "Pending", "Running", "Failed"}) {
    world_.server.put("sandboxsnapshots", aSnapshot(phase));
    if (!world_.findSandbox()) world_.create(restored());
    world_.settle();
    EXPECT_TRUE(world_.pods().empty()) << phase;
    EXPECT_EQ(accepted(), "False/SnapshotNotReady") << phase;
  }
  EXPECT_THAT(world_.ready().message, HasSubstr("has failed"));
}

TEST_F(Restore, AsksNothingMoreOfASandboxThatRuns) {
  world_.server.put("sandboxsnapshots", aSnapshot("Ready"));
  world_.create(restored());
  world_.settle();
  world_.server.erase("sandboxsnapshots", {"team", "saved"});
  const size_t calls = world_.transport.requests().size();
  world_.sync();
  ASSERT_TRUE(world_.reconcile());
  EXPECT_EQ(world_.transport.requests().size(), calls);
  EXPECT_EQ(world_.ready().reason, reason::running);
}

TEST_F(Restore, IsRefusedWithAPoolThatDoesNotHold) {
  api::SandboxSpec spec = restored().spec;
  spec.poolRef = api::LocalReference{"warm"};
  const api::SandboxSnapshot ready;
  api::SandboxPool pool;
  EXPECT_EQ(refuseRestore(spec, &ready, &pool)->reason, reason::unsupported);
  EXPECT_EQ(refuseRestore(spec, &ready, nullptr)->reason, reason::snapshotNotReady)
      << "a restart takes none, whatever became of the pool";
  pool.spec.hold = true;
  EXPECT_EQ(refuseRestore(spec, &ready, &pool)->reason, reason::snapshotNotReady)
      << "its pods have not begun";
  api::SandboxSnapshot files;
  files.spec.mode = api::SnapshotMode::Filesystem;
  EXPECT_EQ(refuseRestore(spec, &files, &pool)->reason, reason::unsupported) << "but they are created";
  EXPECT_EQ(refuseRestore(spec, &files, nullptr)->reason, reason::snapshotNotReady);
}

class WithoutSnapshots : public Restore {
 protected:
  WithoutSnapshots() : Restore(Config{}) {}
};

TEST_F(WithoutSnapshots, RefusesAndAsksNothing) {
  world_.server.put("sandboxsnapshots", aSnapshot("Ready"));
  world_.create(restored());
  world_.settle();
  EXPECT_TRUE(world_.pods().empty());
  EXPECT_EQ(accepted(), "False/Unsupported");
  EXPECT_THAT(world_.ready().message, HasSubstr("snapshots.enabled"));
  EXPECT_EQ(world_.transport.count("GET", "/apis/cloister.dev/v1alpha1/namespaces/team/sandboxsnapshots"),
            0U);
}

// A tenant's annotation does not get into his pod.
TEST_F(Restore, TheAnnotationIsTheOperatorsAlone) {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.podMetadata.annotations[std::string(api::restoreAnnotation)] = "saved";
  world_.create(sandbox);
  world_.settle();
  EXPECT_EQ(api::annotationOf(world_.pods().at(0).metadata, api::restoreAnnotation), "");
}

}  // namespace
}  // namespace cloister::sandbox
