#include "operator/sandbox/start_tracker.h"

#include <gtest/gtest.h>

namespace cloister::sandbox {
namespace {

constexpr Instant begin{seconds(100)};

TEST(StartTracker, MeasuresEachStageFromTheFirstSight) {
  StartTracker starts;
  starts.seen("a", begin);
  starts.posted("a", begin + milliseconds(3));
  starts.scheduled("a", begin + milliseconds(20));
  EXPECT_FALSE(starts.latency("a")) << "not ready yet";
  starts.ready("a", begin + Duration(516'900));
  EXPECT_EQ(starts.latency("a"), (api::StartLatency{.acceptedMs = 3, .scheduledMs = 20, .readyMs = 516}));
}

TEST(StartTracker, TakesTheFirstOfEach) {
  StartTracker starts;
  starts.seen("a", begin);
  starts.seen("a", begin + seconds(1));
  starts.posted("a", begin + seconds(2));
  starts.posted("a", begin + seconds(3));
  EXPECT_TRUE(starts.ready("a", begin + seconds(4)));
  EXPECT_FALSE(starts.ready("a", begin + seconds(5)));
  EXPECT_EQ(starts.latency("a"), (api::StartLatency{.acceptedMs = 2000, .scheduledMs = {}, .readyMs = 4000}));
}

TEST(StartTracker, RecordsNothingOfAStartItDidNotSee) {
  StartTracker starts;
  starts.posted("a", begin);
  EXPECT_FALSE(starts.ready("a", begin));
  EXPECT_FALSE(starts.latency("a"));
  EXPECT_EQ(starts.size(), 0);
}

TEST(StartTracker, Forgets) {
  StartTracker starts;
  starts.seen("a", begin);
  starts.seen("b", begin);
  starts.forget("a");
  starts.forget("a");
  EXPECT_EQ(starts.size(), 1);
}

}  // namespace
}  // namespace cloister::sandbox
