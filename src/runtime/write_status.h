#pragma once

#include "json/merge_patch.h"
#include "kube/client.h"
#include "runtime/learn.h"

namespace cloister::runtime {

// Writes STATUS to OBJECT, of RESOURCE, if it is still the one that was read (Conflict otherwise): what
// differs, and nothing when nothing does. The answer goes into STORE.
template <class T, class Status>
Task<Result<void>> writeStatus(kube::Client& client, kube::Resource resource, Store<T>& store,
                               std::shared_ptr<const T> object, Status status) {
  json::object changed =
      json::mergePatch(json::encode(object->status).as_object(), json::encode(status).as_object());
  if (changed.empty()) co_return Result<void>{};
  json::value body = {{"metadata", {{"resourceVersion", object->metadata.resourceVersion}}},
                      {"status", std::move(changed)}};
  const kube::ObjectKey key = api::keyOf(object->metadata);
  auto answer = co_await client.patch(resource, key, std::move(body), {.subresource = "status"});
  if (!answer && answer.error().code == Errc::NotFound) co_return Result<void>{};
  if (!answer && answer.error().code == Errc::Conflict) co_await catchUp(client, store, resource, key);
  if (!answer) co_return failWith("writing the status", answer.error());
  learn(store, *answer);
  co_return Result<void>{};
}

}  // namespace cloister::runtime
