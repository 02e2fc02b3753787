#include "tests/support/sim_clock.h"

#include <cassert>

#include <boost/asio/append.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace cloister::test {

namespace asio = boost::asio;

class SimTimer final : public Timer {
 public:
  explicit SimTimer(SimClock& clock) : clock_(clock) {}
  ~SimTimer() override {
    if (order_) clock_.waiting_.erase(*order_);
  }

  Task<bool> waitUntil(Instant deadline) override {
    constexpr auto token = asio::as_tuple(asio::use_awaitable);
    assert(!order_ && "a timer has one waiter");
    if (std::exchange(woken_, false)) co_return false;
    const auto begin = [this, deadline](auto handler) { wait(deadline, std::move(handler)); };
    auto [error] =
        co_await asio::async_initiate<decltype(token), void(boost::system::error_code)>(begin, token);
    if (std::exchange(woken_, false)) co_return false;
    if (error) throw boost::system::system_error(error);
    co_return true;
  }

  void wake() override {
    woken_ = true;
    cancel();
  }

 private:
  // The clock keeps HANDLER, which keeps the coroutine that waits, which mostly keeps this timer.
  template <class Handler>
  void wait(Instant deadline, Handler handler) {
    if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected()) {
      slot.assign([this](asio::cancellation_type) { cancel(); });
    }
    order_ = clock_.nextOrder(deadline);
    clock_.waiting_.emplace(*order_,
                            [this, handler = std::move(handler)](boost::system::error_code error) mutable {
                              order_.reset();
                              asio::post(asio::append(std::move(handler), error));
                            });
  }
  void cancel() {
    if (order_) clock_.waiting_.extract(*order_).mapped()(asio::error::operation_aborted);
  }

  SimClock& clock_;
  std::optional<SimClock::Order> order_;  // while somebody waits
  bool woken_ = false;
};

// What waits may keep timers, which then leave on their own.
SimClock::~SimClock() {
  while (!waiting_.empty()) waiting_.extract(waiting_.begin());
}

std::unique_ptr<Timer> SimClock::timer() {
  return std::make_unique<SimTimer>(*this);
}

void SimClock::at(Instant when, std::move_only_function<void()> call) {
  waiting_.emplace(nextOrder(when), [call = std::move(call)](boost::system::error_code) mutable { call(); });
}

void SimClock::poll() {
  context_.restart();
  context_.poll();
}

void SimClock::runUntilIdle() {
  poll();
  runDue();
}

void SimClock::runDue() {
  constexpr int busy = 10'000;
  for (int rounds = 0; nextDeadline() <= now_; ++rounds) {
    if (rounds == busy) throw std::runtime_error("a busy loop: no time passes");
    const auto due = waiting_.extract(waiting_.begin());
    due.mapped()({});
    poll();
  }
}

bool SimClock::step() {
  runUntilIdle();
  const Instant next = nextDeadline();
  if (next == Instant::max()) return false;
  now_ = next;
  runDue();
  return true;
}

void SimClock::advance(Duration duration) {
  const Instant end = now_ + duration;
  runUntilIdle();
  while (nextDeadline() <= end) {
    now_ = nextDeadline();
    runDue();
  }
  now_ = end;
}

}  // namespace cloister::test
