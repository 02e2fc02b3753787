#include "base/within.h"

#include <gtest/gtest.h>

#include "base/task_group.h"
#include "tests/support/sim_clock.h"

namespace cloister {
namespace {

using test::SimClock;

class WithinTest : public testing::Test {
 protected:
  Task<int> answerAfter(Duration duration) {
    struct Ending {
      int& ended;
      ~Ending() { ++ended; }
    } ending{ended};
    if (duration > Duration{0}) co_await clock.sleep(duration);
    co_return 42;
  }
  Task<void> waitInVain() {
    co_await within(clock, std::chrono::hours(1), answerAfter(std::chrono::hours(2)));
  }

  SimClock clock;
  int ended = 0;
};

TEST_F(WithinTest, GivesWhatComesInTime) {
  EXPECT_EQ(test::run(clock, within(clock, seconds(5), answerAfter(seconds(2)))), 42);
  EXPECT_EQ(clock.instant(), Instant(seconds(2)));
  EXPECT_EQ(clock.nextDeadline(), Instant::max());
}

TEST_F(WithinTest, GivesWhatIsThereAtOnce) {
  EXPECT_EQ(test::run(clock, within(clock, seconds(5), answerAfter(seconds(0)))), 42);
  EXPECT_EQ(clock.instant(), Instant{});
}

TEST_F(WithinTest, CancelsWhatIsLate) {
  EXPECT_EQ(test::run(clock, within(clock, seconds(5), answerAfter(seconds(7)))), std::nullopt);
  EXPECT_EQ(clock.instant(), Instant(seconds(5)));
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(clock.nextDeadline(), Instant::max());
}

TEST_F(WithinTest, IsCancelledAsAWhole) {
  TaskGroup group(clock.executor());
  group.spawn("in vain", waitInVain());
  clock.advance(seconds(1));
  test::run(clock, group.stop());
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(clock.nextDeadline(), Instant::max());
}

}  // namespace
}  // namespace cloister
