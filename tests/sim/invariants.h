// What must hold, whatever happens. Checked at every write and, where time is at stake, twice a second.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "operator/config.h"
#include "tests/support/apiserver/api_server.h"

namespace cloister::sim {

// A process of the operator, by what its actor's name begins with.
inline constexpr std::string_view operatorPrefix = "operator-";
// The beginning of the names of all processes of one replica.
inline std::string operatorName(size_t replica) {
  return std::string(operatorPrefix) + std::to_string(replica) + ".";
}

// What was decided on a view, or by a clock, may be carried out so much later.
inline constexpr Duration underWay = seconds(40);

class Invariants {
 public:
  // Time that a working leader has for a pod whose Sandbox has expired, and for one that should not be: it
  // has no Sandbox, or one that has ended, or was started a second time.
  static constexpr Duration expiryBound = seconds(1);
  static constexpr Duration strayBound = seconds(10);
  // ... and for one that is to be saved and was asked to stand still.
  static constexpr Duration freezeBound = expiryBound + seconds(30);

  Invariants(const Clock& clock, test::ApiServer& server, const Config& config);

  // What the wall clock of a process of the operator has shown at most while it decided on what it now does.
  std::function<Time(std::string_view actor)> clockOf;

  // All wall clocks show the same, always.
  bool clocksAgree = true;

  // Lists are old for a while: who begins anew does not know what it told before.
  void expectOldViews() { startedBy_.clear(); }

  // Once per STEP. LEADER: what the wall clock of a leader shows that had nothing in its way meanwhile, the
  // fastest one of several; none: there was no such leader.
  void tick(Duration step, std::optional<Time> leader);
  // The first violation.
  const std::optional<std::string>& violation() const { return violation_; }
  // Requests of the operator that were no reads, Leases and the removal of network policies and revisions
  // aside: all, and those that changed something.
  size_t writes() const { return writes_; }
  size_t changes() const { return changes_; }

 private:
  // A pod of ours that nobody is deleting.
  struct Living {
    std::string uid;
    std::string key;
    std::optional<Time> expiry = {};  // none: it has to go already
    // Part of the message, and of what its time is counted by: for another reason it is counted anew.
    std::string how = {};
    Duration bound = {};
  };

  void violate(std::string what);
  void wrote(const test::Write& write);
  void changed(const test::Change& change);
  void noteStart(const json::value& pod);
  void podChanged(const test::Change& change);
  void sandboxChanged(const test::Change& change);
  void listLiving();
  void podCreated(const json::value& pod);
  void checkAlone(const json::value& sandbox, const json::value& pod);
  void checkRestart(const json::value& before, const json::value& after);
  void noteNode(const test::Change& change);
  bool isLost(const json::value& pod) const;
  void policyChanged(const test::Change& change);
  void noteUse(const test::Change& change);
  void checkDeletedPod(const json::value& pod);
  Time earliestEnd(const json::value& sandbox) const;
  bool isBeforeItsEnd(const json::value& sandbox, Duration slack) const;
  void checkKept(const json::value& sandbox);

  const Clock& clock_;
  test::ApiServer& server_;
  const Config& config_;
  std::optional<std::string> violation_;
  std::vector<Living> living_;
  bool livingChanged_ = true;
  std::map<std::string, Duration> overdue_;  // by the pod's uid, and what is wrong with it
  std::map<std::string, Time> firstReady_;   // by the Sandbox's uid
  std::map<std::string, std::string>
      startedBy_;                            // which replica told last that it began, by the Sandbox's uid
  std::set<std::string> late_;               // uids of pods that a late request made
  std::set<std::string> again_;              // uids of pods of Sandboxes that had run before
  std::map<std::string, Instant> nodeAway_;  // when a node was last not Ready, by its name; max: now
  std::map<test::ObjectId, Instant> policyUsed_;  // when a pod last relied on it
  size_t writes_ = 0;
  size_t changes_ = 0;
};

}  // namespace cloister::sim
