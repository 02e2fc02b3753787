#include "operator/template/reconciler.h"

#include "operator/sandbox/warm.h"
#include "runtime/write_status.h"

namespace cloister::templates {
namespace {

// One that has the name already is the one, or is told of: it has the same name in the store, soon.
template <class T>
Task<Result<void>> create(kube::Client& client, kube::Resource resource, runtime::Store<T>& store,
                          json::value object) {
  const kube::ObjectKey key{json::findString(object, "metadata.namespace"),
                            json::findString(object, "metadata.name")};
  auto answer = co_await client.create(resource, key.namespace_, std::move(object));
  if (answer) {
    runtime::learn(store, *answer);
    co_return Result<void>{};
  }
  if (answer.error().code == Errc::AlreadyExists) {
    co_await runtime::catchUp(client, store, resource, key);
    co_return Result<void>{};
  }
  co_return failWith("creating " + key.name + " for the golden snapshot", answer.error());
}

// If it is still as it was seen: it may have become of use.
template <class T>
Task<Result<void>> removeSeen(kube::Client& client, kube::Resource resource, runtime::Store<T>& store,
                              std::shared_ptr<const T> object) {
  const api::ObjectMeta& meta = object->metadata;
  auto answer = co_await client.remove(
      resource, api::keyOf(meta),
      {.uid = meta.uid, .resourceVersion = meta.resourceVersion, .propagation = "Background"});
  if (answer || answer.error().code == Errc::NotFound) co_return Result<void>{};
  if (answer.error().code == Errc::Conflict)
    co_await runtime::catchUp(client, store, resource, api::keyOf(meta));
  co_return failWith("removing " + meta.name + " of the golden snapshot", answer.error());
}

}  // namespace

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
  seen.golden = observeGolden(*seen.template_);
  return seen;
}

GoldenObserved Reconciler::observeGolden(const api::SandboxTemplate& template_) {
  const Stores& stores = parts_.stores;
  const kube::ObjectKey key = api::keyOf(template_.metadata);
  GoldenObserved seen{.name = {},
                      .builders = stores.buildersOf(template_.metadata),
                      .snapshots = stores.goldensOf(template_.metadata)};
  const auto want = [&](const std::vector<std::shared_ptr<const api::Sandbox>>& sandboxes) {
    for (const auto& sandbox : sandboxes) {
      if (sandbox->status.golden) seen.wanted.insert(sandbox->status.golden->snapshotName);
    }
  };
  if (!seen.snapshots.empty()) {
    want(stores.unstartedOfTemplate(key));
    for (const auto& pool : stores.poolsOf(key)) want(stores.unstartedOfPool(api::keyOf(pool->metadata)));
  }
  if (!template_.spec.golden || !template_.unreadable.empty()) return seen;
  seen.name = goldenName(template_, sandbox::plainShape(template_, parts_.config));
  seen.builder = stores.sandboxes.get({key.namespace_, seen.name});
  seen.snapshot = stores.snapshots.get({key.namespace_, seen.name});
  return seen;
}

Task<Result<void>> Reconciler::carryOut(GoldenStep step) {
  Stores& stores = parts_.stores;
  Result<void> done;
  if (step.builder)
    done = co_await create(parts_.client, kube::sandboxes, stores.sandboxes, std::move(*step.builder));
  if (done && step.snapshot)
    done =
        co_await create(parts_.client, kube::sandboxSnapshots, stores.snapshots, std::move(*step.snapshot));
  for (auto& builder : step.oldBuilders) {
    if (done) done = co_await removeSeen(parts_.client, kube::sandboxes, stores.sandboxes, builder);
  }
  for (auto& snapshot : step.oldSnapshots) {
    if (done) done = co_await removeSeen(parts_.client, kube::sandboxSnapshots, stores.snapshots, snapshot);
  }
  co_return done;
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
  // What it says is true before it is carried out, too, and says why where that is refused.
  if (next.status) {
    auto done = co_await writeStatus(parts_.client, kube::sandboxTemplates, parts_.stores.templates,
                                     template_, std::move(*next.status));
    if (!done) co_return fail(done.error());
  }
  auto carried = co_await carryOut(std::move(next.golden));
  if (!carried) co_return fail(carried.error());
  co_return runtime::Outcome{.again = next.again};
}

}  // namespace cloister::templates
