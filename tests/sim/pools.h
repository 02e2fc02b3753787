// Templates and pools in a simulated cluster, and what must hold of them.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "tests/sim/script.h"
#include "tests/support/apiserver/api_server.h"

namespace cloister::sim {

// The template "template" and the pool "pool" of NAMESPACE, if SETUP has them; those that are there already
// stay as they are.
void makePool(test::ApiServer& server, const std::string& namespace_, const Setup& setup);

// POOL's pods that nobody has taken and nobody is deleting.
std::vector<test::Object> heldBy(const test::ApiServer& server, const json::value& pool);

// What of the pools is not as it should be once nothing happens any more, by any clock between SINCE (none:
// clocks were set, so nobody can tell how long ago a Sandbox came) and UNTIL; empty: nothing.
std::string unsettledPools(const test::ApiServer& server, std::optional<Time> since, Time until);

// A ControllerRevision that is neither its template's present one nor named by anything; empty: there is
// none.
std::string unusedRevision(const test::ApiServer& server);

class PoolRules {
 public:
  PoolRules(const Clock& clock, test::ApiServer& server);

  // From now on for a while, a process that starts may see what was before another one's work.
  void expectOldViews();
  // The first violation.
  const std::optional<std::string>& violation() const { return violation_; }

 private:
  void violate(std::string what);
  void poolChanged(const test::Change& change);
  void podChanged(const test::Change& change);
  void podCreated(const json::value& pod);
  bool isAnotherAtWork(const std::string& pool);
  void podTaken(const json::value& before, const json::value& after);
  void podGiven(const json::value& pod);

  const Clock& clock_;
  test::ApiServer& server_;
  std::optional<std::string> violation_;
  struct Bounds {
    int64_t idle = 0;   // pods that wait
    int64_t total = 0;  // ... and Sandboxes that live in such
  };
  std::map<std::string, Bounds> most_;          // at any time, by the pool's uid
  std::set<std::string> forged_;                // pods that somebody else made, by their uids
  std::map<std::string, std::string> givenBy_;  // which process made or took a Sandbox's pod, by its uid
  struct Creator {
    std::string process;
    Instant at;
  };
  std::map<std::string, std::vector<Creator>> creators_;  // of the pool's pods, by its uid
  Instant oldViewsUntil_ = Instant::min();
};

}  // namespace cloister::sim
