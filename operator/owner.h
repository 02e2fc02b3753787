#pragma once

#include "api/core.h"
#include "api/sandbox.h"

namespace cloister {

// OWNER, of this KIND of ours, as the controller of what is made for it.
inline api::OwnerReference ownerReference(const api::ObjectMeta& owner, std::string_view kind) {
  return {.apiVersion = std::string(api::apiVersion),
          .kind = std::string(kind),
          .name = owner.name,
          .uid = owner.uid,
          .controller = true,
          // true would need update on the owner's finalizers where OwnerReferencesPermissionEnforcement is on
          .blockOwnerDeletion = false};
}

// The watch of pods tells of POD: it is of a Sandbox or a pool, by its labels, whoever wrote them.
inline bool isWatched(const api::Pod& pod) {
  return pod.metadata.labels.contains(std::string(api::sandboxLabel)) &&
         api::labelOf(pod.metadata, api::managedByLabel) == api::managedBy;
}

}  // namespace cloister
