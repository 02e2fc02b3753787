// Plain stories, and every place in them where something can go wrong.
#pragma once

#include "tests/sim/simulation.h"

namespace cloister::sim {

// Without faults of the operator or the network; the last step is after all that the story brings about.
std::vector<Script> stories();

// A story that is disturbed at one place: at a write of the operator or at a change of any object.
struct Trial {
  std::string name;
  Script script;
  std::string end;  // how it has to end, as the story does that is not disturbed there (Outcome::end)
};

// All of them, for all stories; of these every SHAREth.
std::vector<Trial> trials(int share);
// What is wrong with its run, if something is.
std::optional<std::string> judge(const Trial& trial);

}  // namespace cloister::sim
