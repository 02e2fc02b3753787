// What the API server serves: kinds, and the names of single objects.
#pragma once

#include <string>
#include <string_view>

namespace cloister::kube {

struct Resource {
  std::string_view group;  // empty for the core group
  std::string_view version;
  std::string_view plural;
  std::string_view kind;
  bool namespaced = true;
};

// "v1" or "cloister.dev/v1alpha1".
std::string apiVersion(const Resource& resource);

inline constexpr Resource pods{"", "v1", "pods", "Pod"};
inline constexpr Resource events{"", "v1", "events", "Event"};
inline constexpr Resource nodes{"", "v1", "nodes", "Node", false};
inline constexpr Resource namespaces{"", "v1", "namespaces", "Namespace", false};
inline constexpr Resource persistentVolumeClaims{"", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"};
inline constexpr Resource configMaps{"", "v1", "configmaps", "ConfigMap"};
inline constexpr Resource leases{"coordination.k8s.io", "v1", "leases", "Lease"};
inline constexpr Resource networkPolicies{"networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"};
inline constexpr Resource controllerRevisions{"apps", "v1", "controllerrevisions", "ControllerRevision"};
inline constexpr Resource sandboxes{"cloister.dev", "v1alpha1", "sandboxes", "Sandbox"};
inline constexpr Resource sandboxTemplates{"cloister.dev", "v1alpha1", "sandboxtemplates", "SandboxTemplate"};
inline constexpr Resource resourceQuotas{"", "v1", "resourcequotas", "ResourceQuota"};
inline constexpr Resource sandboxQuotas{"cloister.dev", "v1alpha1", "sandboxquotas", "SandboxQuota"};
inline constexpr Resource sandboxPools{"cloister.dev", "v1alpha1", "sandboxpools", "SandboxPool"};
inline constexpr Resource sandboxSnapshots{"cloister.dev", "v1alpha1", "sandboxsnapshots", "SandboxSnapshot"};

struct ObjectKey {
  std::string namespace_;  // empty for cluster-scoped objects
  std::string name;

  auto operator<=>(const ObjectKey&) const = default;
};

// "namespace/name", or "name" without a namespace.
std::string toString(const ObjectKey& key);

}  // namespace cloister::kube
