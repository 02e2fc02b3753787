#include "operator/sandbox/own.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/operator/examples.h"

namespace cloister::sandbox {
namespace {

using test::aSandbox;
using test::epoch;
using test::leaving;
using test::podOf;
using test::scheduled;
using test::seen;
using testing::ElementsAre;
using testing::IsEmpty;

// hello, whose status tells of the pod UID.
api::Sandbox in(std::optional<api::Phase> phase, const std::string& uid = "first") {
  api::Sandbox sandbox = aSandbox();
  sandbox.status.phase = phase;
  if (phase == api::Phase::Running) sandbox.status.startedAt = epoch;
  sandbox.status.podUID = uid;
  return sandbox;
}

// Of hello's restart NUMBER.
api::Pod podOfRestart(int64_t number, const std::string& uid = "a") {
  api::Sandbox sandbox = aSandbox();
  if (number > 0) sandbox.status.restarts = number;
  api::Pod pod = podOf(sandbox);
  pod.metadata.uid = uid;
  return pod;
}

// Of a Sandbox of hello's name that was there before it.
api::Pod ofANamesake(int64_t number = 0) {
  api::Pod pod = podOfRestart(number, "of a namesake");
  pod.metadata.ownerReferences.at(0).uid = "uid-of-the-namesake";
  return pod;
}

std::vector<std::string> uidsOf(const Pods& pods) {
  std::vector<std::string> uids;
  for (const auto& pod : pods) uids.push_back(pod->metadata.uid);
  return uids;
}

std::string ownOf(const Observed& observed) {
  const auto pod = ownPod(observed);
  return pod == nullptr ? "" : pod->metadata.uid;
}

TEST(Own, IsASecondPodOnceTheFirstHasRun) {
  for (const auto phase : {api::Phase::Running, api::Phase::Succeeded, api::Phase::Failed}) {
    const Observed observed = seen(in(phase), {podOfRestart(0, "second"), podOfRestart(0, "first")});
    EXPECT_EQ(ownOf(observed), "first");
    EXPECT_THAT(uidsOf(secondPods(observed)), ElementsAre("second"));
  }
  const Observed starting = seen(in(api::Phase::Pending), {podOfRestart(0, "second")});
  EXPECT_EQ(ownOf(starting), "second") << "another one was made before the first one ran";
  EXPECT_THAT(secondPods(starting), IsEmpty());
  const Observed untold = seen(in(api::Phase::Running, ""), {podOfRestart(0)});
  EXPECT_EQ(ownOf(untold), "a") << "no pod was told of: it is not replaced for that";
  EXPECT_THAT(secondPods(untold), IsEmpty());
}

TEST(Own, TellsRestartsApart) {
  api::Sandbox sandbox = in({});
  sandbox.status.restarts = 2;
  Observed observed =
      seen(sandbox, {podOfRestart(0, "0"), podOfRestart(1, "1"), podOfRestart(2, "2"), podOfRestart(3, "3")});
  EXPECT_EQ(ownOf(observed), "2");
  EXPECT_THAT(uidsOf(formerPods(observed)), ElementsAre("0", "1"));
  EXPECT_TRUE(isOutrun(observed));
  observed.newest = true;
  EXPECT_THAT(uidsOf(formerPods(observed)), ElementsAre("0", "1", "3")) << "nobody decided it";
  EXPECT_FALSE(isOutrun(observed));
  observed.newest = false;
  observed.pods.pop_back();
  EXPECT_FALSE(isOutrun(observed));
}

TEST(Own, HasNoSayInANamesakesPods) {
  Observed observed = seen(in(api::Phase::Running), {ofANamesake(), ofANamesake(3)});
  for (const bool newest : {false, true}) {
    observed.newest = newest;
    EXPECT_EQ(ownPod(observed), nullptr);
    EXPECT_THAT(secondPods(observed), IsEmpty());
    EXPECT_THAT(formerPods(observed), IsEmpty());
    EXPECT_FALSE(isOutrun(observed)) << "its restarts are not counted with ours";
    EXPECT_THAT(strays(observed), testing::SizeIs(2));
  }
}

TEST(Own, IsNothingWithoutASandbox) {
  Observed observed = seen(aSandbox(), {podOfRestart(0), leaving(podOfRestart(1, "leaving"))});
  observed.sandbox = nullptr;
  EXPECT_EQ(ownPod(observed), nullptr);
  EXPECT_THAT(secondPods(observed), IsEmpty());
  EXPECT_THAT(formerPods(observed), IsEmpty());
  EXPECT_FALSE(isOutrun(observed));
  EXPECT_THAT(uidsOf(strays(observed)), ElementsAre("a"));
}

TEST(Own, IsLostWhenItsTimeIsOverAndItsNodeIsAway) {
  Observed observed = seen(aSandbox());
  const api::Pod pod = scheduled(podOfRestart(0), "node-7");
  EXPECT_FALSE(isLost(observed, leaving(pod, epoch), epoch)) << "its node will tell";
  observed.nodesAway = {"node-7"};
  EXPECT_TRUE(isLost(observed, leaving(pod, epoch), epoch));
  EXPECT_FALSE(isLost(observed, leaving(pod, epoch), epoch - Duration(1))) << "its grace";
  EXPECT_FALSE(isLost(observed, pod, epoch)) << "nobody has told it to go";
}

}  // namespace
}  // namespace cloister::sandbox
