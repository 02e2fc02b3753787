// Puts a template's present revision where something is about to rely on it.
#pragma once

#include "kube/client.h"
#include "operator/stores.h"

namespace cloister::templates {

// What the API server answers goes into STORES. Conflict: it has no such template any more, FROM is an older
// view.
Task<Result<void>> keepRevision(kube::Client& client, Stores& stores,
                                std::shared_ptr<const api::SandboxTemplate> from);

}  // namespace cloister::templates
