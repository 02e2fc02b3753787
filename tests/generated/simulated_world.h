// The operator on a simulated cluster whose API server takes every spec, as one would whose CRD is older, or
// whose rules are off.
#pragma once

#include "tests/generated/world.h"
#include "tests/sim/cluster.h"
#include "tests/sim/invariants.h"
#include "tests/sim/process.h"

namespace cloister::generated {

class SimulatedWorld final : public World {
 public:
  explicit SimulatedWorld(uint64_t seed);
  ~SimulatedWorld() override;

  Answer apply(const std::string& name, const json::value& spec) override;
  void remove(const std::string& name) override;
  std::vector<Object> list(const std::string& plural) override;
  bool waitUntil(const std::function<bool()>& reached) override;
  bool rest() override;
  std::vector<std::string> complaints() override;
  bool validates() const override { return false; }

  // Lets DURATION pass.
  void pass(Duration duration);

 private:
  void tick();

  Config config_;
  test::SimClock clock_;
  sim::WallClock wall_{clock_};
  sim::Trace trace_{clock_, false};
  test::ApiServer server_{clock_};
  sim::Network network_;
  sim::Kubelets kubelets_;
  sim::Janitors janitors_;
  sim::Invariants invariants_;
  std::unique_ptr<sim::Process> process_;
  bool told_ = false;
};

}  // namespace cloister::generated
