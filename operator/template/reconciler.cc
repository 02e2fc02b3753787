#include "operator/template/reconciler.h"

#include "operator/sandbox/warm.h"
#include "runtime/remove_seen.h"
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

}  // namespace

Kept Reconciler::observeRevision(std::shared_ptr<const api::ControllerRevision> revision) {
  const kube::ObjectKey key = api::keyOf(revision->metadata);
  Kept kept{.revision = std::move(revision)};
  const auto sandboxes = parts_.stores.sandboxesOf(key);
  kept.sandboxes = int(std::ranges::count_if(sandboxes, [](const auto& sandbox) {
    return sandbox->status.phase == api::Phase::Running && !api::isBuilder(*sandbox);
  }));
  kept.used = !sandboxes.empty() || parts_.stores.isRevisionOfPods(key);
  if (kept.used) {
    unusedSince_.erase(key);
  } else {
    const Instant now = parts_.clock.instant();
    kept.unusedFor = now - unusedSince_.try_emplace(key, now).first->second;
  }
  return kept;
}

// TEMPLATE_ is as the store has it.
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
  if (!template_.spec.golden || !template_.unreadable.empty()) {
    begun_.erase(key);
    return seen;
  }
  const auto shape = stores.presentShapes.find(key);
  seen.name = goldenName(
      template_, stores.presentRevisions.at(key),
      shape != stores.presentShapes.end() ? shape->second : sandbox::plainShape(template_, parts_.config));
  seen.builder = stores.sandboxes.get({key.namespace_, seen.name});
  seen.snapshot = stores.snapshots.get({key.namespace_, seen.name});
  seen.begun = isBegun(template_, seen);
  return seen;
}

// Its end is noticed only if it was seen before: of the template's own. What has got the snapshot's name is
// done, and so is an attempt that has failed, whoever of those that lead has told so.
bool Reconciler::isBegun(const api::SandboxTemplate& template_, const GoldenObserved& seen) {
  const kube::ObjectKey key = api::keyOf(template_.metadata);
  const api::SandboxTemplateStatus& status = template_.status;
  const bool failed = status.goldenFailure && status.goldenFailure->name == seen.name;
  if (failed || (status.golden && status.golden->snapshotName == seen.name))
    begun_.erase(key);
  else if (seen.builder && isOwn(template_, seen.builder->metadata) &&
           !seen.builder->metadata.deletionTimestamp)
    begun_[key] = seen.name;
  const auto begun = begun_.find(key);
  return begun != begun_.end() && begun->second == seen.name;
}

Task<Result<void>> Reconciler::removeOld(kube::ObjectKey key, GoldenStep step) {
  Stores& stores = parts_.stores;
  Result<void> all;
  for (auto& builder : step.oldBuilders) {
    begun_.erase(key);
    auto done =
        co_await runtime::removeSeen(parts_.client, kube::sandboxes, stores.sandboxes, builder,
                                     "removing " + builder->metadata.name + " of the golden snapshot");
    if (!done) all = done;
  }
  for (auto& snapshot : step.oldSnapshots) {
    auto done =
        co_await runtime::removeSeen(parts_.client, kube::sandboxSnapshots, stores.snapshots, snapshot,
                                     "removing " + snapshot->metadata.name + " of the golden snapshot");
    if (!done) all = done;
  }
  co_return all;
}

Task<Result<void>> Reconciler::make(kube::ObjectKey key, GoldenStep step) {
  Stores& stores = parts_.stores;
  if (step.builder) {
    begun_.erase(key);
    co_return co_await create(parts_.client, kube::sandboxes, stores.sandboxes, std::move(*step.builder));
  }
  if (step.snapshot)
    co_return co_await create(parts_.client, kube::sandboxSnapshots, stores.snapshots,
                              std::move(*step.snapshot));
  co_return Result<void>{};
}

// Before the status names what was taken of the builder: it is so that nobody has changed it meanwhile.
Task<Result<void>> Reconciler::confirmBuilder(kube::ObjectKey builder) {
  auto object = co_await parts_.client.get(kube::sandboxes, builder);
  if (!object) co_return failWith("reading the builder " + builder.name, object.error());
  runtime::learn(parts_.stores.sandboxes, *object);
  co_return Result<void>{};
}

// Before anything is removed: whoever has seen a newer TEMPLATE_ may need what this view calls old. What was
// seen to be there was made before this, so for nothing newer.
Task<Result<void>> Reconciler::confirmTemplate(std::shared_ptr<const api::SandboxTemplate> template_) {
  const api::ObjectMeta& meta = template_->metadata;
  auto object = co_await parts_.client.get(kube::sandboxTemplates, api::keyOf(meta));
  if (!object) co_return failWith("reading the template " + meta.name, object.error());
  if (json::findString(*object, "metadata.resourceVersion") == meta.resourceVersion) co_return Result<void>{};
  runtime::learn(parts_.stores.templates, *object);
  co_return fail({.code = Errc::Conflict, .message = "the template " + meta.name + " was just changed"});
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

Task<Result<void>> Reconciler::tell(std::shared_ptr<const api::SandboxTemplate> template_, Plan& next) {
  if (!next.status) co_return Result<void>{};
  co_return co_await writeStatus(parts_.client, kube::sandboxTemplates, parts_.stores.templates, template_,
                                 std::move(*next.status));
}

// What was to be created is refused, as long as nothing changes: the status says why.
Task<Result<runtime::Outcome>> Reconciler::tellRefusal(kube::ObjectKey key, Error why) {
  auto template_ = parts_.stores.templates.get(key);
  if (template_ == nullptr) co_return runtime::Outcome{};
  Observed seen = observe(template_);
  seen.golden.refused = std::move(why);
  Plan next = plan(seen, parts_.config, parts_.clock.now());
  auto told = co_await tell(template_, next);
  if (!told) co_return fail(told.error());
  co_return runtime::Outcome{.again = next.again};
}

Task<Result<runtime::Outcome>> Reconciler::reconcile(kube::ObjectKey key, uint64_t) {
  auto template_ = parts_.stores.templates.get(key);
  if (template_ == nullptr) {
    begun_.erase(key);
    co_return runtime::Outcome{};
  }
  Observed seen = observe(template_);
  Plan next = plan(seen, parts_.config, parts_.clock.now());
  if (next.golden.golden && next.golden.golden != template_->status.golden) {
    auto confirmed = co_await confirmBuilder({key.namespace_, seen.golden.name});
    if (!confirmed) co_return fail(confirmed.error());
    next = plan(observe(template_), parts_.config, parts_.clock.now());
  }
  const bool removes = !next.golden.oldBuilders.empty() || !next.golden.oldSnapshots.empty();
  if (removes) {
    auto confirmed = co_await confirmTemplate(template_);
    if (!confirmed) co_return fail(confirmed.error());
  }
  for (auto& revision : next.remove) {
    auto done = co_await remove(std::move(revision));
    if (!done) co_return fail(done.error());
  }
  // What it says is true before it is carried out, too.
  auto told = co_await tell(template_, next);
  if (!told) co_return fail(told.error());
  // What is not needed any more may be what keeps the rest from being created, and is not kept by it.
  auto removed = co_await removeOld(key, next.golden);
  // One builder at a time.
  if (!removed) co_return fail(removed.error());
  auto made = co_await make(key, std::move(next.golden));
  const bool passes = !made && (isRetryable(made.error()) || made.error().code == Errc::Conflict);
  // A quota may not have counted yet that what is old has gone.
  if (!made && !passes && removes) co_return runtime::Outcome{.again = parts_.clock.now() + goldenLook};
  if (!made && !passes) co_return co_await tellRefusal(key, made.error());
  if (!made) co_return fail(made.error());
  co_return runtime::Outcome{.again = next.again};
}

}  // namespace cloister::templates
