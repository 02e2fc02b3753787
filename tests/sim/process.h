// One process of the operator in the simulation: the real Operator, with clocks and a connection of its own.
#pragma once

#include "operator/operator.h"
#include "tests/sim/network.h"

namespace cloister::sim {

// A machine's wall clock: the cluster's, and off by some time. It outlives the processes of its machine.
class WallClock {
 public:
  explicit WallClock(const test::SimClock& cluster) : cluster_(cluster) {}

  Time now() const { return cluster_.now() + off_; }
  // From now on it shows so much more, or less, than the cluster's.
  void setOff(Duration off);
  // Called before the cluster's own jumps.
  void aboutToJump();
  // The latest time that it has shown since BEGIN: what was sent then was decided by it.
  Time latestSince(Instant begin) const;
  // When it last jumped, or Instant::min().
  Instant jumpedAt() const { return jumps_.empty() ? Instant::min() : jumps_.back().at; }

 private:
  struct JumpFrom {
    Instant at;
    Time shown;
  };

  const test::SimClock& cluster_;
  Duration off_ = {};
  std::vector<JumpFrom> jumps_;
};

// A process's clock: all of its waits, those for the network too, end late while the process stands still.
class ProcessClock final : public Clock {
 public:
  ProcessClock(test::SimClock& clock, const WallClock& wall) : clock_(clock), wall_(wall) {}

  Time now() const override { return wall_.now(); }
  Instant instant() const override { return clock_.instant(); }
  std::unique_ptr<Timer> timer() override;

  void pauseUntil(Instant end) { pausedUntil_ = std::max(pausedUntil_, end); }
  Instant pausedUntil() const { return pausedUntil_; }

 private:
  test::SimClock& clock_;
  const WallClock& wall_;
  Instant pausedUntil_ = Instant::min();
};

class Process {
 public:
  struct Surroundings {
    test::SimClock& clock;
    const WallClock& wall;
    Network& network;
    const Config& config;
    uint64_t seed = 0;
  };

  // Starts it. NAME is its identity.
  Process(const Surroundings& with, std::string name);
  // Every task must have ended.
  ~Process() = default;

  // Ends it, ORDERLY as SIGTERM does or in the midst of whatever it does. Calls AFTERWARDS when it may be
  // destroyed. Once.
  void end(bool orderly, std::function<void()> afterwards);

  const std::string& name() const { return line_->name; }
  Instant startedAt() const { return startedAt_; }
  bool ending() const { return ending_; }
  bool paused() const { return clock_.instant() < clock_.pausedUntil(); }
  void pauseUntil(Instant end) { clock_.pauseUntil(end); }
  const Operator& program() const { return operator_; }
  const Line& line() const { return *line_; }

 private:
  Task<void> finish(bool orderly);

  test::SimClock& simClock_;
  Instant startedAt_;
  std::shared_ptr<Line> line_;
  ProcessClock clock_;
  std::unique_ptr<net::Transport> transport_;
  kube::Client client_;
  runtime::Metrics metrics_;
  Operator operator_;
  TaskGroup group_;
  bool ending_ = false;
};

}  // namespace cloister::sim
