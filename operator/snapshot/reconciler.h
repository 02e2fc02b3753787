// The SandboxSnapshot controller.
#pragma once

#include "kube/client.h"
#include "operator/config.h"
#include "operator/snapshot/plan.h"
#include "operator/stores.h"
#include "runtime/controller.h"

namespace cloister::snapshot {

// All of it outlives the controller.
struct Parts {
  kube::Client& client;
  Clock& clock;
  const Config& config;
  Stores& stores;
  // Tells people: an Event on the SandboxSnapshot.
  std::function<void(const api::SandboxSnapshot&, const sandbox::Report&)> report;
};

class Reconciler {
 public:
  explicit Reconciler(Parts parts) : parts_(std::move(parts)) {}

  Task<Result<runtime::Outcome>> reconcile(kube::ObjectKey key, uint64_t id);

 private:
  struct Memory {
    std::string uid;
    Stage stage;
    Instant since;
  };

  Observed observe(std::shared_ptr<const api::SandboxSnapshot> snapshot);
  Duration lasted(const Observed& observed);

  Parts parts_;
  std::map<kube::ObjectKey, Memory> memory_;  // of those at a stage that is waited out
};

}  // namespace cloister::snapshot
