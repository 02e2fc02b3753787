#include "base/backoff.h"

#include <algorithm>
#include <cmath>

namespace cloister {

uint64_t Random::next() {
  state_ += 0x9e3779b97f4a7c15ULL;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

double Random::fraction() {
  return double(next() >> 11) * 0x1.0p-53;
}

Duration backoffDelay(const BackoffPolicy& policy, unsigned attempt, Random& random) {
  const double grown = double(policy.first.count()) * std::pow(policy.factor, std::min(attempt, 64U));
  const double capped = std::min(grown, double(policy.largest.count()));
  return Duration{int64_t(capped * (1 - policy.jitter * random.fraction()))};
}

}  // namespace cloister
