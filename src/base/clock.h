// Time as a parameter: the program runs on the real clock, the simulation on its own.
#pragma once

#include <memory>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/time.h"

namespace cloister {

// A coroutine of this project. Coroutines are named functions that take their parameters by value.
// When its task group stops, the co_await it stands in throws boost::system::system_error(operation_aborted).
template <class T = void>
using Task = boost::asio::awaitable<T>;

// One waiter at a time. Serves as a sleep and, woken early, as a condition variable of a single-threaded
// program.
class Timer {
 public:
  virtual ~Timer() = default;
  // Returns at DEADLINE (true) or after wake() (false). Instant::max() waits for wake() alone.
  virtual Task<bool> waitUntil(Instant deadline) = 0;
  // Ends the present wait, or else the next one at once: a wake between two waits is not lost.
  virtual void wake() = 0;
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
  virtual Instant instant() const = 0;
  virtual std::unique_ptr<Timer> timer() = 0;

  Task<void> sleep(Duration duration) {
    auto alarm = timer();
    const Instant now = instant();
    co_await alarm->waitUntil(duration < Instant::max() - now ? now + duration : Instant::max());
  }
};

// The machine's clocks, with timers on EXECUTOR.
std::unique_ptr<Clock> realClock(boost::asio::any_io_executor executor);

}  // namespace cloister
