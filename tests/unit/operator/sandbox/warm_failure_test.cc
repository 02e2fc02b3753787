// Pods that are taken from a pool while requests fail, or by two at once.
#include <gmock/gmock.h>

#include "operator/owner.h"
#include "operator/parts.h"
#include "tests/unit/operator/sandbox/warm.h"

namespace cloister::sandbox {
namespace {

using test::Fault;
using test::Warm;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// Two operators that both believe they lead, or one that died between its two writes on a stale view.
TEST_F(Warm, ASecondPodTakenForOneSandboxGoes) {
  putIdle("a");
  putIdle("b");
  world_.create(wish());
  ASSERT_TRUE(world_.reconcile());
  EXPECT_EQ(world_.server.writes().size(), 1) << "one pod is taken";
  json::value stale = world_.server.get("pods", {"team", "b"});
  json::object& meta = stale.at("metadata").as_object();
  meta["labels"].as_object()[api::sandboxLabel] = "hello";
  meta["ownerReferences"] = json::array{json::encode(ownerReference(world_.sandbox().metadata, "Sandbox"))};
  world_.server.put("pods", stale);
  world_.settle();
  EXPECT_THAT(world_.pods(), SizeIs(1));
  EXPECT_EQ(world_.pods().at(0).metadata.name, world_.sandbox().status.podName);
}

TEST_F(Warm, APodThatSomebodyElseTookIsLeftToThem) {
  putIdle("a");
  world_.create(wish());
  putIdle("a");  // it has changed since
  EXPECT_FALSE(world_.reconcile()) << "tried again";
  EXPECT_THAT(world_.server.writes(), IsEmpty());
  world_.settle();
  EXPECT_EQ(world_.sandbox().status.podName, "a");
}

TEST_F(Warm, GetsOverEachFailure) {
  for (const auto fault : {Fault::Refused, Fault::LostAnswer, Fault::Silent}) {
    for (size_t step = 0; step < 2; ++step) {
      putIdle("a");
      world_.server.put("sandboxes", json::encode(wish()));
      world_.restart();
      world_.transport.failCall(world_.transport.requests().size() + step, fault);
      world_.settle();
      EXPECT_EQ(world_.sandbox().status.podName, "a");
      EXPECT_EQ(world_.sandbox().status.phase, api::Phase::Running);
      EXPECT_THAT(world_.pods(), SizeIs(1));
    }
  }
}

// Found by seed 100067190: a replica on an old view found the pool empty, after another had made the pod.
TEST_F(Warm, DoesNotFailForWantOfAPodThatItHas) {
  world_.nodeWorks = false;
  settled(wish());
  world_.clock.advance(seconds(5));
  world_.settle();
  ASSERT_NE(world_.sandbox().status.podUID, "");
  pool_.spec.whenEmpty = api::WhenEmpty::Fail;
  putPool();
  world_.restart();
  world_.sync();
  world_.stores->pods.replace("team", {}, "1000");
  ASSERT_TRUE(world_.reconcile());
  EXPECT_EQ(world_.sandbox().status.phase, api::Phase::Pending);
}

// One process gives a Sandbox one pod. Found by seed 110000809: the answer to the first request was lost, and
// another pod had become Ready meanwhile.
class Unanswered : public Warm {
 protected:
  // A Sandbox; its first request ends in FAULT. The pods OTHERS, on another node, are ready by then, which
  // the watch has not told yet.
  void begin(Fault fault, const std::vector<std::string>& others = {}) {
    world_.create(wish());
    world_.sync();
    for (const std::string& name : others) putIdle(name, "node-2");
    failNext(0, fault);
    EXPECT_FALSE(world_.reconcile());
    for (const std::string& name : others)
      world_.stores->pods.put(*json::decode<api::Pod>(world_.server.get("pods", {"team", name})));
  }
  // The request after SKIPPED others.
  void failNext(size_t skipped, Fault fault) {
    world_.transport.failCall(world_.transport.requests().size() + skipped, fault);
  }
  std::vector<std::string> taken() {
    std::vector<std::string> names;
    for (const api::Pod& pod : world_.pods()) {
      const api::OwnerReference* owner = api::controllerOf(pod.metadata);
      if (owner != nullptr && owner->kind == "Sandbox") names.push_back(pod.metadata.name);
    }
    return names;
  }
};

TEST_F(Unanswered, PodIsTheOnlyOneUntilItIsKnown) {
  for (const Fault fault : {Fault::LostAnswer, Fault::Silent}) {
    putIdle("first");
    begin(fault, {"better-1", "better-2"});
    (void)world_.reconcile();
    EXPECT_THAT(taken(), ElementsAre("first"));
    world_.settle();
    EXPECT_THAT(taken(), ElementsAre("first"));
    EXPECT_EQ(world_.sandbox().status.podName, "first");
    world_.server.erase("sandboxes", test::World::key);
    for (const char* name : {"first", "better-1", "better-2"}) world_.server.erase("pods", {"team", name});
    world_.settle();
  }
}

TEST_F(Unanswered, PodStaysTheOnlyOneWhileTheApiServerIsAway) {
  putIdle("first");
  begin(Fault::LostAnswer, {"better-1", "better-2"});
  // The patch is refused, since it was carried out before; what the pod is now is not told.
  failNext(1, Fault::Refused);
  EXPECT_FALSE(world_.reconcile());
  EXPECT_FALSE(world_.reconcile()) << "it is refused again, and learns why";
  EXPECT_TRUE(world_.reconcile());
  EXPECT_THAT(taken(), ElementsAre("first"));
}

TEST_F(Unanswered, ColdStartIsNotJoinedByAWarmOne) {
  keepRevision();
  begin(Fault::LostAnswer, {"ready-x-0"});
  EXPECT_TRUE(world_.reconcile());
  EXPECT_THAT(taken(), ElementsAre(podName(world_.sandbox())));
}

TEST_F(Unanswered, PodThatIsGoneIsNotWaitedFor) {
  putIdle("first");
  begin(Fault::Silent, {"other"});
  world_.server.erase("pods", {"team", "first"});
  world_.settle();
  EXPECT_THAT(taken(), ElementsAre("other"));
}

TEST_F(Unanswered, PodIsNotWaitedForLongerThanARequestMayTake) {
  putIdle("first");
  begin(Fault::Silent, {"better-1", "better-2"});
  world_.clock.advance(lateWrites);
  EXPECT_TRUE(world_.reconcile());
  EXPECT_THAT(taken(), ElementsAre("better-1"));
}

TEST_F(Unanswered, PodThatDoesNotFitAnyMoreIsLookedAtAgainInTime) {
  pool_.spec.whenEmpty = api::WhenEmpty::Wait;
  putPool();
  putIdle("first");
  begin(Fault::Silent);
  world_.server.erase("controllerrevisions", {"team", templates::revisionName(template_)});
  world_.sync();
  const auto outcome = world_.reconcile();
  ASSERT_TRUE(outcome && outcome->again);
  EXPECT_LE(*outcome->again, world_.clock.now() + lateWrites);
}

}  // namespace
}  // namespace cloister::sandbox
