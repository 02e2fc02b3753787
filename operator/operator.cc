#include "operator/operator.h"

#include "operator/same.h"
#include "operator/sandbox/reasons.h"
#include "operator/sandbox/warm.h"

namespace cloister {
namespace {

// What is ours; that of others is never even looked at.
const std::string podSelector = std::string(api::sandboxLabel) + "," + std::string(api::managedByLabel) +
                                "=" + std::string(api::managedBy);
const std::string managedSelector = std::string(api::managedByLabel) + "=" + std::string(api::managedBy);

// A Sandbox older than this when first seen was created before this process watched: its start cannot be
// measured.
constexpr Duration freshFor = seconds(2);

std::vector<std::string> watchedNamespaces(const Config& config) {
  return config.watchNamespaces.empty() ? std::vector<std::string>{""} : config.watchNamespaces;
}

runtime::LeaderElection::Options electionOptions(const Operator::Surroundings& with) {
  const LeaderElectionConfig& config = with.config.leaderElection;
  return {.namespace_ = config.namespace_.empty() ? with.namespace_ : config.namespace_,
          .name = config.name,
          .identity = with.identity,
          .leaseDuration = config.leaseDuration,
          .renewDeadline = config.renewDeadline,
          .retryPeriod = config.retryPeriod,
          .seed = with.seed};
}

template <class T>
bool allCurrent(const std::list<runtime::Informer<T>>& informers) {
  return std::ranges::all_of(informers, [](const auto& informer) { return informer.current(); });
}

}  // namespace

// SALT: no two of them draw the same jitter.
template <class R>
runtime::Controller Operator::controllerOf(std::string name, uint64_t salt, R& reconciler) {
  return {
      {.name = std::move(name), .workers = unsigned(with_.config.workers), .seed = with_.seed + salt},
      with_.clock,
      [&reconciler](kube::ObjectKey key, uint64_t id) { return reconciler.reconcile(std::move(key), id); },
      [this] { return isOpen(); }};
}

Operator::Operator(Surroundings surroundings)
    : with_(std::move(surroundings)),
      events_(with_.client, with_.clock, std::string(api::managedBy), with_.identity),
      election_(electionOptions(with_), with_.client, with_.clock),
      sandboxes_({.client = with_.client,
                  .clock = with_.clock,
                  .config = with_.config,
                  .stores = stores_,
                  .starts = starts_,
                  .report = [this](const auto& sandbox,
                                   const auto& note) { report(kube::sandboxes, sandbox.metadata, note); }},
                 with_.seed),
      policies_({.client = with_.client, .clock = with_.clock, .config = with_.config, .stores = stores_}),
      templates_({.client = with_.client, .clock = with_.clock, .config = with_.config, .stores = stores_}),
      pools_({.client = with_.client,
              .clock = with_.clock,
              .config = with_.config,
              .stores = stores_,
              .report = [this](const auto& pool,
                               const auto& note) { report(kube::sandboxPools, pool.metadata, note); }},
             with_.seed),
      quotas_(
          {.client = with_.client, .clock = with_.clock, .config = with_.config, .stores = stores_},
          [this](const kube::ObjectKey& key) { sandboxController_.add(key); },
          [this](const kube::ObjectKey& key) { poolController_.add(key); }, with_.seed),
      snapshots_(
          {.client = with_.client,
           .clock = with_.clock,
           .config = with_.config,
           .stores = stores_,
           .report = [this](const auto& snapshot,
                            const auto& note) { report(kube::sandboxSnapshots, snapshot.metadata, note); }}),
      sandboxController_(controllerOf("sandbox", 1, sandboxes_)),
      policyController_(controllerOf("networkpolicy", 2, policies_)),
      templateController_(controllerOf("template", 3, templates_)),
      poolController_(controllerOf("pool", 4, pools_)),
      quotaController_(controllerOf("quota", 5, quotas_)),
      snapshotController_(controllerOf("snapshot", 6, snapshots_)) {
  for (const std::string& namespace_ : watchedNamespaces(with_.config)) informOf(namespace_);
  if (with_.config.watchNamespaces.empty()) inform(stores_.nodes, {.resource = kube::nodes});
  connectStores();
  election_.onChange([this](bool) { gateChanged(); });
  for (runtime::Controller* controller : controllers())
    controller->onReconcile([this](const auto& record) { with_.metrics.reconciled(record); });
}

std::array<runtime::Controller*, 6> Operator::controllers() {
  return {&sandboxController_, &policyController_, &templateController_,
          &poolController_,    &quotaController_,  &snapshotController_};
}

template <class T>
void Operator::inform(runtime::Store<T>& store, kube::WatchTarget target) {
  auto& informers = std::get<std::list<runtime::Informer<T>>>(informers_);
  informers.emplace_back(store, std::move(target)).onState([this] { gateChanged(); });
}

void Operator::informOf(const std::string& namespace_) {
  inform(stores_.sandboxes, {.resource = kube::sandboxes, .namespace_ = namespace_});
  inform(stores_.pods, {.resource = kube::pods, .namespace_ = namespace_, .labelSelector = podSelector});
  inform(stores_.policies,
         {.resource = kube::networkPolicies, .namespace_ = namespace_, .labelSelector = managedSelector});
  inform(stores_.templates, {.resource = kube::sandboxTemplates, .namespace_ = namespace_});
  inform(stores_.revisions,
         {.resource = kube::controllerRevisions, .namespace_ = namespace_, .labelSelector = managedSelector});
  inform(stores_.pools, {.resource = kube::sandboxPools, .namespace_ = namespace_});
  inform(stores_.quotas, {.resource = kube::sandboxQuotas, .namespace_ = namespace_});
  inform(stores_.resourceQuotas,
         {.resource = kube::resourceQuotas, .namespace_ = namespace_, .labelSelector = managedSelector});
  if (with_.config.snapshots.enabled)
    inform(stores_.snapshots, {.resource = kube::sandboxSnapshots, .namespace_ = namespace_});
}

void Operator::start(TaskGroup& group) {
  const auto watch = [&](auto& informers) {
    for (auto& informer : informers) {
      group.spawn(
          "watch-" + std::string(informer.target().resource.plural),
          kube::runWatcher(with_.client, with_.clock, informer.target(), {.seed = with_.seed}, informer));
    }
  };
  std::apply([&](auto&... informers) { (watch(informers), ...); }, informers_);
  group.spawn("events", events_.run());
  if (with_.config.leaderElection.enabled) group.spawn("leader-election", election_.run());
  for (runtime::Controller* controller : controllers()) controller->start(group);
}

Task<void> Operator::release() {
  if (with_.config.leaderElection.enabled) co_await election_.release();
}

bool Operator::current() const {
  return std::apply([](const auto&... informers) { return (allCurrent(informers) && ...); }, informers_);
}

bool Operator::leading() const {
  return !with_.config.leaderElection.enabled || election_.leading();
}

// Of the many informers each tells, yet all workers need be woken only when the last one is current, or the
// first one is not.
void Operator::gateChanged() {
  if (std::exchange(open_, isOpen()) == open_) return;
  for (runtime::Controller* controller : controllers()) controller->gateChanged();
}

void Operator::connectStores() {
  stores_.sandboxes.onChange(
      [this](const auto& before, const auto& after) { sandboxChanged(before.get(), after.get()); });
  stores_.pods.onChange(
      [this](const auto& before, const auto& after) { podChanged(before.get(), after.get()); });
  stores_.templates.onChange([this](const auto& before, const auto& after) {
    noteShape(before.get(), after.get());
    templateChanged(before.get(), after.get());
  });
  stores_.revisions.onChange([this](const auto& before, const auto& after) {
    const kube::ObjectKey from = templateOf(*(after ? after : before));
    templateController_.add(from);
    // Those that were made from it say so when it is lost, and when it is there again.
    for (const auto& sandbox : stores_.sandboxesOf(api::keyOf((after ? after : before)->metadata)))
      sandboxController_.add(api::keyOf(sandbox->metadata));
    if (after) return;
    for (const auto& pool : stores_.poolsOf(from)) poolController_.add(api::keyOf(pool->metadata));
  });
  stores_.pools.onChange(
      [this](const auto& before, const auto& after) { poolChanged(before.get(), after.get()); });
  stores_.quotas.onChange(
      [this](const auto& before, const auto& after) { quotaChanged(before.get(), after.get()); });
  stores_.resourceQuotas.onChange([this](const auto& before, const auto& after) {
    quotaController_.addAfter({(after ? after : before)->metadata.namespace_, std::string(api::quotaName)},
                              quota::batchPeriod);
  });
  stores_.requests.onChange([this](const std::string& namespace_) { useChanged(namespace_); });
  stores_.snapshots.onChange(
      [this](const auto& before, const auto& after) { snapshotChanged(*(after ? after : before)); });
  stores_.nodes.onChange(
      [this](const auto& before, const auto& after) { nodeChanged(before.get(), after.get()); });
  stores_.policies.onChange([this](const auto& before, const auto& after) {
    policyController_.add(api::keyOf((after ? after : before)->metadata));
  });
}

void Operator::sandboxChanged(const api::Sandbox* before, const api::Sandbox* after) {
  if (before == nullptr || after == nullptr || api::hasEnded(before->status) != api::hasEnded(after->status))
    useChanged((after != nullptr ? after : before)->metadata.namespace_);
  if (after == nullptr) {
    starts_.forget(before->metadata.uid);
    stores_.requests.forget(before->metadata.namespace_, before->metadata.uid);
  } else if (before == nullptr && !api::isBuilder(*after) &&
             with_.clock.now() - after->metadata.creationTimestamp < freshFor) {
    starts_.seen(after->metadata.uid, with_.clock.instant());
  }
  const kube::ObjectKey key = api::keyOf((after != nullptr ? after : before)->metadata);
  sandboxController_.add(key);
  wakeSnapshotsOf(key);
  builderChanged(before, after);
  if (after != nullptr) noteWanted(before, *after);
  demandChanged(before != nullptr ? waitsForPool(*before) : kube::ObjectKey{},
                after != nullptr ? waitsForPool(*after) : kube::ObjectKey{});
  for (const api::Sandbox* sandbox : {before, after}) {
    if (sandbox != nullptr) revisionUsed(sandbox->metadata.namespace_, sandbox->status.templateRevision);
  }
}

// For a pool that follows demand.
void Operator::demandChanged(const kube::ObjectKey& before, const kube::ObjectKey& after) {
  if (before == after) return;
  for (const kube::ObjectKey& pool : {before, after}) {
    if (!pool.name.empty()) poolController_.addAfter(pool, pool::roundPeriod);
  }
}

// Something begins or ceases to need it, or goes on as it was.
void Operator::revisionUsed(const std::string& namespace_, const std::string& name) {
  if (name.empty()) return;
  if (const auto revision = stores_.revisions.get({namespace_, name}))
    templateController_.addAfter(templateOf(*revision), templates::countsPeriod);
}

// What a policy must say is known from the Sandboxes that rely on it: while none could be read, it may have
// gone.
void Operator::noteWanted(const api::Sandbox* before, const api::Sandbox& after) {
  const bool known =
      before != nullptr && before->unreadable.empty() && before->spec.network == after.spec.network;
  if (known) return;
  for (const auto& pod : stores_.podsOf(api::keyOf(after.metadata))) {
    for (const kube::ObjectKey& key : policyKeysOf(*pod)) policyController_.add(key);
  }
}

void Operator::noteUse(const kube::ObjectKey& policy) {
  policies_.noteUse(policy);
  policyController_.add(policy);
}

void Operator::podChanged(const api::Pod* before, const api::Pod* after) {
  if (after != nullptr) measureStart(*after);
  useChanged((after != nullptr ? after : before)->metadata.namespace_);
  for (const api::Pod* pod : {before, after}) {
    if (pod == nullptr) continue;
    if (const auto key = sandboxKeyOf(*pod); !key.name.empty()) {
      sandboxController_.add(key);
      wakeSnapshotsOf(key);
    }
    // Many pods change at once, and their claims go first.
    if (const auto key = poolOf(*pod); !key.name.empty()) poolController_.addAfter(key, pool::roundPeriod);
  }
  const bool wasIdle = before != nullptr && pool::isIdle(*before);
  if (after != nullptr && !wasIdle && pool::isIdle(*after)) podIsIdle(idleIn(*after));
  if (before != nullptr && after != nullptr && before->metadata.labels == after->metadata.labels) return;
  for (const api::Pod* pod : {before, after}) {
    if (pod == nullptr) continue;
    revisionUsed(pod->metadata.namespace_, api::labelOf(pod->metadata, api::revisionLabel));
    for (const kube::ObjectKey& key : policyKeysOf(*pod)) noteUse(key);
  }
}

// Of the pods that the template makes now: nothing that its status tells is in them.
void Operator::noteShape(const api::SandboxTemplate* before, const api::SandboxTemplate* after) {
  if (saySame(before, after)) return;
  if (before != nullptr) stores_.presentShapes.erase(api::keyOf(before->metadata));
  if (after != nullptr)
    stores_.presentShapes[api::keyOf(after->metadata)] = sandbox::plainShape(*after, with_.config);
}

// Sandboxes that could not begin for want of it, or as it was. What else its status tells concerns none.
void Operator::templateChanged(const api::SandboxTemplate* before, const api::SandboxTemplate* after) {
  const kube::ObjectKey key = api::keyOf((after != nullptr ? after : before)->metadata);
  templateController_.add(key);
  if (saySame(before, after) && before->status.golden == after->status.golden) return;
  for (const auto& sandbox : stores_.unstartedOfTemplate(key))
    sandboxController_.add(api::keyOf(sandbox->metadata));
  for (const auto& pool : stores_.poolsOf(key)) {
    poolController_.add(api::keyOf(pool->metadata));
    wakeSandboxesOf(*pool);
  }
}

void Operator::poolChanged(const api::SandboxPool* before, const api::SandboxPool* after) {
  const api::SandboxPool& pool = after != nullptr ? *after : *before;
  poolController_.add(api::keyOf(pool.metadata));
  if (after == nullptr) stores_.requests.forget(pool.metadata.namespace_, pool.metadata.uid);
  // Its own news in the status concern no Sandbox.
  if (before == nullptr || after == nullptr || before->spec != after->spec) wakeSandboxesOf(pool);
}

// What a SandboxQuota counts may have changed, or what is asked of it: much at once, which is answered
// together.
void Operator::useChanged(const std::string& namespace_) {
  if (stores_.quotaOf(namespace_) != nullptr)
    quotaController_.addAfter({namespace_, std::string(api::quotaName)}, quota::batchPeriod);
}

// Whoever was granted something, or had it taken back, goes on; if the limits are others, everybody asks
// anew.
void Operator::quotaChanged(const api::SandboxQuota* before, const api::SandboxQuota* after) {
  const api::ObjectMeta& meta = (after != nullptr ? after : before)->metadata;
  quotaController_.add(api::keyOf(meta));
  if (meta.name != api::quotaName) return;
  if (after == nullptr) stores_.requests.forgetAll(meta.namespace_);
  const bool same = before != nullptr && after != nullptr && before->spec == after->spec &&
                    before->unreadable == after->unreadable && before->metadata.uid == after->metadata.uid;
  if (!same) return wakeAskers(meta.namespace_);
  for (const api::QuotaGrant& grant : after->status.grants) {
    if (std::ranges::find(before->status.grants, grant) != before->status.grants.end()) continue;
    if (grant.pool.empty())
      sandboxController_.add({meta.namespace_, grant.sandbox});
    else
      poolController_.add({meta.namespace_, grant.pool});
  }
}

void Operator::wakeAskers(const std::string& namespace_) {
  for (const auto& sandbox : stores_.waitingIn(namespace_))
    sandboxController_.add(api::keyOf(sandbox->metadata));
  for (const auto& pool : stores_.pools.inNamespace(namespace_))
    poolController_.add(api::keyOf(pool->metadata));
}

void Operator::wakeSnapshotsOf(const kube::ObjectKey& sandbox) {
  for (const auto& snapshot : stores_.openSnapshotsOf(sandbox))
    snapshotController_.add(api::keyOf(snapshot->metadata));
}

// What a template's golden snapshot is to be taken of: on its way there it says much.
void Operator::builderChanged(const api::Sandbox* before, const api::Sandbox* after) {
  const kube::ObjectKey key = goldenFor((after != nullptr ? after : before)->metadata);
  if (key.name.empty()) return;
  const auto standing = [](const api::Sandbox& sandbox) {
    const api::Condition* ready = api::findCondition(sandbox.status.conditions, sandbox::condition::ready);
    return std::tuple(sandbox.metadata.generation, sandbox.metadata.deletionTimestamp,
                      api::hasEnded(sandbox.status), ready != nullptr && ready->status == "True");
  };
  if (before != nullptr && after != nullptr && standing(*before) == standing(*after))
    templateController_.addAfter(key, templates::countsPeriod);
  else
    templateController_.add(key);
}

// Sandboxes may wait to continue from it, or to be suspended in it.
void Operator::snapshotChanged(const api::SandboxSnapshot& snapshot) {
  if (const kube::ObjectKey from = goldenFor(snapshot.metadata); !from.name.empty())
    templateController_.add(from);
  snapshotController_.add(api::keyOf(snapshot.metadata));
  for (const auto& sandbox : stores_.unstartedOfSnapshot(api::keyOf(snapshot.metadata)))
    sandboxController_.add(api::keyOf(sandbox->metadata));
  if (api::controllerOf(snapshot.metadata) != nullptr || scheduledFor(snapshot))
    sandboxController_.add(sandboxOf(snapshot));
}

// Pods are not left on a node that is closed; those on one that is open again may be taken.
void Operator::nodeChanged(const api::Node* before, const api::Node* after) {
  if (before != nullptr && after != nullptr && before->spec == after->spec && before->status == after->status)
    return;
  for (const auto& snapshot : stores_.snapshotsOn((after != nullptr ? after : before)->metadata.name))
    snapshotController_.add(api::keyOf(snapshot->metadata));
  const bool open = after != nullptr && !stores_.closedNodes.contains(after->metadata.name);
  for (const auto& pool : stores_.pools.all()) {
    poolController_.addAfter(api::keyOf(pool->metadata), pool::roundPeriod);
    if (open) podIsIdle(api::keyOf(pool->metadata));
  }
}

void Operator::wakeSandboxesOf(const api::SandboxPool& pool) {
  for (const auto& sandbox : stores_.unstartedOfPool(api::keyOf(pool.metadata)))
    sandboxController_.add(api::keyOf(sandbox->metadata));
}

// Another pod is there to be taken: of the Sandboxes that it may be for, those that have waited longest are
// told, as many as there are pods. One that was made before the template's last change may be for any.
void Operator::podIsIdle(const kube::ObjectKey& pool) {
  size_t pods = stores_.idle.ready(pool);
  const bool forAny = stores_.hasOlderIdle(pool);
  for (const auto& sandbox : stores_.unstartedOfPool(pool)) {
    const kube::ObjectKey key = api::keyOf(sandbox->metadata);
    if (!forAny && stores_.unsuited.contains(key)) continue;
    // It may have no use for these pods, which are elsewhere, and must not keep others from them.
    const bool isChoosy = sandbox->spec.restoreFrom.has_value();
    if (!isChoosy && pods-- == 0) return;
    sandboxController_.add(key);
  }
}

void Operator::measureStart(const api::Pod& pod) {
  const api::OwnerReference* owner = api::controllerOf(pod.metadata);
  if (owner == nullptr) return;
  const Instant now = with_.clock.instant();
  if (!pod.spec.nodeName.empty()) starts_.scheduled(owner->uid, now);
  if (!sandbox::isPodReady(pod) || !starts_.ready(owner->uid, now)) return;
  const api::StartLatency latency = *starts_.latency(owner->uid);
  with_.metrics.sandboxStart("accepted", milliseconds(latency.acceptedMs.value_or(0)));
  with_.metrics.sandboxStart("scheduled", milliseconds(latency.scheduledMs.value_or(0)));
  with_.metrics.sandboxStart("ready", milliseconds(*latency.readyMs));
}

void Operator::report(kube::Resource resource, const api::ObjectMeta& object, const sandbox::Report& note) {
  events_.record({.resource = resource,
                  .object = object,
                  .warning = note.warning,
                  .reason = std::string(note.reason),
                  .message = note.message});
}

}  // namespace cloister
