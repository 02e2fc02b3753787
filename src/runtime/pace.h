// How often something may be done for one key: two processes that undo each other's writes tell each other of
// every one, and would go on as fast as they can.
#pragma once

#include <map>

#include "base/backoff.h"
#include "kube/resource.h"

namespace cloister::runtime {

class Pace {
 public:
  // BURST times in a row, and then once per INTERVAL, give or take JITTER of it, lest two processes keep
  // step.
  struct Options {
    int burst = 20;
    Duration interval = milliseconds(200);
    double jitter = 0.8;
  };

  Pace(Options options, uint64_t seed) : options_(options), random_(seed) {}

  // Zero: it may be done, and this was its turn. Otherwise how long to wait until it may be asked for again.
  Duration take(const kube::ObjectKey& key, Instant now);
  size_t size() const { return whole_.size(); }

 private:
  Options options_;
  Random random_;
  std::map<kube::ObjectKey, Instant> whole_;  // with when a whole burst is allowed again
  size_t bound_ = 64;                         // with so many, those that have a whole burst are forgotten
};

}  // namespace cloister::runtime
