// SandboxQuotas in a simulated cluster, and what must hold of them.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "operator/quota/amount.h"
#include "tests/sim/script.h"
#include "tests/support/apiserver/api_server.h"

namespace cloister::sim {

// The quota of NAMESPACE, if SETUP has one.
void makeQuota(test::ApiServer& server, const std::string& namespace_, const Setup& setup);
// What a step of EditQuota does to it.
void editQuota(test::ApiServer& server, const std::string& namespace_, const Step& step);
// All can be read again; HOURS: and bound no hours any more, of which the status tells as long as anything
// runs.
void mendQuotas(test::ApiServer& server, bool hours);

// What of the quotas is not as it should be once nothing happens any more; empty: nothing.
std::string unsettledQuotas(const test::ApiServer& server);
// SANDBOX waits for its quota, and says so.
bool isQueued(const json::value& sandbox);
// POOL says that its quota lets it make no more.
bool isHeldBack(const json::value& pool);

class QuotaRules {
 public:
  // STEADY: no wall clock jumps, and they agree.
  QuotaRules(const Clock& clock, test::ApiServer& server, bool steady);

  // PROCESS, called so, stands still for SPAN from now on. If that is longer than anybody waits for it, it
  // may then carry out what it has decided before, on what was promised at that time.
  void standsStill(const std::string& process, Duration span);

  // The first violation.
  const std::optional<std::string>& violation() const { return violation_; }

 private:
  struct Grant {
    std::string owner;  // uid
    std::string pod;
    auto operator<=>(const Grant&) const = default;
  };
  struct Namespace {
    Instant since = Instant::min();     // its limits are in force, for each process to see
    int64_t most = 0;                   // pods that were ever allowed, since then
    std::deque<Instant> starts = {};    // of Sandboxes that were granted one, within a minute
    std::set<std::string> exempt = {};  // uids of pods that nobody promised
  };

  void violate(std::string what);
  void quotaChanged(const test::Change& change);
  void granted(const json::value& before, const json::value& after);
  void checkOrder(const json::value& quota, const json::value& grant);
  Duration slowness(const json::value& quota) const;
  void checkStarts(const json::value& quota, int fresh);
  void podCreated(const json::value& pod);
  quota::Amount counted(const std::string& namespace_);

  const Clock& clock_;
  test::ApiServer& server_;
  bool steady_;
  std::optional<std::string> violation_;
  std::map<std::string, Namespace> namespaces_;
  std::map<std::string, Instant> stillUntil_;  // of processes that stand still for long
};

}  // namespace cloister::sim
