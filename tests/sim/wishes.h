// What users write into a Sandbox besides its image, and what administrators set: enough to make every
// difference that the operator makes.
#pragma once

#include <span>
#include <string_view>

#include "operator/config.h"

namespace cloister::sim {

// On a Sandbox that the operator must refuse: the part of the spec for which it does.
inline constexpr std::string_view refusedLabel = "example.com/refused";

struct Wish {
  std::string_view spec;  // JSON
  // The part of the spec for which it is refused: under the configuration as shipped, and as tailored.
  std::string_view refused = {};
  std::string_view refusedTailored = refused;
  bool needsAgents = false;  // it is refused only where nodes have none
};

// The first is none, the second asks for the internet.
std::span<const Wish> wishes();
// How many of them scripts are drawn from in general; the others have draws of their own, so that a seed
// keeps its script.
inline constexpr int commonWishes = 29;
// ... and how many of those are to a pool's or a template's, and come next.
inline constexpr int poolWishes = 5;

// The number of the one whose workspace outlives its pods.
int lastingWish();
// ... that ends soon, whether or not it has started.
int briefWish();
// Those that are suspended at their end, and that leave a snapshot.
int suspendWish();
int handWish();
// ... that continues from the snapshot that TakeSnapshot with COUNT 0 takes.
int continueWish();

// A cluster whose administrator has set what can be set, one way (1) or another (2).
void tailor(int way, Config& config);

}  // namespace cloister::sim
