// The NetworkPolicy controller: keeps the policies that sandboxes rely on, one key per policy.
#pragma once

#include "operator/parts.h"
#include "operator/policy/plan.h"
#include "runtime/controller.h"

namespace cloister::policy {

class Reconciler {
 public:
  explicit Reconciler(Parts parts) : parts_(parts) {}

  Task<Result<runtime::Outcome>> reconcile(kube::ObjectKey key, uint64_t id);
  // The policy KEY is in use, or was until now: should it be unused, that begins only now.
  void noteUse(const kube::ObjectKey& key) { unusedSince_.erase(key); }

 private:
  Observed observe(const kube::ObjectKey& key);
  Task<Result<void>> apply(Step step, kube::ObjectKey key, Observed observed);

  Parts parts_;
  std::map<kube::ObjectKey, Instant> unusedSince_;
};

}  // namespace cloister::policy
