// Suspended sandboxes in a simulated cluster: the nodes' agents that save them, and what must hold of them.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "tests/sim/dice.h"
#include "tests/sim/script.h"
#include "tests/support/apiserver/api_server.h"
#include "tests/support/sim_clock.h"

namespace cloister::sim {

class Kubelets;

// The SandboxSnapshot that SANDBOX's status names, or empty.
std::string suspendedAs(const json::value& sandbox);
// SANDBOX is to continue from it, and no pod of it has run yet.
bool isResuming(const json::value& sandbox);

// The SandboxSnapshot that SANDBOX's status names is Ready, and nobody's.
bool isReleased(const test::ApiServer& server, const json::value& sandbox);

// A user asks for what STEP says.
void takeSnapshot(test::ApiServer& server, const Step& step);

// Take what is asked of them, in their own time, while their node is up.
class Savers {
 public:
  Savers(test::SimClock& clock, test::ApiServer& server, const Kubelets& kubelets, uint64_t seed);

 private:
  void later(Duration least, Duration most, void (Savers::*what)(const test::ObjectId&), test::ObjectId id);
  void claim(const test::ObjectId& snapshot);
  void finish(const test::ObjectId& snapshot);

  test::SimClock& clock_;
  test::ApiServer& server_;
  const Kubelets& kubelets_;
  Dice dice_;
};

// A suspended sandbox loses no step that it has made, and is never in two pods, nor in none and nowhere.
class SuspendRules {
 public:
  explicit SuspendRules(test::ApiServer& server);

  // The first violation.
  const std::optional<std::string>& violation() const { return violation_; }

 private:
  void violate(std::string what);
  void snapshotChanged(const test::Change& change);
  void released(const json::value& before, const json::value& after);
  void sandboxChanged(const json::value& before, const json::value& after);
  void podChanged(const test::Change& change);

  test::ApiServer& server_;
  std::optional<std::string> violation_;
  std::set<std::string> still_;            // uids of snapshots whose pod stood still for them at their claim
  std::map<std::string, std::string> of_;  // the uid of the pod that each is of, by its own
};

// What of SANDBOX, which is suspended and has no pod, is not as it should be at the end; empty: nothing.
std::string unsettledSuspended(const test::ApiServer& server, const json::value& sandbox);
// What of users' SandboxSnapshots is not told, or about to come; empty: nothing.
std::string unsettledSnapshot(const test::ApiServer& server, Time until);
// A SandboxSnapshot that has an owner, but is no Sandbox's, or one that its status does not name; empty:
// there is none.
std::string unusedSnapshot(const test::ApiServer& server);

}  // namespace cloister::sim
