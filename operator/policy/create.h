// Puts a NetworkPolicy where a pod is about to rely on it.
#pragma once

#include "kube/client.h"
#include "operator/policy/profile.h"
#include "operator/stores.h"

namespace cloister::policy {

// What the API server answers goes into STORES. One of that name that says something else is neither relied
// upon nor taken over, it may be somebody's: AlreadyExists, reason PolicyNameTaken.
Task<Result<void>> create(kube::Client& client, Stores& stores, CreatePolicy wanted);

}  // namespace cloister::policy
