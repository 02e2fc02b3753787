#include "operator/owner.h"
#include "operator/policy/create.h"
#include "operator/pool/reconciler.h"
#include "operator/sandbox/reasons.h"
#include "operator/template/keep.h"
#include "runtime/learn.h"

namespace cloister::pool {
namespace {

using Pool = std::shared_ptr<const api::SandboxPool>;

// The name of a slot is taken: by a pod of the pool that the store does not know yet (an earlier answer was
// lost, or another operator was faster), whether or not a Sandbox has taken it since; else by somebody
// else's, which our watch does not bring.
Task<Result<void>> learnSlot(Parts& parts, Pool pool, std::string name) {
  const kube::ObjectKey key{pool->metadata.namespace_, name};
  auto present = co_await parts.client.get(kube::pods, key);
  if (!present && present.error().code == Errc::NotFound) co_return Result<void>{};
  if (!present) co_return fail(present.error());
  auto pod = json::decode<api::Pod>(*present);
  if (!pod) co_return fail(pod.error());
  if (!isWatched(*pod) || api::labelOf(pod->metadata, api::poolLabel) != pool->metadata.name) {
    co_return fail({.code = Errc::AlreadyExists,
                    .message = "A pod named " + name + " exists and belongs to somebody else.",
                    .reason = std::string(sandbox::reason::podNameTaken)});
  }
  parts.stores.pods.learn(std::move(*pod));
  co_return Result<void>{};
}

Task<Result<void>> createPod(Parts& parts, Pool pool, CreatePod action) {
  auto answer = co_await parts.client.create(kube::pods, pool->metadata.namespace_, std::move(action.pod));
  if (!answer && answer.error().code == Errc::AlreadyExists) {
    co_return co_await learnSlot(parts, pool, std::move(action.name));
  }
  if (!answer) co_return fail(answer.error());
  learn(parts.stores.pods, *answer);
  co_return Result<void>{};
}

Task<Result<void>> deletePod(Parts& parts, DeletePod action) {
  const api::ObjectMeta& meta = action.pod->metadata;
  const kube::ObjectKey key = api::keyOf(meta);
  if (parts.stores.idle.isHeld(key)) co_return Result<void>{};  // a Sandbox is just taking it
  auto answer = co_await parts.client.remove(kube::pods, key,
                                             {.uid = meta.uid, .resourceVersion = meta.resourceVersion});
  if (answer && json::findString(*answer, "kind") == "Pod") learn(parts.stores.pods, *answer);
  if (answer || answer.error().code == Errc::NotFound) co_return Result<void>{};
  // It has changed since, it may have been taken: it is decided anew.
  if (answer.error().code == Errc::Conflict) {
    co_await catchUp(parts.client, parts.stores.pods, kube::pods, key);
    co_return Result<void>{};
  }
  co_return failWith("deleting pod " + meta.name, answer.error());
}

}  // namespace

Task<Result<void>> apply(Parts& parts, Pool pool, Action action) {
  if (auto* policy = std::get_if<CreatePolicy>(&action)) {
    co_return co_await policy::create(parts.client, parts.stores, std::move(*policy));
  }
  if (auto* revision = std::get_if<KeepRevision>(&action)) {
    co_return co_await templates::keepRevision(parts.client, parts.stores, revision->template_);
  }
  if (auto* pod = std::get_if<CreatePod>(&action)) {
    co_return co_await createPod(parts, pool, std::move(*pod));
  }
  co_return co_await deletePod(parts, std::move(std::get<DeletePod>(action)));
}

}  // namespace cloister::pool
