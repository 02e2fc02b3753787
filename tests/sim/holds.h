// Pods that are held, and what must hold of them.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/clock.h"
#include "tests/support/apiserver/api_server.h"

namespace cloister::sim {

// POOL's pods are to wait without having begun.
bool holds(const json::value& pool);
// What SNAPSHOT has saved can go on in POD: it is on its node, with its image under the name that it had.
bool fitsSnapshot(const json::value& snapshot, const json::value& pod);

// Nothing runs in a pool that holds its pods; what was held begins once its Sandbox's status names it, in one
// pod of a Sandbox alone, and not before that is the Sandbox told to run.
class HoldRules {
 public:
  HoldRules(const Clock& clock, test::ApiServer& server);

  // The processes of POD's image, which was held, run from now on; RESTORED: they go on from a snapshot.
  void began(const json::value& pod, bool restored);
  // The first violation.
  const std::optional<std::string>& violation() const { return violation_; }

 private:
  void violate(std::string what);
  void poolChanged(const test::Change& change);
  void podCreated(const json::value& pod);
  void podTaken(const json::value& before, const json::value& after);
  void sandboxTold(const json::value& sandbox);
  void beganAs(const json::value& sandbox, const json::value& pod, bool restored);

  const Clock& clock_;
  test::ApiServer& server_;
  std::optional<std::string> violation_;
  std::set<std::string> begun_;             // uids of pods that were held
  std::map<std::string, Instant> holding_;  // since when a pool holds its pods, and all know; by its uid
  std::map<test::ObjectId, int> savedAs_;   // how many snapshots of that name there have been
};

}  // namespace cloister::sim
