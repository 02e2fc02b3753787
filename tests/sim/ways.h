// What a template or a pool can say besides the least: enough to make every difference that the operator
// makes.
#pragma once

#include <span>
#include <string_view>

#include "tests/sim/script.h"

namespace cloister::sim {

// Merge patches of a spec, as JSON.
struct Way {
  std::string_view patch;
  std::string_view undo = {};  // of what nobody leaves as it is; empty: it may stay
};

// The first says nothing.
std::span<const Way> poolWays();
std::span<const Way> templateWays();
// Of a TurnPool or TurnTemplate; of all others the one that says nothing.
const Way& wayOf(const Step& step);
// How many of them come first that may stay.
int lastingPoolWays();
int lastingTemplateWays();

}  // namespace cloister::sim
