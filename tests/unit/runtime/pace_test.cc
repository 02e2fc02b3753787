#include "runtime/pace.h"

#include <gtest/gtest.h>

namespace cloister::runtime {
namespace {

const kube::ObjectKey a{"ns", "a"};
const kube::ObjectKey b{"ns", "b"};
constexpr Pace::Options exact{.burst = 3, .interval = milliseconds(200), .jitter = 0};

Instant at(Duration sinceStart) {
  return Instant(sinceStart);
}

class PaceTest : public testing::Test {
 protected:
  void spend(Instant now) {
    for (int i = 0; i < exact.burst; ++i) ASSERT_EQ(pace.take(a, now), Duration{});
  }

  Pace pace{exact, 1};
};

TEST_F(PaceTest, AfterABurstItIsOncePerInterval) {
  spend(at(seconds(1)));
  EXPECT_EQ(pace.take(a, at(seconds(1))), milliseconds(200));
  EXPECT_EQ(pace.take(a, at(milliseconds(1199))), milliseconds(1));
  EXPECT_EQ(pace.take(a, at(milliseconds(1200))), Duration{});
  EXPECT_EQ(pace.take(a, at(milliseconds(1200))), milliseconds(200));
}

TEST_F(PaceTest, WhoIsLeftAloneForLongEnoughMayHaveABurstAgain) {
  spend(at(seconds(1)));
  spend(at(milliseconds(1600)));
  EXPECT_EQ(pace.take(a, at(milliseconds(1600))), milliseconds(200));
}

TEST_F(PaceTest, OneKeysPaceIsNotAnothers) {
  spend(at(seconds(1)));
  EXPECT_EQ(pace.take(b, at(seconds(1))), Duration{});
}

TEST_F(PaceTest, ItIsKeptHoweverManyOthersCome) {
  spend(at(seconds(1)));
  for (int i = 0; i < 1000; ++i) pace.take({"ns", std::to_string(i)}, at(seconds(1)));
  EXPECT_EQ(pace.take(a, at(seconds(1))), milliseconds(200));
}

TEST_F(PaceTest, WhoHasNotComeForLongIsForgotten) {
  for (int i = 0; i < 1000; ++i) pace.take({"ns", std::to_string(i)}, at(seconds(i)));
  EXPECT_LT(pace.size(), 65U);
}

// Or two processes that undo each other's writes would do it in step, for ever.
TEST_F(PaceTest, TwoProcessesDoNotKeepStep) {
  const auto wait = [](uint64_t seed) {
    Pace one({.burst = 1}, seed);
    one.take(a, at(seconds(1)));
    return one.take(a, at(seconds(1)));
  };
  EXPECT_NE(wait(1), wait(2));
  for (uint64_t seed = 0; seed < 100; ++seed) {
    EXPECT_GE(wait(seed), milliseconds(40));
    EXPECT_LE(wait(seed), milliseconds(360));
  }
}

}  // namespace
}  // namespace cloister::runtime
