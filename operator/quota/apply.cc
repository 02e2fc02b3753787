#include "operator/quota/reconciler.h"
#include "runtime/learn.h"

namespace cloister::quota {
namespace {

Task<Result<void>> create(Parts& parts, CreateGuard step) {
  json::value object = json::encode(step.guard);
  auto answer =
      co_await parts.client.create(kube::resourceQuotas, step.guard.metadata.namespace_, std::move(object));
  if (!answer) co_return failWith("creating ResourceQuota " + step.guard.metadata.name, answer.error());
  learn(parts.stores.resourceQuotas, *answer);
  co_return Result<void>{};
}

Task<Result<void>> repair(Parts& parts, RepairGuard step) {
  const api::ObjectMeta& meta = step.present->metadata;
  const kube::ObjectKey key = api::keyOf(meta);
  json::value body =
      json::array{{{"op", "test"}, {"path", "/metadata/resourceVersion"}, {"value", meta.resourceVersion}},
                  {{"op", "replace"}, {"path", "/spec"}, {"value", json::encode(step.spec)}}};
  auto answer = co_await parts.client.patch(kube::resourceQuotas, key, std::move(body),
                                            {.type = kube::PatchType::Json});
  if (!answer && answer.error().code == Errc::NotFound) co_return Result<void>{};
  // Its status changes with each pod: read, it is repaired the next time.
  if (!answer && answer.error().code == Errc::Conflict)
    co_await catchUp(parts.client, parts.stores.resourceQuotas, kube::resourceQuotas, key);
  if (!answer) co_return failWith("putting ResourceQuota " + meta.name + " back", answer.error());
  learn(parts.stores.resourceQuotas, *answer);
  co_return Result<void>{};
}

Task<Result<void>> remove(Parts& parts, RemoveGuard step) {
  const api::ObjectMeta& meta = step.present->metadata;
  auto answer = co_await parts.client.remove(kube::resourceQuotas, api::keyOf(meta), {.uid = meta.uid});
  if (answer || answer.error().code == Errc::NotFound || answer.error().code == Errc::Conflict)
    co_return Result<void>{};
  co_return failWith("removing ResourceQuota " + meta.name, answer.error());
}

}  // namespace

Task<Result<void>> apply(Parts& parts, GuardStep step) {
  if (auto* missing = std::get_if<CreateGuard>(&step)) co_return co_await create(parts, std::move(*missing));
  if (auto* bent = std::get_if<RepairGuard>(&step)) co_return co_await repair(parts, std::move(*bent));
  co_return co_await remove(parts, std::move(std::get<RemoveGuard>(step)));
}

}  // namespace cloister::quota
