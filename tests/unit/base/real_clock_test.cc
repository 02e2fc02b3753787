#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/system_error.hpp>
#include <gtest/gtest.h>

#include "base/clock.h"

namespace cloister {
namespace {

namespace asio = boost::asio;

enum class End { None, Reached, Woken, Cancelled };

Task<End> wait(Timer& timer, Instant deadline) {
  co_return co_await timer.waitUntil(deadline) ? End::Reached : End::Woken;
}

// Time itself is not tested: deadlines here are past or never.
class RealClockTest : public testing::Test {
 protected:
  void start(Instant deadline) {
    end = End::None;
    asio::co_spawn(context, wait(*timer, deadline),
                   asio::bind_cancellation_slot(signal.slot(), [this](std::exception_ptr failure, End how) {
                     end = failure ? End::Cancelled : how;
                   }));
    poll();
  }
  void poll() {
    context.restart();
    context.poll();
  }

  asio::io_context context;
  std::unique_ptr<Clock> clock = realClock(context.get_executor());
  std::unique_ptr<Timer> timer = clock->timer();
  asio::cancellation_signal signal;
  End end = End::None;
};

TEST_F(RealClockTest, APastDeadlineIsReachedAtOnce) {
  start(clock->instant() - seconds(1));
  EXPECT_EQ(end, End::Reached);
  start(Instant::min());
  EXPECT_EQ(end, End::Reached);
}

TEST_F(RealClockTest, NeverIsNotNow) {
  start(Instant::max());
  EXPECT_EQ(end, End::None);
  timer->wake();
  poll();
  EXPECT_EQ(end, End::Woken);
}

TEST_F(RealClockTest, AWakeBetweenTwoWaitsIsNotLost) {
  timer->wake();
  timer->wake();
  start(Instant::max());
  EXPECT_EQ(end, End::Woken);
  start(Instant::max());
  EXPECT_EQ(end, End::None);  // but counts once
  timer->wake();
  poll();
  EXPECT_EQ(end, End::Woken);
}

TEST_F(RealClockTest, CancellingAWaitThrows) {
  start(Instant::max());
  signal.emit(asio::cancellation_type::terminal);
  poll();
  EXPECT_EQ(end, End::Cancelled);
}

Task<void> sleepFor(Clock& clock, Duration duration) {
  co_await clock.sleep(duration);
}

TEST_F(RealClockTest, TheLongestSleepDoesNotOverflow) {
  bool ended = false;
  asio::co_spawn(context, sleepFor(*clock, Duration::max()),
                 [&](const std::exception_ptr&) { ended = true; });
  poll();
  EXPECT_FALSE(ended);
}

}  // namespace
}  // namespace cloister
