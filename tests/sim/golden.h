// Golden snapshots in a simulated cluster (docs/decisions/0017-golden-snapshots.md), and what must hold of
// them.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/clock.h"
#include "tests/sim/script.h"
#include "tests/support/apiserver/api_server.h"

namespace cloister::sim {

// What a template has in its spec.golden; NUMBER tells its edits apart.
json::value goldenSpec(int number);

// A Sandbox or a SandboxSnapshot that is, or was before somebody changed it, the operator's own for a
// template.
bool isOfTemplate(const json::value& object);
// POD was made, or taken, to begin from a golden snapshot, and was not Ready since.
bool isToBeginFromGolden(const json::value& pod);
// The pod of UID could not begin from a golden snapshot, as the status of its SANDBOX tells.
bool isGivenUp(const json::value& sandbox, const std::string& uid);

// A template has one builder at a time, whose program is its own. What begins from a golden snapshot, and
// what a template's status names, is what the template said. No Sandbox ends for want of one.
class GoldenRules {
 public:
  GoldenRules(const Clock& clock, test::ApiServer& server);

  // From now on for a while, a process that starts may see what was before another one's work.
  void expectOldViews();
  // The container of POD goes on from a snapshot from now on.
  void restored(const json::value& pod);
  // What is not as it should be once nothing happens any more; empty: nothing.
  std::string unsettled() const;
  // The first violation.
  const std::optional<std::string>& violation() const { return violation_; }

 private:
  // What a snapshot was taken of.
  struct Content {
    std::string revision;
    json::value container;
    bool asMade = false;  // by the operator: nobody had changed the builder
  };
  struct Creator {
    std::string process;
    Instant at;
  };

  void violate(std::string what);
  void builderCreated(const json::value& builder);
  void podCreated(const json::value& pod);
  void podTaken(const json::value& before, const json::value& after);
  void snapshotChanged(const test::Change& change);
  void sandboxTold(const json::value& before, const json::value& after);
  void templateTold(const json::value& before, const json::value& after);
  std::string unsettledTemplate(const json::value& template_) const;

  const Clock& clock_;
  test::ApiServer& server_;
  std::optional<std::string> violation_;
  std::map<std::string, Content> contents_;               // by the snapshot's uid, since it was claimed
  std::set<std::string> ready_;                           // uids of snapshots that were, once
  std::map<std::string, std::vector<Creator>> creators_;  // of builders, by the template's uid
  Instant oldViewsUntil_ = Instant::min();
};

}  // namespace cloister::sim
