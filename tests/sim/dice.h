// Random draws with names.
#pragma once

#include <array>

#include "base/backoff.h"

namespace cloister::sim {

class Dice {
 public:
  // STREAM: equal seeds give independent draws to different parts of a simulation. The generator counts its
  // state up, so states that are near to each other would give the same numbers, one after the other.
  Dice(uint64_t seed, uint64_t stream) : random_(Random(Random(seed).next() + stream).next()) {}

  // In [0, SIDES).
  int roll(int sides) { return int(random_.next() % uint64_t(sides)); }
  bool oneIn(int sides) { return roll(sides) == 0; }
  // In [LEAST, MOST].
  Duration between(Duration least, Duration most) {
    return least + Duration(int64_t(random_.next() % uint64_t((most - least).count() + 1)));
  }
  template <class List>
  auto pick(const List& list) {
    return list[size_t(roll(int(std::size(list))))];
  }

 private:
  Random random_;
};

}  // namespace cloister::sim
