// Scripts from seeds.
#pragma once

#include "tests/sim/script.h"

namespace cloister::sim {

// What goes wrong in a scenario; users and pods do what they like in each.
struct Scenario {
  std::string_view name;
  std::vector<What> faults;
};
// calm, crashes, network, watches, cluster, clocks, all
const std::vector<Scenario>& scenarios();
// Null when there is none of that name.
const Scenario* findScenario(std::string_view name);

Script generate(uint64_t seed, const Scenario& scenario);

// Each kind of fault by its name: those of What, and in the place of Fail each Fate but Served.
const std::vector<std::string>& faultKinds();
// Anything may happen, and the fault KIND strikes every few seconds. KIND is one of faultKinds().
Script generateWith(uint64_t seed, const std::string& kind);

}  // namespace cloister::sim
