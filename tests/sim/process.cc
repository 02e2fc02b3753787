#include "tests/sim/process.h"

#include <boost/asio/co_spawn.hpp>

namespace cloister::sim {
namespace {

class ProcessTimer final : public Timer {
 public:
  ProcessTimer(ProcessClock& clock, std::unique_ptr<Timer> timer) : clock_(clock), timer_(std::move(timer)) {}

  Task<bool> waitUntil(Instant deadline) override {
    const bool reached = co_await timer_->waitUntil(deadline);
    while (clock_.instant() < clock_.pausedUntil()) co_await timer_->waitUntil(clock_.pausedUntil());
    co_return reached;
  }
  void wake() override { timer_->wake(); }

 private:
  ProcessClock& clock_;
  std::unique_ptr<Timer> timer_;
};

}  // namespace

void WallClock::setOff(Duration off) {
  aboutToJump();
  off_ = off;
}

void WallClock::aboutToJump() {
  jumps_.push_back({cluster_.instant(), now()});
}

Time WallClock::latestSince(Instant begin) const {
  Time latest = now();
  for (const JumpFrom& jump : jumps_) {
    if (jump.at >= begin) latest = std::max(latest, jump.shown);
  }
  return latest;
}

std::unique_ptr<Timer> ProcessClock::timer() {
  return std::make_unique<ProcessTimer>(*this, clock_.timer());
}

Process::Process(const Surroundings& with, std::string name)
    : simClock_(with.clock),
      startedAt_(with.clock.instant()),
      line_(std::make_shared<Line>(Line{.name = std::move(name)})),
      clock_(with.clock, with.wall),
      transport_(with.network.connect(line_, clock_)),
      client_(*transport_, clock_),
      operator_({.client = client_,
                 .clock = clock_,
                 .config = with.config,
                 .metrics = metrics_,
                 .identity = line_->name,
                 .namespace_ = "cloister-system",
                 .seed = with.seed}),
      group_(with.clock.executor()) {
  operator_.start(group_);
}

Task<void> Process::finish(bool orderly) {
  co_await group_.stop();
  if (orderly) co_await operator_.release();
}

void Process::end(bool orderly, std::function<void()> afterwards) {
  ending_ = true;
  boost::asio::co_spawn(simClock_.executor(), finish(orderly),
                        [this, afterwards = std::move(afterwards)](const std::exception_ptr& failure) {
                          if (failure) std::rethrow_exception(failure);
                          simClock_.at(simClock_.instant(), afterwards);
                        });
}

}  // namespace cloister::sim
