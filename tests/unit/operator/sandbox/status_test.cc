#include "operator/sandbox/status.h"

#include <gtest/gtest.h>

#include "tests/unit/operator/examples.h"

namespace cloister::sandbox {
namespace {

using test::aSandbox;
using test::epoch;

// A pod of SANDBOX whose container has ended, after a start at STARTED_AT.
api::Pod endedPod(const api::Sandbox& sandbox, std::optional<Time> startedAt) {
  api::Pod pod = test::podOf(sandbox);
  pod.metadata.creationTimestamp = epoch;
  api::ContainerStatus container;
  container.state.terminated.emplace().startedAt = startedAt;
  pod.status.containerStatuses = {container};
  return pod;
}

TEST(FirstReady, IsTheStartOfWhatEndedUnseen) {
  const api::Sandbox sandbox = aSandbox();
  const api::Pod pod = endedPod(sandbox, epoch + seconds(2));
  EXPECT_EQ(firstReady(sandbox, &pod), epoch + seconds(2));
}

TEST(FirstReady, IsNotWhatTheKubeletSaysOfAContainerThatNeverStarted) {
  const api::Sandbox sandbox = aSandbox();
  const api::Pod never = endedPod(sandbox, Time{});
  EXPECT_EQ(firstReady(sandbox, &never), std::nullopt);
  const api::Pod silent = endedPod(sandbox, std::nullopt);
  EXPECT_EQ(firstReady(sandbox, &silent), std::nullopt);
}

}  // namespace
}  // namespace cloister::sandbox
