#include "base/backoff.h"

#include <gtest/gtest.h>

namespace cloister {
namespace {

TEST(BackoffTest, GrowsToItsBound) {
  Random random(1);
  const BackoffPolicy policy{milliseconds(5), seconds(60), 2, 0};
  EXPECT_EQ(backoffDelay(policy, 0, random), milliseconds(5));
  EXPECT_EQ(backoffDelay(policy, 1, random), milliseconds(10));
  EXPECT_EQ(backoffDelay(policy, 13, random), milliseconds(40'960));
  EXPECT_EQ(backoffDelay(policy, 14, random), seconds(60));
  EXPECT_EQ(backoffDelay(policy, 4'000'000'000U, random), seconds(60));
}

TEST(BackoffTest, ADelayWithoutGrowthStays) {
  Random random(1);
  const BackoffPolicy policy{seconds(2), seconds(2), 1, 0};
  EXPECT_EQ(backoffDelay(policy, 50, random), seconds(2));
}

TEST(BackoffTest, JitterOnlyShortens) {
  Random random(1);
  const BackoffPolicy policy{seconds(1), seconds(60), 2, 0.2};
  Duration least = seconds(1);
  Duration most{0};
  for (int i = 0; i < 1000; ++i) {
    const Duration delay = backoffDelay(policy, 0, random);
    least = std::min(least, delay);
    most = std::max(most, delay);
  }
  EXPECT_GE(least, milliseconds(800));
  EXPECT_LT(least, milliseconds(810));
  EXPECT_LE(most, seconds(1));
  EXPECT_GT(most, milliseconds(990));
}

TEST(RandomTest, TheSameSeedGivesTheSameNumbers) {
  Random one(42);
  Random two(42);
  Random other(43);
  EXPECT_EQ(one.next(), two.next());
  EXPECT_EQ(one.next(), two.next());
  EXPECT_NE(one.next(), other.next());
}

// Reference values of SplitMix64 with seed 1234567
// (https://rosettacode.org/wiki/Pseudo-random_numbers/Splitmix64).
TEST(RandomTest, IsSplitMix64) {
  Random random(1234567);
  EXPECT_EQ(random.next(), 6457827717110365317U);
  EXPECT_EQ(random.next(), 3203168211198807973U);
}

TEST(RandomTest, FractionsAreBelowOne) {
  Random random(3);
  for (int i = 0; i < 1000; ++i) {
    const double fraction = random.fraction();
    EXPECT_GE(fraction, 0);
    EXPECT_LT(fraction, 1);
  }
}

}  // namespace
}  // namespace cloister
