#pragma once

#include "kube/client.h"
#include "operator/stores.h"

namespace cloister {

// Reads the pod KEY from the API server itself: what watches tell of goes into the store. False: there is
// none, or somebody else's.
Task<Result<bool>> learnPod(kube::Client& client, Stores& stores, kube::ObjectKey key);

}  // namespace cloister
