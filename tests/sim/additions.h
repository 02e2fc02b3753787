// What came to scripts later than the rest. Each has draws of its own, so that the rest of a seed's script
// stays as it was.
#pragma once

#include "tests/sim/dice.h"
#include "tests/sim/script.h"

namespace cloister::sim {

inline constexpr Duration longest = seconds(30);  // of nearly all steps

// In some clusters there are templates and pools, and Sandboxes made from them.
void addPools(Dice& dice, Script& script);
// Some of the SANDBOXES are restarted, and get reasons to be.
void addRestarts(Dice& dice, int sandboxes, Script& script);
// Some pools and templates say more, and are changed, dropped and imitated. After addPools. OFTEN: wherever
// it is about meeting every decision.
void addPoolWays(Dice& dice, bool often, Script& script);
// In some clusters sandboxes are paused, suspended and resumed, by agents on their nodes.
void addStates(Dice& dice, int sandboxes, Script& script);
// ... and in most of those some are kept at their end. After addStates.
void addOnExpiry(Dice& dice, int sandboxes, Script& script);
// ... and in some they are saved every so often. After addStates.
void addSchedules(Dice& dice, int sandboxes, Script& script);
// ... and in some users save them. After addStates.
void addSnapshots(Dice& dice, int sandboxes, Script& script);
// In some clusters the pools hold their pods, and Sandboxes continue from snapshots, in those or by
// themselves. After all that makes Sandboxes.
void addHeld(Dice& dice, int sandboxes, Script& script);
// In some clusters the templates have golden snapshots. After addHeld.
void addGolden(Dice& dice, int sandboxes, Script& script);
// Some quotas bound more than pods, or cannot be read for a while.
void addQuotaLimits(Dice& dice, Script& script);
// What is rare.
void addOddities(Dice& dice, int sandboxes, bool often, Script& script);

}  // namespace cloister::sim
