// What must hold, whatever happens. Checked at every write and, where time is at stake, twice a second.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "operator/config.h"
#include "tests/support/apiserver/api_server.h"

namespace cloister::sim {

// A process of the operator, by what its actor's name begins with.
inline constexpr std::string_view operatorPrefix = "operator-";

class Invariants {
 public:
  // Time that a working leader has for a pod whose Sandbox has expired, and for one without a Sandbox.
  static constexpr Duration expiryBound = seconds(1);
  static constexpr Duration strayBound = seconds(10);

  Invariants(const Clock& clock, test::ApiServer& server, const Config& config);

  // What the wall clock of a process of the operator has shown at most while it decided on what it now does.
  std::function<Time(std::string_view actor)> clockOf;

  // Once per STEP. LEADER: what the wall clock of a leader shows that had nothing in its way meanwhile, the
  // fastest one of several; none: there was no such leader.
  void tick(Duration step, std::optional<Time> leader);
  // The first violation.
  const std::optional<std::string>& violation() const { return violation_; }
  // What is not yet as users want it, or will not be until then; or empty.
  std::string unsettled(Time until) const;
  // Requests of the operator that were no reads, Leases aside: all, and those that changed something.
  size_t writes() const { return writes_; }
  size_t changes() const { return changes_; }

 private:
  void violate(std::string what);
  void wrote(const test::Write& write);
  void changed(const test::Change& change);
  void podChanged(const test::Change& change);
  void sandboxChanged(const test::Change& change);
  void checkDeletedPod(const json::value& pod);
  test::Object ownerOf(const json::value& pod) const;
  std::vector<test::Object> podsOf(const json::value& sandbox) const;
  Time expiryOf(const json::value& sandbox) const;
  Time earliestEnd(const json::value& sandbox) const;
  std::string unsettledSandbox(const json::value& sandbox, Time until) const;
  bool isSquatted(const json::value& sandbox) const;
  std::string unsettledPod(const json::value& pod) const;
  std::string unsettledPolicies(const json::value& sandbox, const json::value& pod) const;

  const Clock& clock_;
  test::ApiServer& server_;
  const Config& config_;
  std::optional<std::string> violation_;
  std::map<std::string, Duration> overdue_;  // by the pod's uid
  std::map<std::string, Time> firstReady_;   // by the Sandbox's uid
  size_t writes_ = 0;
  size_t changes_ = 0;
};

}  // namespace cloister::sim
