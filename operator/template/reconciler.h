// The SandboxTemplate controller.
#pragma once

#include "operator/parts.h"
#include "operator/template/plan.h"
#include "runtime/controller.h"

namespace cloister::templates {

class Reconciler {
 public:
  explicit Reconciler(Parts parts) : parts_(parts) {}

  Task<Result<runtime::Outcome>> reconcile(kube::ObjectKey key, uint64_t id);

 private:
  Observed observe(std::shared_ptr<const api::SandboxTemplate> template_);
  Kept observeRevision(std::shared_ptr<const api::ControllerRevision> revision);
  GoldenObserved observeGolden(const api::SandboxTemplate& template_);
  Task<Result<void>> remove(std::shared_ptr<const api::ControllerRevision> revision);
  Task<Result<void>> carryOut(GoldenStep step);

  Parts parts_;
  std::map<kube::ObjectKey, Instant> unusedSince_;  // by revision
};

}  // namespace cloister::templates
