// Restarts against an API server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/sandbox/pod.h"
#include "operator/sandbox/reasons.h"
#include "tests/unit/operator/examples.h"
#include "tests/unit/operator/mishaps.h"

namespace cloister::sandbox {
namespace {

using std::chrono::minutes;
using test::aSandbox;
using test::ended;
using test::Mishap;
using test::World;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// team/hello, whose workspace outlives its pod, which has just crashed; all writes so far forgotten.
class Restarts : public testing::TestWithParam<Mishap> {
 protected:
  Restarts() {
    api::Sandbox sandbox = aSandbox();
    sandbox.spec.restartPolicy = api::RestartPolicy::OnFailure;
    sandbox.spec.lifecycle.ttl = std::chrono::hours(10);
    sandbox.spec.workspace.storageClass = "fast";
    world_.create(sandbox);
    world_.settle();
    begun_ = world_.sandbox().status;
    endPod();
    before_ = world_.server.writes().size();
  }

  // It ran since it was Ready.
  void endPod() {
    const api::Pod pod = world_.pods().at(0);
    api::Pod over = ended(pod, 1, "Error");
    over.status.containerStatuses.at(0).state.terminated->startedAt =
        findPodCondition(pod, "Ready")->lastTransitionTime;
    world_.putPod(over);
  }
  // Long enough for what was refused, too.
  void passBackoff() {
    for (int i = 0; i < 4; ++i) {
      world_.settle();
      world_.clock.advance(seconds(20));
    }
    world_.settle();
  }
  std::vector<std::string> newWrites() const {
    return {world_.server.writes().begin() + std::ptrdiff_t(before_), world_.server.writes().end()};
  }
  size_t newWrites(const std::string& which) const { return size_t(std::ranges::count(newWrites(), which)); }

  World world_;
  api::SandboxStatus begun_;
  size_t before_ = 0;
};

TEST_F(Restarts, AreTwoStatusesAndTwoPodsWrites) {
  world_.settle();
  EXPECT_THAT(newWrites(), ElementsAre("PATCH sandboxes/status"));
  EXPECT_EQ(world_.ready().reason, reason::restarting);
  EXPECT_THAT(world_.pods(), SizeIs(1)) << "for its logs";
  passBackoff();
  EXPECT_THAT(newWrites(),
              ElementsAre("PATCH sandboxes/status", "DELETE pods", "POST pods", "PATCH sandboxes/status"));
  EXPECT_THAT(world_.reports, SizeIs(1));
  const api::SandboxStatus status = world_.sandbox().status;
  EXPECT_EQ(status.phase, api::Phase::Running);
  EXPECT_EQ(status.startedAt, begun_.startedAt);
  EXPECT_EQ(status.expiresAt, begun_.expiresAt);
  EXPECT_EQ(status.startLatency, begun_.startLatency);
}

INSTANTIATE_TEST_SUITE_P(All, Restarts, testing::ValuesIn(test::mishaps),
                         [](const auto& info) { return test::nameOf(info.param); });

TEST_P(Restarts, GetOverEachFailure) {
  constexpr size_t calls = 8;  // of them: status, pod's end, Sandbox, former pod, volume twice, pod, status
  for (size_t call = 0; call < calls; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    test::arrange(world_, GetParam(), call);
    passBackoff();
    const api::SandboxStatus status = world_.sandbox().status;
    EXPECT_EQ(status.restarts, int64_t(call) + 1) << "one for each end";
    EXPECT_EQ(status.phase, api::Phase::Running);
    ASSERT_THAT(world_.pods(), SizeIs(1));
    EXPECT_EQ(world_.pods()[0].metadata.name, podName(world_.sandbox()));
    EXPECT_EQ(status.podUID, world_.pods()[0].metadata.uid);
    EXPECT_EQ(newWrites("POST pods"), call + 1);
    EXPECT_EQ(newWrites("POST persistentvolumeclaims"), 0);
    const size_t writes = newWrites().size();
    world_.restart();
    world_.settle();
    EXPECT_EQ(newWrites().size(), writes) << "and nothing more is to be done";
    world_.clock.advance(minutes(11));  // no short run
    endPod();
    world_.restart();
  }
}

TEST_F(Restarts, FindTheFormerPodThatTheStoreLacks) {
  world_.settle();
  const api::Pod former = world_.pods().at(0);
  world_.clock.advance(seconds(10));
  world_.stores->pods.replace("", {}, former.metadata.resourceVersion);
  ASSERT_TRUE(world_.reconcile());
  EXPECT_EQ(newWrites("DELETE pods"), 1);
  EXPECT_EQ(newWrites("POST pods"), 0);
}

TEST_F(Restarts, AreNotRepeatedOnAnOldView) {
  passBackoff();
  const size_t writes = newWrites().size();
  api::Sandbox old = world_.sandbox();  // as a list from the past might bring it
  old.status.phase = api::Phase::Pending;
  old.status.podUID.clear();
  old.metadata.resourceVersion = "1";
  world_.restart();
  world_.stores->sandboxes.replace("", {old}, "1");
  world_.stores->pods.replace("", {}, "1");
  ASSERT_TRUE(world_.reconcile());
  EXPECT_EQ(newWrites().size(), writes);
  EXPECT_EQ(world_.stores->sandboxes.get(World::key)->status, world_.sandbox().status) << "it was read";
}

TEST_F(Restarts, WaitWhereNodesAreNotKnown) {
  world_.config.watchNamespaces = {"team"};
  world_.settle();
  world_.putPod(test::leaving(test::scheduled(world_.pods().at(0), "away"), world_.clock.now()));
  world_.clock.advance(seconds(40));
  world_.settle();
  EXPECT_EQ(newWrites("POST pods"), 0);
  EXPECT_THAT(world_.ready().message, HasSubstr("--force"));
  world_.config.watchNamespaces.clear();
  world_.clock.advance(seconds(10));
  world_.settle();
  EXPECT_EQ(newWrites("POST pods"), 1) << "the node is not there";
}

}  // namespace
}  // namespace cloister::sandbox
