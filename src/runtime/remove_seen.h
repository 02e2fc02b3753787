// Deletes objects only as they were seen.
#pragma once

#include <memory>

#include "kube/client.h"
#include "runtime/learn.h"

namespace cloister::runtime {

// OBJECT, unless somebody has changed it meanwhile: it may have become of use. One that is gone is done with;
// after a conflict STORE has what is there. WHAT, as in "deleting X", is told with a failure.
template <class T>
Task<Result<void>> removeSeen(kube::Client& client, kube::Resource resource, Store<T>& store,
                              std::shared_ptr<const T> object, std::string what) {
  const api::ObjectMeta& meta = object->metadata;
  auto answer = co_await client.remove(
      resource, api::keyOf(meta),
      {.uid = meta.uid, .resourceVersion = meta.resourceVersion, .propagation = "Background"});
  if (answer || answer.error().code == Errc::NotFound) co_return Result<void>{};
  if (answer.error().code == Errc::Conflict) co_await catchUp(client, store, resource, api::keyOf(meta));
  co_return failWith(what, answer.error());
}

}  // namespace cloister::runtime
