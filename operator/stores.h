// The operator's view of the cluster, and the indexes that its controllers look things up by.
#pragma once

#include "api/sandbox.h"
#include "runtime/store.h"

namespace cloister {

struct Stores {
  Stores();

  runtime::Store<api::Sandbox> sandboxes;
  runtime::Store<api::Pod> pods;
  runtime::Store<api::NetworkPolicy> policies;

  // Pods that carry the label of the Sandbox KEY, whoever owns them.
  std::vector<std::shared_ptr<const api::Pod>> podsOf(const kube::ObjectKey& key) const;
  // Pods that the NetworkPolicy KEY of ours applies to.
  std::vector<std::shared_ptr<const api::Pod>> podsUnder(const kube::ObjectKey& policy) const;
  std::vector<std::string> policyNames(const std::string& namespace_) const;
  // Sandboxes of the namespace that may get a pod yet.
  std::vector<std::shared_ptr<const api::Sandbox>> waitingIn(const std::string& namespace_) const;
};

// It has not begun, was not refused, and is not on its way out.
bool isWaiting(const api::Sandbox& sandbox);
// The Sandbox that a pod's label names.
kube::ObjectKey sandboxKeyOf(const api::Pod& pod);
// The NetworkPolicies of ours that apply to a pod.
std::vector<kube::ObjectKey> policyKeysOf(const api::Pod& pod);

}  // namespace cloister
