#include "tests/sim/leadership.h"

#include "tests/sim/invariants.h"

namespace cloister::sim {

Leadership::Leadership(const Clock& clock, test::ApiServer& server, const LeaderElectionConfig& config)
    : clock_(clock), server_(server), config_(config) {
  server.storage().onChange([this](const test::Change& change) { leaseChanged(change); });
}

void Leadership::leaseChanged(const test::Change& change) {
  if (change.id.plural != "leases" || change.id.key.name != config_.name) return;
  // Somebody's edit: its holder hears of it at its next renewal, and until then all is as if nothing were.
  if (!server_.actor().starts_with(operatorPrefix)) {
    edited_ = clock_.instant();
    over_.clear();
  }
  holder_ = change.after ? json::findString(change.after->json, "spec.holderIdentity") : "";
  over_.erase(holder_);
  until_ = clock_.instant() + config_.renewDeadline;
}

bool Leadership::isEdited() const {
  return edited_ && clock_.instant() < *edited_ + config_.leaseDuration;
}

bool Leadership::leads(const std::string& process) const {
  return process == holder_ && clock_.instant() < until_;
}

void Leadership::tick(const std::string& process, Duration step) {
  Duration& over = over_[process];
  over = leads(process) || isEdited() ? Duration{} : over + step;
}

void Leadership::wrote(const std::string& process, const std::string& plural) {
  // Events only tell people what was done; the recorder may be behind.
  if (isEdited()) return;
  if (!config_.enabled || plural == "leases" || plural == "events" || leads(process)) return;
  if (over_[process] > bound && !violation_)
    violation_ = "a write without the Lease: " + process + ", " + plural;
}

}  // namespace cloister::sim
