#include "tests/support/sim_clock.h"

#include <cassert>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace cloister::test {

namespace asio = boost::asio;

// Waits on a real timer that never expires: what ends the wait cancels it, as the cancellation of the
// coroutine does.
class SimTimer final : public Timer {
 public:
  explicit SimTimer(SimClock& clock)
      : clock_(clock), wait_(clock.executor(), asio::steady_timer::time_point::max()) {}
  ~SimTimer() override { leave(); }

  Task<bool> waitUntil(Instant deadline) override {
    assert(!order_ && "a timer has one waiter");
    if (std::exchange(woken_, false)) co_return false;
    reached_ = false;
    order_ = clock_.nextOrder(deadline);
    clock_.waiting_.emplace(*order_, [this] { goOff(); });
    auto [error] = co_await wait_.async_wait(asio::as_tuple(asio::use_awaitable));
    leave();
    if (std::exchange(woken_, false)) co_return false;
    if (!reached_) throw boost::system::system_error(error);
    co_return true;
  }

  void wake() override {
    woken_ = true;
    wait_.cancel();
  }

 private:
  void goOff() {
    reached_ = true;
    leave();
    wait_.cancel();
  }
  void leave() {
    if (order_) clock_.waiting_.erase(*order_);
    order_.reset();
  }

  SimClock& clock_;
  asio::steady_timer wait_;
  std::optional<SimClock::Order> order_;
  bool woken_ = false;
  bool reached_ = false;
};

std::unique_ptr<Timer> SimClock::timer() {
  return std::make_unique<SimTimer>(*this);
}

void SimClock::at(Instant when, std::function<void()> call) {
  waiting_.emplace(nextOrder(when), std::move(call));
}

void SimClock::poll() {
  do {
    context_.restart();
  } while (context_.poll() > 0);
}

void SimClock::runUntilIdle() {
  constexpr int busy = 10'000;
  poll();
  for (int rounds = 0; nextDeadline() <= now_; ++rounds) {
    if (rounds == busy) throw std::runtime_error("a busy loop: no time passes");
    const auto due = waiting_.extract(waiting_.begin());
    due.mapped()();
    poll();
  }
}

bool SimClock::step() {
  runUntilIdle();
  const Instant next = nextDeadline();
  if (next == Instant::max()) return false;
  now_ = next;
  runUntilIdle();
  return true;
}

void SimClock::advance(Duration duration) {
  const Instant end = now_ + duration;
  runUntilIdle();
  while (nextDeadline() <= end) step();
  now_ = end;
}

}  // namespace cloister::test
