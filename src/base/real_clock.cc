#include <algorithm>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "base/clock.h"

namespace cloister {
namespace {

namespace asio = boost::asio;

// Asio counts in nanoseconds, which do not reach as far as ours.
asio::steady_timer::time_point expiry(Instant deadline) {
  using Expiry = asio::steady_timer::time_point;
  constexpr Instant first = std::chrono::ceil<Duration>(Expiry::min());
  constexpr Instant last = std::chrono::floor<Duration>(Expiry::max());
  return std::clamp(deadline, first, last);
}

class RealTimer final : public Timer {
 public:
  explicit RealTimer(const asio::any_io_executor& executor) : timer_(executor) {}

  Task<bool> waitUntil(Instant deadline) override {
    if (woken_) {
      woken_ = false;
      co_return false;
    }
    timer_.expires_at(expiry(deadline));
    auto [error] = co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    const bool woken = std::exchange(woken_, false);
    // Without a wake the wait can only have been cancelled from outside: this coroutine is to end.
    if (error && !woken) throw boost::system::system_error(error);
    co_return !woken;
  }

  void wake() override {
    woken_ = true;
    timer_.cancel();
  }

 private:
  asio::steady_timer timer_;
  bool woken_ = false;
};

class RealClock final : public Clock {
 public:
  explicit RealClock(asio::any_io_executor executor) : executor_(std::move(executor)) {}

  Time now() const override { return std::chrono::floor<Duration>(std::chrono::system_clock::now()); }
  Instant instant() const override { return std::chrono::floor<Duration>(std::chrono::steady_clock::now()); }
  std::unique_ptr<Timer> timer() override { return std::make_unique<RealTimer>(executor_); }

 private:
  asio::any_io_executor executor_;
};

}  // namespace

std::unique_ptr<Clock> realClock(asio::any_io_executor executor) {
  return std::make_unique<RealClock>(std::move(executor));
}

}  // namespace cloister
