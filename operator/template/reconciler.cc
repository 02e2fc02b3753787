#include "operator/template/reconciler.h"

#include "runtime/write_status.h"

namespace cloister::templates {

Kept Reconciler::observeRevision(std::shared_ptr<const api::ControllerRevision> revision) {
  const kube::ObjectKey key = api::keyOf(revision->metadata);
  Kept kept{.revision = std::move(revision)};
  const auto sandboxes = parts_.stores.sandboxesOf(key);
  kept.sandboxes = int(std::ranges::count_if(
      sandboxes, [](const auto& sandbox) { return sandbox->status.phase == api::Phase::Running; }));
  kept.used = !sandboxes.empty() || parts_.stores.isRevisionOfPods(key);
  if (kept.used) {
    unusedSince_.erase(key);
  } else {
    const Instant now = parts_.clock.instant();
    kept.unusedFor = now - unusedSince_.try_emplace(key, now).first->second;
  }
  return kept;
}

Observed Reconciler::observe(std::shared_ptr<const api::SandboxTemplate> template_) {
  Observed seen{.template_ = std::move(template_), .revisions = {}};
  for (auto& revision : parts_.stores.revisionsOf(api::keyOf(seen.template_->metadata))) {
    const api::OwnerReference* owner = api::controllerOf(revision->metadata);
    // Those of a namesake that is gone go with it.
    if (owner != nullptr && owner->uid == seen.template_->metadata.uid)
      seen.revisions.push_back(observeRevision(std::move(revision)));
  }
  return seen;
}

Task<Result<void>> Reconciler::remove(std::shared_ptr<const api::ControllerRevision> revision) {
  const api::ObjectMeta& meta = revision->metadata;
  auto answer = co_await parts_.client.remove(kube::controllerRevisions, api::keyOf(meta),
                                              {.uid = meta.uid, .resourceVersion = meta.resourceVersion});
  if (answer || answer.error().code == Errc::NotFound) {
    unusedSince_.erase(api::keyOf(meta));
    co_return Result<void>{};
  }
  co_return failWith("removing the unused ControllerRevision " + meta.name, answer.error());
}

Task<Result<runtime::Outcome>> Reconciler::reconcile(kube::ObjectKey key, uint64_t) {
  auto template_ = parts_.stores.templates.get(key);
  if (template_ == nullptr) co_return runtime::Outcome{};
  Plan next = plan(observe(template_), parts_.config, parts_.clock.now());
  for (auto& revision : next.remove) {
    auto done = co_await remove(std::move(revision));
    if (!done) co_return fail(done.error());
  }
  if (next.status) {
    auto done = co_await writeStatus(parts_.client, kube::sandboxTemplates, parts_.stores.templates,
                                     template_, std::move(*next.status));
    if (!done) co_return fail(done.error());
  }
  co_return runtime::Outcome{.again = next.again};
}

}  // namespace cloister::templates
