#include "runtime/controller.h"

#include <algorithm>
#include <cassert>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"

namespace cloister::runtime {

Controller::Controller(Options options, Clock& clock, Reconcile reconcile, Gate gate)
    : options_(std::move(options)),
      clock_(clock),
      reconcile_(std::move(reconcile)),
      gate_(std::move(gate)),
      queue_(options_.backoff, options_.seed) {}

void Controller::addAfter(const kube::ObjectKey& key, Duration delay) {
  queue_.addAt(key, clock_.instant() + delay);
  // Who holds it comes by again: each reconcile learns of what it wrote itself.
  if (!queue_.isHeld(key)) wakeOne();
}

void Controller::gateChanged() {
  for (Worker& worker : workers_) worker.timer->wake();
}

void Controller::start(TaskGroup& group) {
  assert(workers_.empty());
  ahead_ = ahead();
  for (size_t i = 0; i < options_.workers; ++i) workers_.push_back({clock_.timer()});
  for (size_t i = 0; i < options_.workers; ++i) {
    group.spawn(options_.name + "-worker-" + std::to_string(i), work(i));
  }
  group.spawn(options_.name + "-clock", watchClock());
}

Task<void> Controller::watchClock() {
  const std::unique_ptr<Timer> timer = clock_.timer();
  for (;;) {
    co_await timer->waitUntil(clock_.instant() + clockPeriod);
    noticeClock();
  }
}

// By how much the wall clock is ahead of the monotonic one: this changes only when it is set.
Duration Controller::ahead() const {
  return clock_.now().time_since_epoch() - clock_.instant().time_since_epoch();
}

bool Controller::isSetSince(Duration ahead) const {
  return std::chrono::abs(this->ahead() - ahead) >= clockTolerance;
}

void Controller::noticeClock() {
  if (!isSetSince(ahead_)) return;
  ahead_ = ahead();
  queue_.addAll(clock_.instant());
  gateChanged();
}

void Controller::wakeOne() {
  // The one that waits longest: one that waits for a key's time is to be there then.
  Worker* chosen = nullptr;
  for (Worker& worker : workers_) {
    if (worker.idle && (chosen == nullptr || worker.until > chosen->until)) chosen = &worker;
  }
  if (chosen == nullptr) return;
  chosen->idle = false;
  chosen->timer->wake();
}

Task<void> Controller::work(size_t number) {
  for (;;) {
    std::optional<kube::ObjectKey> key;
    if (gate_()) key = queue_.take(clock_.instant());
    if (key) {
      co_await reconcileOne(std::move(*key));
      // Lets everything else of this thread run between two reconciles, above all the renewal of the leader's
      // lease.
      co_await boost::asio::post(boost::asio::use_awaitable);
      continue;
    }
    Worker& self = workers_[number];
    self.idle = true;
    self.until = gate_() ? queue_.nextDue() : Instant::max();
    co_await self.timer->waitUntil(self.until);
    self.idle = false;
  }
}

Task<void> Controller::reconcileOne(kube::ObjectKey key) {
  const Instant begun = clock_.instant();
  const Duration ahead = this->ahead();
  const uint64_t id = nextId_++;
  const Result<Outcome> result = co_await reconcile_(key, id);
  if (observer_) observer_({options_.name, result && !result->failure, clock_.instant() - begun});
  finish(key, id, result, ahead);
}

// AHEAD: when the reconcile began.
void Controller::finish(const kube::ObjectKey& key, uint64_t id, const Result<Outcome>& result,
                        Duration ahead) {
  const Instant now = clock_.instant();
  const auto lookAgain = [&] {
    if (result && result->again)
      queue_.addAt(key, now + std::clamp(*result->again - clock_.now(), shortestWait, longestWait));
  };
  if (result && !result->failure) {
    queue_.done(key);
    // Or the clock may be set back before the watch looks: what was reckoned meanwhile would be wrong unseen.
    noticeClock();
    if (isSetSince(ahead))
      queue_.addAt(key, now + shortestWait);
    else
      lookAgain();
    return;
  }
  const Error& error = result ? *result->failure : result.error();
  queue_.failed(key, now, error.retryAfter);
  lookAgain();
  // A conflict is how optimistic concurrency works: the next try reads what the other wrote.
  const auto level = error.code == Errc::Conflict ? log::Level::Debug : log::Level::Warn;
  log::write(level, "reconcile failed",
             {{"controller", options_.name},
              {"key", toString(key)},
              {"id", id},
              {"error", name(error.code)},
              {"reason", error.reason},
              {"message", error.message}});
}

}  // namespace cloister::runtime
