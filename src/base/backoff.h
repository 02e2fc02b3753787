#pragma once

#include <cstdint>

#include "base/time.h"

namespace cloister {

// A small deterministic generator (SplitMix64): the simulation needs the same numbers from the same seed.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next();
  double fraction();  // in [0, 1)

 private:
  uint64_t state_;
};

struct BackoffPolicy {
  Duration first = milliseconds(5);
  Duration largest = seconds(60);
  double factor = 2;
  double jitter = 0.2;  // a delay d becomes one in [d * (1 - jitter), d]
};

// The delay before try number ATTEMPT (0 is the first retry). Never above POLICY.largest.
Duration backoffDelay(const BackoffPolicy& policy, unsigned attempt, Random& random);

}  // namespace cloister
