// Simulated time, and the executor that lives in it: one thread, no waiting, the same order of events in
// every run.
#pragma once

#include <functional>
#include <future>
#include <map>
#include <memory>
#include <stdexcept>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include "base/clock.h"

namespace cloister::test {

// Time stands still while coroutines run; it moves only in advance() and step(). Timers go off one by one, by
// deadline and then by who began to wait first, and after each everything runs until idle before the next
// goes off.
class SimClock final : public Clock {
 public:
  static constexpr Time defaultStart =
      std::chrono::sys_days(std::chrono::year_month_day(std::chrono::January / 1 / 2026));

  explicit SimClock(Time start = defaultStart) : wallOffset_(start.time_since_epoch()) {}
  ~SimClock() override;

  Time now() const override { return Time(wallOffset_ + now_.time_since_epoch()); }
  Instant instant() const override { return now_; }
  std::unique_ptr<Timer> timer() override;

  // Calls CALL at WHEN, in one order with the timers. What CALL refers to must live until then, or the clock
  // end first.
  void at(Instant when, std::move_only_function<void()> call);

  boost::asio::any_io_executor executor() { return context_.get_executor(); }

  // Runs all that can run without time passing. Throws when that never ends.
  void runUntilIdle();
  // Lets DURATION pass.
  void advance(Duration duration);
  // Lets time pass until the next timer goes off. False, and nothing happens, when none ever will.
  bool step();
  // When the next timer goes off, or Instant::max().
  Instant nextDeadline() const { return waiting_.empty() ? Instant::max() : waiting_.begin()->first.at; }
  // Moves the wall clock alone, as an administrator or NTP does.
  void jumpWallClock(Duration by) { wallOffset_ += by; }

 private:
  friend class SimTimer;
  struct Order {
    Instant at;
    uint64_t sequence;
    auto operator<=>(const Order&) const = default;
  };

  Order nextOrder(Instant at) { return {at, sequence_++}; }
  void poll();
  void runDue();

  Instant now_{};
  Duration wallOffset_;
  uint64_t sequence_ = 0;
  // Told what ended the wait: no error when its time came.
  std::map<Order, std::move_only_function<void(boost::system::error_code)>> waiting_;
  // Last, so destroyed first: it destroys the coroutines that are about to run, and with them their timers.
  boost::asio::io_context context_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
};

// The result of TASK, with time passing as it needs. Throws when it waits for what never comes, or longer
// than LIMIT.
template <class T>
T run(SimClock& clock, Task<T> task, Duration limit = std::chrono::hours(1)) {
  auto result = boost::asio::co_spawn(clock.executor(), std::move(task), boost::asio::use_future);
  const Instant end = clock.instant() + limit;
  clock.runUntilIdle();
  while (result.wait_for(seconds(0)) != std::future_status::ready) {
    if (clock.nextDeadline() > end) throw std::runtime_error("the task waits for what does not come");
    clock.step();
  }
  return result.get();
}

}  // namespace cloister::test
