// Removes from the store what no SandboxSnapshot of this cluster refers to any more. Unreadable it is
// already, since the key went with the object.
#pragma once

#include "base/backoff.h"
#include "kube/client.h"
#include "node/agent/depot.h"

namespace cloister::node {

// Between two sweeps, half of it to one and a half. Every agent sweeps: whose node is gone cannot.
constexpr Duration sweepPeriod = std::chrono::hours(2);
// What is not there in two lists so far apart is gone.
constexpr Duration sweepDoubt = std::chrono::minutes(10);

// The uid of the namespace kube-system, as is the custom: it is there as long as the cluster is.
Task<Result<std::string>> readClusterId(kube::Client& client);

class Sweeper {
 public:
  struct Surroundings {
    kube::Client& client;
    Clock& clock;
    Depot& depot;
    uint64_t seed = 0;
  };
  explicit Sweeper(const Surroundings& with) : with_(with), random_(with.seed) {}

  // Until it is cancelled.
  Task<void> run();
  // Takes sweepDoubt, if there is anything to remove, and returns what was. An error leaves the rest for the
  // next time.
  Task<Result<std::vector<SnapshotId>>> sweep();

 private:
  Task<Result<std::set<std::string>>> living();
  Task<Result<void>> forgetLiving(std::set<SnapshotId>& unwanted);

  Surroundings with_;
  Random random_;
};

}  // namespace cloister::node
