// Of several replicas, one leads: carries out what an Election says.
#pragma once

#include <functional>
#include <string>

#include "kube/client.h"
#include "runtime/election.h"

namespace cloister::runtime {

class LeaderElection {
 public:
  struct Options {
    std::string namespace_;
    std::string name;
    std::string identity;                  // unique among the replicas
    Duration leaseDuration = seconds(15);  // what the others wait for when a leader dies
    Duration renewDeadline =
        seconds(10);  // what a leader leads on without a renewal; shorter than leaseDuration
    Duration retryPeriod = seconds(2);  // shorter than renewDeadline
    uint64_t seed = 0;
  };

  LeaderElection(Options options, kube::Client& client, Clock& clock);

  // Acquires, renews, and after a loss acquires again, for ever.
  Task<void> run();
  // Gives the lease back if it is held, so that another replica need not wait for its end. After run() was
  // cancelled, and after everything that writes has ended.
  Task<void> release();

  // False as soon as the renew deadline has passed since the last renewal that succeeded, however late run()
  // is. Ask before each write.
  bool leading() const { return election_.leading(clock_.instant()); }
  // Called after leading() has changed.
  void onChange(std::function<void(bool leading)> observer) { observer_ = std::move(observer); }

 private:
  Task<Election::Input> carryOut(Election::Action action);
  Task<Election::Input> read();
  Task<Election::Input> write(Task<Result<json::value>> request);
  Task<Result<json::value>> inTime(Task<Result<json::value>> request);
  Task<Result<void>> tryRelease();
  Election::Failed failed(const Error& error) const;
  void announce();

  Options options_;
  kube::ObjectKey key_;
  kube::Client& client_;
  Clock& clock_;
  Election election_;
  bool announced_ = false;
  std::function<void(bool)> observer_;
};

}  // namespace cloister::runtime
