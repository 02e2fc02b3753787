// What the kinds differ in, as far as the operator meets them.
#pragma once

#include "kube/resource.h"

namespace cloister::test {

struct KindRules {
  kube::Resource resource;
  bool generation = false;          // counts the changes of what is neither metadata nor status
  bool status = false;              // status is written through its subresource alone
  bool answersWithObject = false;   // a deletion answers with the object, not with a Status
  bool graceful = false;            // ... as one that is about to go
  bool unconditionalUpdate = true;  // a PUT may leave out the resourceVersion
};

inline constexpr kube::Resource runtimeClasses{"node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", false};

inline constexpr KindRules kindRules[] = {
    {.resource = kube::sandboxes, .generation = true, .status = true, .unconditionalUpdate = false},
    {.resource = kube::sandboxTemplates, .generation = true, .status = true, .unconditionalUpdate = false},
    {.resource = kube::sandboxPools, .generation = true, .status = true, .unconditionalUpdate = false},
    {.resource = kube::sandboxQuotas, .generation = true, .status = true, .unconditionalUpdate = false},
    {.resource = kube::sandboxSnapshots, .generation = true, .status = true, .unconditionalUpdate = false},
    {.resource = kube::controllerRevisions},
    {.resource = kube::pods, .generation = true, .status = true, .answersWithObject = true, .graceful = true},
    {.resource = kube::networkPolicies, .generation = true},
    {.resource = kube::persistentVolumeClaims, .status = true, .answersWithObject = true},
    {.resource = kube::leases, .unconditionalUpdate = false},
    {.resource = kube::events},
    {.resource = kube::configMaps},
    {.resource = kube::resourceQuotas, .answersWithObject = true},
    {.resource = runtimeClasses},
    {.resource = kube::nodes, .status = true},
    {.resource = kube::namespaces, .status = true, .answersWithObject = true},
};

}  // namespace cloister::test
