// What has to be asked before a diagnosis, and how others' words get into it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/sandbox/diagnose.h"
#include "tests/unit/operator/examples.h"

namespace cloister::sandbox {
namespace {

using test::aSandbox;
using test::ended;
using test::podOf;
using test::ready;
using test::scheduled;
using test::unready;
using test::waiting;
using testing::EndsWith;

api::Pod aPod() {
  return podOf(aSandbox());
}

TEST(Diagnose, AsksForEventsOnlyWhileAContainerIsBeingMade) {
  EXPECT_FALSE(needsEvents(aPod())) << "not on a node yet";
  EXPECT_TRUE(needsEvents(scheduled(aPod())));
  EXPECT_TRUE(needsEvents(waiting(aPod(), "ContainerCreating", "")));
  EXPECT_FALSE(needsEvents(waiting(aPod(), "ImagePullBackOff", "x"))) << "the pod says it itself";
  EXPECT_FALSE(needsEvents(ready(aPod())));
  EXPECT_FALSE(needsEvents(ended(aPod(), 1, "Error")));
  api::Pod early = ready(aPod());
  early.status.phase = "Pending";
  EXPECT_FALSE(needsEvents(early)) << "another container of the pod is waited for";
  api::Pod silent = ready(aPod());
  silent.status.containerStatuses.clear();
  EXPECT_FALSE(needsEvents(silent));
}

TEST(Diagnose, AsksForTheNodeOnlyWhenARunningContainerIsNotReady) {
  EXPECT_TRUE(needsNodeState(unready(ready(aPod()))));
  EXPECT_FALSE(needsNodeState(ready(aPod())));
  EXPECT_FALSE(needsNodeState(scheduled(aPod())));
  EXPECT_FALSE(needsNodeState(ended(aPod(), 1, "Error")));
  const std::vector<void (*)(api::Pod&)> otherwise{
      [](api::Pod& pod) { pod.spec.nodeName = ""; },
      [](api::Pod& pod) { pod.status.phase = "Pending"; },
      [](api::Pod& pod) { pod.status.containerStatuses.clear(); },
      [](api::Pod& pod) { pod.status.containerStatuses[0].state.running.reset(); },
      [](api::Pod& pod) { pod.status.containerStatuses[0].ready = false; },
  };
  for (size_t i = 0; i < otherwise.size(); ++i) {
    api::Pod pod = unready(ready(aPod()));
    otherwise[i](pod);
    EXPECT_FALSE(needsNodeState(pod)) << i;
  }
}

TEST(Diagnose, KeepsTheEndOfWhatOthersSay) {
  EXPECT_EQ(excerpt("short \n\n"), "short");
  EXPECT_EQ(excerpt(" \n"), "");
  EXPECT_EQ(excerpt(std::string(600, 'x')), std::string(600, 'x'));
  EXPECT_EQ(excerpt(std::string(601, 'x')), "..." + std::string(600, 'x'));
  EXPECT_EQ(excerpt(std::string(5000, '\x80')), "...") << "no character begins there";
  EXPECT_THAT(excerpt(std::string(5000, 'x') + " not found"), EndsWith(" not found"));
  EXPECT_THAT(excerpt(std::string(5000, 'x')), testing::StartsWith("...x"));
}

}  // namespace
}  // namespace cloister::sandbox
