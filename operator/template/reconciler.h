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
  bool isBegun(const api::SandboxTemplate& template_, const GoldenObserved& seen);
  Task<Result<void>> confirmBuilder(kube::ObjectKey builder);
  Task<Result<void>> confirmTemplate(std::shared_ptr<const api::SandboxTemplate> template_);
  Task<Result<void>> tell(std::shared_ptr<const api::SandboxTemplate> template_, Plan& next);
  Task<Result<void>> removeOld(kube::ObjectKey key, GoldenStep step);
  Task<Result<void>> make(kube::ObjectKey key, GoldenStep step);
  Task<Result<runtime::Outcome>> tellRefusal(kube::ObjectKey key, Error why);

  Parts parts_;
  std::map<kube::ObjectKey, Instant> unusedSince_;  // by revision
  std::map<kube::ObjectKey, std::string> begun_;    // by template: the builder that was seen
};

}  // namespace cloister::templates
