#pragma once

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

}  // namespace cloister
