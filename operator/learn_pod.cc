#include "operator/learn_pod.h"

#include "operator/owner.h"

namespace cloister {

Task<Result<bool>> learnPod(kube::Client& client, Stores& stores, kube::ObjectKey key) {
  auto object = co_await client.get(kube::pods, key);
  if (!object && object.error().code == Errc::NotFound) co_return false;
  if (!object) co_return fail(object.error());
  auto pod = json::decode<api::Pod>(*object);
  if (!pod || !isWatched(*pod)) co_return false;
  stores.pods.learn(std::move(*pod));
  co_return true;
}

}  // namespace cloister
