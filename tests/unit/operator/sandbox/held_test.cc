// Pods of a pool with hold: which Sandbox takes one, and when it has begun.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/pool/view.h"
#include "operator/sandbox/diagnose.h"
#include "operator/sandbox/own.h"
#include "operator/sandbox/restore.h"
#include "operator/sandbox/warm.h"
#include "tests/unit/operator/sandbox/warm.h"

namespace cloister::sandbox {
namespace {

using std::chrono::minutes;
using test::epoch;
using testing::HasSubstr;

class Held : public test::Warm {
 protected:
  Held() {
    world_.config.snapshots.enabled = true;
    pool_.spec.hold = true;
    putPool();
    world_.nodeWorks = false;
  }

  // A pod of the pool that waits on NODE, with IMAGE.
  void putHeld(const std::string& name, const std::string& node = "node-1",
               const std::string& image = "python@sha256:1") {
    putIdle(name, node);
    edit(name, [&](api::Pod& pod) { pod.status.containerStatuses.at(0).imageID = image; });
    setHeld(name, "True");
  }
  void setHeld(const std::string& name, const std::string& status) {
    edit(name, [&](api::Pod& pod) {
      std::erase_if(pod.status.conditions, [](const auto& one) { return one.type == api::heldCondition; });
      pod.status.conditions.push_back({.type = std::string(api::heldCondition),
                                       .status = status,
                                       .reason = {},
                                       .message = {},
                                       .lastTransitionTime = world_.clock.now()});
    });
  }
  void edit(const std::string& name, const std::function<void(api::Pod&)>& change) {
    auto pod = *json::decode<api::Pod>(world_.server.get("pods", {"team", name}));
    change(pod);
    world_.putPod(pod);
  }
  void putSnapshot(const std::string& node = "node-1", const std::string& image = "python@sha256:1",
                   const std::string& name = "python:3") {
    world_.server.put(
        "sandboxsnapshots",
        {{"metadata", {{"name", "saved"}, {"namespace", "team"}, {"uid", "s"}}},
         {"spec", {{"sandboxRef", {{"name", "first"}}}}},
         {"status", {{"phase", "Ready"}, {"nodeName", node}, {"image", name}, {"imageID", image}}}});
  }
  api::Sandbox fork() const {
    api::Sandbox sandbox = wish();
    sandbox.spec.restoreFrom = api::LocalReference{"saved"};
    return sandbox;
  }
};

TEST_F(Held, IsMadeForNodesThatCanHoldIt) {
  const auto design = *pool::designOf(pool_, &template_, world_.config);
  EXPECT_EQ(json::find(design.pod, "metadata.annotations")->as_object().at(api::holdAnnotation), "true");
  EXPECT_EQ(json::find(design.pod, "spec.nodeSelector")->as_object().at("cloister.dev/snapshots"), "true");
  EXPECT_EQ(design.shape, plainShape(template_, world_.config)) << "what takes it is not held";
}

TEST_F(Held, IsRefusedWhereNobodyCanHoldIt) {
  Config without;
  EXPECT_THAT(pool::designOf(pool_, &template_, without).error().message, HasSubstr("spec.hold"));
  template_.spec.sandbox.runtime = api::Runtime::kata;
  EXPECT_FALSE(pool::designOf(pool_, &template_, world_.config));
}

TEST_F(Held, IsReadyInThePoolWhileItWaits) {
  putHeld("ready-0");
  const auto pod = [&] { return *json::decode<api::Pod>(world_.server.get("pods", {"team", "ready-0"})); };
  EXPECT_TRUE(isPodReady(pod()));
  EXPECT_TRUE(pool::isIdle(pod()));
  setHeld("ready-0", "False");
  EXPECT_FALSE(isPodReady(pod())) << "it runs, and nobody has taken it";
  edit("ready-0", [](api::Pod& one) {
    std::erase_if(one.status.conditions, [](const auto& said) { return said.type == api::heldCondition; });
  });
  EXPECT_FALSE(isPodReady(pod())) << "its node has not said so";
}

TEST_F(Held, IsNamedFirstAndRunsOnceItHasBegun) {
  putHeld("ready-0");
  world_.clock.advance(minutes(1));
  api::Sandbox mine = wish();
  mine.metadata.creationTimestamp = world_.clock.now();
  const api::Sandbox taken = settled(mine);
  EXPECT_EQ(taken.status.podUID, "uid-of-ready-0") << "its node waits for that";
  EXPECT_EQ(taken.status.phase, api::Phase::Pending);
  EXPECT_FALSE(taken.status.startedAt);
  world_.clock.advance(seconds(1));
  setHeld("ready-0", "False");
  world_.settle();
  const api::Sandbox runs = world_.sandbox();
  EXPECT_EQ(runs.status.phase, api::Phase::Running);
  EXPECT_EQ(runs.status.startedAt, world_.clock.now()) << "not since its pod was made";
}

TEST_F(Held, GoesOnFromASnapshotOfItsNodeAndImage) {
  putSnapshot();
  putHeld("ready-0", "node-2");
  putHeld("ready-1", "node-2");
  putHeld("ready-2");
  EXPECT_EQ(settled(fork()).status.podName, "ready-2") << "though the other node has more";
}

TEST_F(Held, IsFoundBehindOneOfAnotherImage) {
  putSnapshot();
  putHeld("ready-0", "node-1", "python@sha256:0");
  putHeld("ready-1");
  EXPECT_EQ(settled(fork()).status.podName, "ready-1");
}

TEST_F(Held, IsNotTakenForAnotherImage) {
  putSnapshot("node-1", "python@sha256:2");
  putHeld("ready-0");
  settled(fork());
  ASSERT_EQ(world_.pods().size(), 2U);
  const bool first = world_.pods().at(0).metadata.name != "ready-0";
  const api::Pod own = world_.pods().at(first ? 0 : 1);
  EXPECT_THAT(api::annotationOf(own.metadata, api::coldStartAnnotation),
              HasSubstr("on the node of the SandboxSnapshot \"saved\""));
  EXPECT_EQ(api::annotationOf(own.metadata, api::restoreAnnotation), "saved");
}

TEST_F(Held, IsNotTakenForTheSameImageUnderAnotherName) {
  putSnapshot("node-1", "python@sha256:1", "python:latest");
  putHeld("ready-0");
  EXPECT_NE(settled(fork()).status.podName, "ready-0") << "its node would refuse it";
}

TEST_F(Held, IsNotTakenForAnotherSpec) {
  putSnapshot();
  putHeld("ready-0");
  pool_.spec.whenEmpty = api::WhenEmpty::Wait;
  putPool();
  api::Sandbox other = fork();
  other.spec.env = {{"COLOUR", "blue"}};
  EXPECT_NE(settled(other).status.podName, "ready-0");
  ASSERT_EQ(world_.pods().size(), 2U) << "the pool will never have one: nothing is waited for";
  const bool first = world_.pods().at(0).metadata.name != "ready-0";
  EXPECT_THAT(api::annotationOf(world_.pods().at(first ? 0 : 1).metadata, api::coldStartAnnotation),
              HasSubstr("PoolMismatch"));
}

TEST_F(Held, IsWaitedForOnTheNodeOfTheSnapshot) {
  putSnapshot();
  putHeld("ready-0", "node-2");
  pool_.spec.whenEmpty = api::WhenEmpty::Wait;
  putPool();
  const api::Sandbox waits = settled(fork());
  EXPECT_THAT(waits.status.conditions,
              testing::Contains(testing::Field(&api::Condition::message,
                                               HasSubstr("on the node of the SandboxSnapshot \"saved\""))));
  putHeld("ready-1");
  world_.settle();
  EXPECT_EQ(world_.sandbox().status.podName, "ready-1");
}

TEST_F(Held, IsLeftAloneByWhatAnotherRunscHasSaved) {
  putSnapshot();
  json::value saved = world_.server.get("sandboxsnapshots", {"team", "saved"});
  saved.at("status").as_object()["runtimeVersion"] = "v1";
  world_.server.put("sandboxsnapshots", saved);
  putHeld("ready-0");
  const auto createdWith = [&](const std::string& version) {
    edit("ready-0", [&](api::Pod& pod) {
      for (api::PodCondition& said : pod.status.conditions) {
        if (said.type == api::heldCondition) said.message = version;
      }
    });
  };
  createdWith("v2");
  pool_.spec.whenEmpty = api::WhenEmpty::Wait;
  putPool();
  const api::Sandbox waits = settled(fork());
  EXPECT_EQ(waits.status.podName, "");
  EXPECT_THAT(waits.status.conditions, testing::Contains(testing::Field(&api::Condition::message,
                                                                        HasSubstr("saved image and runsc"))));
  createdWith("v1");
  world_.settle();
  EXPECT_EQ(world_.sandbox().status.podName, "ready-0");
}

TEST_F(Held, IsOutdatedWhereThePoolHoldsNoMore) {
  putHeld("ready-0");
  const auto updated = [&] {
    pool::Observed seen{.pool = std::make_shared<const api::SandboxPool>(pool_)};
    seen.design = pool::designOf(pool_, &template_, world_.config);
    seen.idle = {std::make_shared<const api::Pod>(
        *json::decode<api::Pod>(world_.server.get("pods", {"team", "ready-0"})))};
    return pool::view(seen, epoch).updated;
  };
  EXPECT_EQ(updated(), 1);
  pool_.spec.hold.reset();
  EXPECT_EQ(updated(), 0);
}

// Of two replicas each has taken one, and only one of the two is named.
TEST_F(Held, IsSecondOnceTheOtherIsNamed) {
  putHeld("ready-0");
  putHeld("ready-1");
  api::Sandbox sandbox = wish();
  const auto take = [&](const std::string& name) {
    auto pod = *json::decode<api::Pod>(world_.server.get("pods", {"team", name}));
    pod.metadata.ownerReferences = {{.apiVersion = std::string(api::apiVersion),
                                     .kind = "Sandbox",
                                     .name = "hello",
                                     .uid = sandbox.metadata.uid,
                                     .controller = true,
                                     .blockOwnerDeletion = {}}};
    return std::make_shared<const api::Pod>(std::move(pod));
  };
  Observed observed = test::seen(sandbox);
  observed.pods = {take("ready-0"), take("ready-1")};
  EXPECT_TRUE(secondPods(observed).empty());
  sandbox.status.podUID = "uid-of-ready-1";
  observed.sandbox = std::make_shared<const api::Sandbox>(sandbox);
  ASSERT_NE(ownPod(observed), nullptr);
  EXPECT_EQ(ownPod(observed)->metadata.name, "ready-1");
  EXPECT_EQ(secondPods(observed).size(), 1U) << "it goes, before anything gets into it";
  const auto deletes = [&] {
    return std::ranges::count_if(plan(observed, world_.config, epoch).actions, [](const Action& action) {
      return std::holds_alternative<DeletePod>(action);
    });
  };
  EXPECT_TRUE(questions(observed, epoch).newest) << "it may be the named one by now";
  EXPECT_EQ(deletes(), 0);
  observed.newest = true;
  EXPECT_EQ(deletes(), 1);
  observed.pods.pop_back();
  EXPECT_EQ(ownPod(observed)->metadata.name, "ready-0") << "the one that was named is gone";
  EXPECT_TRUE(questions(observed, epoch).pod) << "as far as this view knows";
}

// Found by seed 910003943: an operator that saw no pod of the pool, and made one, named it over the held one.
TEST_F(Held, IsAskedForBeforeAnotherPodIsNamed) {
  api::Sandbox sandbox = wish();
  Observed observed = test::seen(sandbox);
  api::Pod cold = test::ready(test::podOf(sandbox));
  observed.pods = {std::make_shared<const api::Pod>(cold)};
  EXPECT_FALSE(questions(observed, epoch).pod);
  sandbox.status.podUID = "uid-of-ready-0";
  observed.sandbox = std::make_shared<const api::Sandbox>(sandbox);
  EXPECT_TRUE(questions(observed, epoch).pod);
  sandbox.status.podUID = cold.metadata.uid;
  observed.sandbox = std::make_shared<const api::Sandbox>(sandbox);
  EXPECT_FALSE(questions(observed, epoch).pod);
}

}  // namespace
}  // namespace cloister::sandbox
