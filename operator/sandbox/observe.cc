#include "operator/sandbox/confirm.h"
#include "operator/sandbox/own.h"
#include "operator/sandbox/pod.h"
#include "operator/sandbox/reconciler.h"
#include "runtime/learn.h"

namespace cloister::sandbox {
namespace {

std::shared_ptr<const api::ControllerRevision> keptRevision(const Stores& stores,
                                                            const std::string& namespace_,
                                                            const std::string& name) {
  const kube::ObjectKey key{namespace_, name};
  return stores.intactRevisions.contains(key) ? stores.revisions.get(key) : nullptr;
}

// NODE: of that one alone, unless it is empty.
std::vector<Offer> offersOf(const Stores& stores, const kube::ObjectKey& pool, const std::string& node) {
  std::vector<Offer> offers;
  for (const pool::IdlePods::Offer& offer : stores.idle.offers(pool, stores.closedNodes, node))
    offers.push_back(offerOf(stores, stores.pods.get(offer.pod)));
  return offers;
}

// What the template's status names, if it can be begun from now.
std::shared_ptr<const api::SandboxSnapshot> goldenOf(const Stores& stores,
                                                     const api::SandboxTemplate& template_) {
  const auto& named = template_.status.golden;
  if (!template_.spec.golden || !named) return nullptr;
  auto snapshot = stores.snapshots.get({template_.metadata.namespace_, named->snapshotName});
  const bool good = snapshot != nullptr && snapshot->metadata.uid == named->snapshotUID &&
                    snapshot->status.phase == api::SnapshotPhase::Ready &&
                    !snapshot->metadata.deletionTimestamp &&
                    !stores.closedNodes.contains(snapshot->status.nodeName);
  return good ? snapshot : nullptr;
}

// The template and the pool, as far as they matter still.
void observeOrigin(const Stores& stores, Observed& seen) {
  const api::Sandbox& sandbox = *seen.sandbox;
  if (!sandbox.spec.templateRef && !sandbox.spec.poolRef) return;
  const std::string& namespace_ = sandbox.metadata.namespace_;
  const auto pod = ownPod(seen);
  seen.pinned = keptRevision(stores, namespace_, pinnedRevision(sandbox, pod.get()));
  if (pod != nullptr || !isUnstarted(sandbox) || !api::suspendedAs(sandbox).empty()) return;
  if (sandbox.spec.poolRef) {
    seen.pool = stores.pools.get({namespace_, sandbox.spec.poolRef->name});
    if (seen.pool == nullptr) return;
    const std::string node = seen.snapshot != nullptr ? seen.snapshot->status.nodeName : "";
    seen.offers = offersOf(stores, {namespace_, sandbox.spec.poolRef->name}, node);
  }
  const std::string& named = seen.pool ? seen.pool->spec.templateRef.name : sandbox.spec.templateRef->name;
  seen.template_ = stores.templates.get({namespace_, named});
  if (seen.template_ == nullptr) return;
  seen.golden = goldenOf(stores, *seen.template_);
  // Those that can begin from it first: they have not begun yet.
  if (seen.pool && seen.pool->spec.hold.value_or(false) && seen.golden && !seen.snapshot) {
    auto fitting = offersOf(stores, api::keyOf(seen.pool->metadata), seen.golden->status.nodeName);
    seen.offers.insert(seen.offers.begin(), fitting.begin(), fitting.end());
  }
  seen.presentRevision = stores.presentRevisions.at({namespace_, named});
  if (const auto shape = stores.presentShapes.find({namespace_, named}); shape != stores.presentShapes.end())
    seen.presentShape = shape->second;
  seen.presentIsKept = keptRevision(stores, namespace_, seen.presentRevision) != nullptr;
}

bool isNodeAway(const Stores& stores, const std::string& name) {
  const auto node = stores.nodes.get({"", name});
  return node == nullptr || !isReady(*node);
}

// Where the operator may not read nodes, none is known to be away.
void observeNodes(const Parts& parts, Observed& seen) {
  if (!parts.config.watchNamespaces.empty()) return;
  for (const auto& pod : seen.pods) {
    if (pod->metadata.deletionTimestamp && isNodeAway(parts.stores, pod->spec.nodeName))
      seen.nodesAway.insert(pod->spec.nodeName);
  }
}

void observeCheckpoints(const Stores& stores, Observed& seen) {
  for (const auto& snapshot : stores.snapshotsOf(api::keyOf(seen.sandbox->metadata))) {
    const api::Condition* ready = api::findCondition(snapshot->status.conditions, api::snapshot::ready);
    if (snapshot->status.podUID != seen.sandbox->status.podUID || ready == nullptr) continue;
    if (snapshot->status.phase == api::SnapshotPhase::Running)
      seen.checkpointing = seen.checkpointing || ready->reason == api::snapshot::taking;
    else
      seen.checkpointed = std::max(seen.checkpointed, ready->lastTransitionTime);
  }
}

Observed observeStores(Parts& parts, const kube::ObjectKey& key) {
  Observed seen;
  seen.sandbox = parts.stores.sandboxes.get(key);
  seen.pods = parts.stores.podsOf(key);
  seen.podsVersion = parts.stores.pods.watchedUpTo(key.namespace_);
  seen.policies = parts.stores.policyNames(key.namespace_);
  if (seen.sandbox == nullptr) return seen;
  observeNodes(parts, seen);
  seen.latency = parts.starts.latency(seen.sandbox->metadata.uid);
  if (const std::string from = api::continuesFrom(*seen.sandbox); !from.empty())
    seen.snapshot = parts.stores.snapshots.get({key.namespace_, from});
  observeOrigin(parts.stores, seen);
  seen.ownSnapshots = parts.stores.snapshotsOwnedBy(seen.sandbox->metadata);
  seen.scheduled = parts.stores.scheduledSnapshotsOf(seen.sandbox->metadata);
  for (const auto& snapshot : seen.scheduled) {
    if (!parts.stores.unstartedOfSnapshot(api::keyOf(snapshot->metadata)).empty())
      seen.wanted.insert(snapshot->metadata.name);
  }
  observeCheckpoints(parts.stores, seen);
  return seen;
}

// When an Event was last seen, in whole seconds: recorders differ in the field that they fill and in its
// precision.
Time lastSeen(const json::value& event) {
  for (const char* field : {"series.lastObservedTime", "lastTimestamp", "eventTime"}) {
    if (auto time = parseTime(json::findString(event, field))) return std::chrono::floor<seconds>(*time);
  }
  return {};
}

// core/v1 Event, as far as it is read here. Newest last; within a second in the order of the names, which
// recorders derive from the time of the first one.
Task<Result<std::vector<PodEvent>>> readEvents(Parts& parts, std::shared_ptr<const api::Pod> pod) {
  kube::ListOptions options{.fieldSelector = "involvedObject.uid=" + pod->metadata.uid, .limit = 50};
  auto page = co_await parts.client.list(kube::events, pod->metadata.namespace_, std::move(options));
  if (!page) co_return fail(page.error());
  std::ranges::sort(page->items, {}, [](const json::value& event) {
    return std::pair(lastSeen(event), json::findString(event, "metadata.name"));
  });
  std::vector<PodEvent> events;
  for (const json::value& item : page->items) {
    events.push_back({json::findString(item, "type"), json::findString(item, "reason"),
                      json::findString(item, "message")});
  }
  co_return events;
}

// None when the operator may not read nodes (namespaced mode), or the node is gone: then its pods tell.
Task<Result<std::optional<bool>>> readNodeReady(Parts& parts, std::string node) {
  auto object = co_await parts.client.get(kube::nodes, {"", node});
  if (!object && object.error().code == Errc::NotFound) co_return std::optional(false);
  if (!object && object.error().code == Errc::Forbidden) co_return std::nullopt;
  if (!object) co_return fail(object.error());
  const json::value* conditions = json::find(*object, "status.conditions");
  if (conditions == nullptr || !conditions->is_array()) co_return std::nullopt;
  for (const json::value& condition : conditions->get_array()) {
    if (json::findString(condition, "type") == "Ready") {
      co_return std::optional(json::findString(condition, "status") == "True");
    }
  }
  co_return std::nullopt;
}

// Looks for the Sandbox's pod KEY, which the store lacks, or has as it was before. Found: it goes into SEEN;
// the store gets it from its watch.
Task<Result<void>> findPod(Parts& parts, kube::ObjectKey key, Observed& seen) {
  auto object = co_await parts.client.get(kube::pods, key);
  if (!object && object.error().code == Errc::NotFound) co_return Result<void>{};
  if (!object) co_return fail(object.error());
  auto pod = json::decode<api::Pod>(*object);
  if (!pod) co_return fail(pod.error());
  if (!controls(*seen.sandbox, *pod)) co_return Result<void>{};
  std::erase_if(seen.pods, [&](const auto& older) { return older->metadata.uid == pod->metadata.uid; });
  seen.pods.push_back(std::make_shared<const api::Pod>(std::move(*pod)));
  co_return Result<void>{};
}

Task<Result<void>> confirmPod(Parts& parts, kube::ObjectKey key, Observed& seen) {
  const std::string& named = seen.sandbox->status.podName;
  auto done = co_await findPod(parts, {key.namespace_, named.empty() ? podName(*seen.sandbox) : named}, seen);
  if (!done) co_return fail(done.error());
  seen.podConfirmedGone = ownPod(seen) == nullptr;
  co_return Result<void>{};
}

// Sees all anew, with the Sandbox as the API server itself has it, and with the pod that ended last, should
// the store lack it.
Task<Result<void>> renew(Parts& parts, kube::ObjectKey key, Observed& seen) {
  auto object = co_await parts.client.get(kube::sandboxes, key);
  if (!object) co_return fail(object.error());
  learn(parts.stores.sandboxes, *object);
  seen = observeStores(parts, key);
  const std::string version = json::findString(*object, "metadata.resourceVersion");
  if (seen.sandbox == nullptr || seen.sandbox->metadata.resourceVersion != version)
    co_return fail({.code = Errc::Conflict, .message = "the Sandbox was just changed"});
  seen.newest = true;
  const auto& history = seen.sandbox->status.history;
  const auto isLast = [&](const auto& pod) { return pod->metadata.name == history.front().podName; };
  if (history.empty() || std::ranges::any_of(seen.pods, isLast)) co_return Result<void>{};
  auto done = co_await findPod(parts, {key.namespace_, history.front().podName}, seen);
  if (!done) co_return fail(done.error());
  observeNodes(parts, seen);
  co_return Result<void>{};
}

// Looks for the Sandbox's ControllerRevision, which the store lacks.
Task<Result<void>> findRevision(Parts& parts, kube::ObjectKey key, Observed& seen) {
  key.name = pinnedRevision(*seen.sandbox, ownPod(seen).get());
  auto object = co_await parts.client.get(kube::controllerRevisions, key);
  if (!object && object.error().code == Errc::NotFound) co_return Result<void>{};
  if (!object) co_return fail(object.error());
  learn(parts.stores.revisions, *object);
  seen.pinned = keptRevision(parts.stores, key.namespace_, key.name);
  co_return Result<void>{};
}

Task<Result<void>> confirmSandboxGone(Parts& parts, kube::ObjectKey key, Observed& seen) {
  auto object = co_await parts.client.get(kube::sandboxes, key);
  if (!object && object.error().code != Errc::NotFound) co_return fail(object.error());
  const std::string living = object ? json::findString(*object, "metadata.uid") : "";
  seen.sandboxConfirmedGone = std::ranges::none_of(seen.pods, [&](const auto& pod) {
    const api::OwnerReference* owner = api::controllerOf(pod->metadata);
    const bool known =
        seen.sandbox != nullptr && owner != nullptr && owner->uid == seen.sandbox->metadata.uid;
    return !known && owner != nullptr && owner->uid == living;
  });
  co_return Result<void>{};
}

// Once: what is asked may change meanwhile.
Task<Result<Observed>> look(Parts& parts, kube::ObjectKey key) {
  Observed seen = observeStores(parts, key);
  Questions ask = questions(seen, parts.clock.now());
  if (ask.newest) {
    auto done = co_await renew(parts, key, seen);
    if (!done) co_return fail(done.error());
    ask = questions(seen, parts.clock.now());
  }
  if (ask.sandbox) {
    auto done = co_await confirmSandboxGone(parts, key, seen);
    if (!done) co_return fail(done.error());
  }
  if (ask.pod) {
    auto done = co_await confirmPod(parts, key, seen);
    if (!done) co_return fail(done.error());
  }
  if (ask.revision) {
    auto done = co_await findRevision(parts, key, seen);
    if (!done) co_return fail(done.error());
  }
  auto confirmed = co_await confirmSuspension(parts, ask, seen);
  if (!confirmed) co_return fail(confirmed.error());
  if (ask.podEvents) {
    auto events = co_await readEvents(parts, ownPod(seen));
    if (!events) co_return fail(events.error());
    seen.podEvents = std::move(*events);
  }
  if (ask.nodeState) {
    auto ready = co_await readNodeReady(parts, ownPod(seen)->spec.nodeName);
    if (!ready) co_return fail(ready.error());
    seen.nodeReady = *ready;
  }
  if (seen.sandbox == nullptr) co_return seen;
  // Last: a grant may have been taken back while the API server was asked.
  seen.quota = parts.stores.quotaOf(key.namespace_);
  seen.answer = parts.stores.requests.answer(key.namespace_, seen.sandbox->metadata.uid);
  co_return seen;
}

}  // namespace

Offer offerOf(const Stores& stores, std::shared_ptr<const api::Pod> pod) {
  const api::ObjectMeta& meta = pod->metadata;
  return {.pod = pod,
          .revision = keptRevision(stores, meta.namespace_, api::labelOf(meta, api::revisionLabel)),
          .shape = api::annotationOf(meta, api::shapeAnnotation)};
}

Task<Result<void>> confirmVersion(Parts& parts, Observed& seen) {
  const api::ObjectMeta& known = seen.sandbox->metadata;
  auto object = co_await parts.client.get(kube::sandboxes, api::keyOf(known));
  if (!object) co_return fail(object.error());
  seen.sandboxConfirmed = json::findString(*object, "metadata.resourceVersion") == known.resourceVersion;
  co_return Result<void>{};
}

Task<Result<Observed>> observe(Parts& parts, kube::ObjectKey key) {
  constexpr int mostLooks = 3;
  for (int looks = 0; looks < mostLooks; ++looks) {
    auto seen = co_await look(parts, key);
    if (!seen || seen->sandbox == parts.stores.sandboxes.get(key)) co_return seen;
  }
  co_return fail({.code = Errc::Conflict, .message = "the Sandbox keeps changing"});
}

}  // namespace cloister::sandbox
