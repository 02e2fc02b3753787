// The SandboxTemplate controller.
#pragma once

#include "kube/client.h"
#include "operator/stores.h"
#include "operator/template/plan.h"
#include "runtime/controller.h"

namespace cloister::templates {

// All of it outlives the controller.
struct Parts {
  kube::Client& client;
  Clock& clock;
  const Config& config;
  Stores& stores;
};

class Reconciler {
 public:
  explicit Reconciler(Parts parts) : parts_(parts) {}

  Task<Result<runtime::Outcome>> reconcile(kube::ObjectKey key, uint64_t id);

 private:
  Observed observe(std::shared_ptr<const api::SandboxTemplate> template_);
  Kept observeRevision(std::shared_ptr<const api::ControllerRevision> revision);
  Task<Result<void>> remove(std::shared_ptr<const api::ControllerRevision> revision);

  Parts parts_;
  std::map<kube::ObjectKey, Instant> unusedSince_;  // by revision
};

}  // namespace cloister::templates
