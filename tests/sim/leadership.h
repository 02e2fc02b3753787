// Whether a replica writes only as long as it holds the Lease, as the API server has it.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "operator/config.h"
#include "tests/support/apiserver/api_server.h"

namespace cloister::sim {

class Leadership {
 public:
  // Time that a process with nothing in its way has for what it had begun while it led.
  static constexpr Duration bound = seconds(1);

  Leadership(const Clock& clock, test::ApiServer& server, const LeaderElectionConfig& config);

  // Once per STEP, for a process whose requests were answered at once meanwhile, and which did not stand
  // still.
  void tick(const std::string& process, Duration step);
  // The API server has carried out a write of PROCESS that it sent just now.
  void wrote(const std::string& process, const std::string& plural);
  // The first violation.
  const std::optional<std::string>& violation() const { return violation_; }

 private:
  void leaseChanged(const test::Change& change);
  bool isEdited() const;
  bool leads(const std::string& process) const;

  const Clock& clock_;
  const test::ApiServer& server_;
  const LeaderElectionConfig& config_;
  std::string holder_;
  Instant until_ = Instant::min();        // its holder may lead, without a further renewal
  std::optional<Instant> edited_;         // last by somebody who is no replica
  std::map<std::string, Duration> over_;  // how long a process that does not lead could have noticed it
  std::optional<std::string> violation_;
};

}  // namespace cloister::sim
