// The Sandbox controller: observe, plan, apply, report.
#pragma once

#include <map>

#include "kube/client.h"
#include "operator/sandbox/plan.h"
#include "operator/sandbox/start_tracker.h"
#include "operator/stores.h"
#include "runtime/controller.h"
#include "runtime/pace.h"

namespace cloister::sandbox {

// What the controller works with; all of it outlives the controller.
struct Parts {
  kube::Client& client;
  Clock& clock;
  const Config& config;
  Stores& stores;
  StartTracker& starts;
  // Tells people: an Event on the Sandbox.
  std::function<void(const api::Sandbox&, const Report&)> report;
};

class Reconciler {
 public:
  explicit Reconciler(Parts parts, uint64_t seed = 0) : parts_(std::move(parts)), statusPace_({}, seed) {}

  Task<Result<runtime::Outcome>> reconcile(kube::ObjectKey key, uint64_t id);

 private:
  // Which pod a Sandbox may have got: no answer told whether it did.
  struct Attempt {
    std::string uid;                        // of the Sandbox
    std::shared_ptr<const api::Pod> taken;  // of a pool, that was to be taken; null: one was to be made
    Instant at = {};
  };

  void keepTo(const kube::ObjectKey& key, Observed& observed);
  Task<Result<void>> attempt(Action action, const Observed& observed);
  Task<Result<runtime::Outcome>> carryOut(Plan plan, Observed observed);
  Duration untilTold(const Observed& observed, const Plan& next);
  void noteSuited(const kube::ObjectKey& key, const Observed& observed, const Plan& next);
  void noteWants(const Observed& observed, const Plan& next);
  Task<void> applyAll(std::vector<Action> actions, Observed& observed);

  Parts parts_;
  std::map<kube::ObjectKey, Attempt> attempts_;  // by Sandbox
  runtime::Pace statusPace_;
};

// POD, of a pool, as something to take.
Offer offerOf(const Stores& stores, std::shared_ptr<const api::Pod> pod);

// What is known of the Sandbox KEY: from the stores, and from the API server where the stores could mislead.
Task<Result<Observed>> observe(Parts& parts, kube::ObjectKey key);

// Asks the API server whether SEEN's Sandbox is the one it has.
Task<Result<void>> confirmVersion(Parts& parts, Observed& seen);

// A request that ended so may have been carried out, or be carried out yet.
bool isUnclear(const Error& error);

// One action. Objects that the API server answers with go into the stores.
Task<Result<void>> apply(Parts& parts, Action action);

}  // namespace cloister::sandbox
