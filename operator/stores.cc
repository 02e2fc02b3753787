#include "operator/stores.h"

#include <algorithm>

#include "operator/policy/profile.h"
#include "operator/same.h"
#include "operator/sandbox/reasons.h"
#include "operator/template/revision.h"

namespace cloister {
namespace {

constexpr const char* bySandbox = "sandbox";
constexpr const char* byPool = "pool";
constexpr const char* takenByPool = "taken";
constexpr const char* byPolicy = "policy";
constexpr const char* byNamespace = "namespace";
constexpr const char* waitingByNamespace = "waiting";
constexpr const char* unstartedByPool = "unstarted of pool";
constexpr const char* byTemplate = "template";
constexpr const char* bySnapshot = "snapshot";
constexpr const char* bySchedule = "schedule";
constexpr const char* byOwner = "owner";
constexpr const char* byNode = "node";
constexpr const char* goldenOf = "golden";
constexpr const char* byRevision = "revision";

std::vector<std::string> ofRevision(const std::string& namespace_, const std::string& name) {
  if (name.empty()) return {};
  return {kube::toString(kube::ObjectKey{namespace_, name})};
}

bool isClosed(const api::Node& node) {
  return node.spec.unschedulable || !isReady(node);
}

bool isOpen(const api::SandboxSnapshot& snapshot) {
  const auto phase = snapshot.status.phase.value_or(api::SnapshotPhase::Pending);
  return phase == api::SnapshotPhase::Pending || phase == api::SnapshotPhase::Running;
}

// The object that REFERENCE of SANDBOX names, unless it has no need of it any more.
std::vector<std::string> unstartedBy(const api::Sandbox& sandbox,
                                     const std::optional<api::LocalReference>& reference) {
  if (!reference || !isUnstarted(sandbox)) return {};
  return {kube::toString(kube::ObjectKey{sandbox.metadata.namespace_, reference->name})};
}

// A template's, by its uid, which counts in its own namespace alone.
std::string templateKey(const std::string& namespace_, const std::string& uid) {
  return kube::toString(kube::ObjectKey{namespace_, uid});
}

// What is made for a golden snapshot is found by its template.
std::vector<std::string> ofGolden(const api::ObjectMeta& meta) {
  return {templateKey(meta.namespace_, api::goldenOwner(meta)->uid)};
}

void addIndexes(runtime::Store<api::SandboxSnapshot>& snapshots) {
  snapshots.addIndex(bySandbox, [](const api::SandboxSnapshot& snapshot) {
    return std::vector{kube::toString(sandboxOf(snapshot))};
  });
  snapshots.addIndex(byOwner, [](const api::SandboxSnapshot& snapshot) {
    const api::OwnerReference* owner = api::controllerOf(snapshot.metadata);
    return owner != nullptr && api::isSandbox(*owner) ? std::vector{owner->uid} : std::vector<std::string>{};
  });
  snapshots.addIndex(bySchedule, [](const api::SandboxSnapshot& snapshot) {
    std::vector<std::string> owners;
    if (!scheduledFor(snapshot)) return owners;
    for (const api::OwnerReference& owner : snapshot.metadata.ownerReferences) {
      if (api::isSandbox(owner) && !owner.controller.value_or(false)) owners.push_back(owner.uid);
    }
    return owners;
  });
  snapshots.addIndex(goldenOf, [](const api::SandboxSnapshot& snapshot) {
    return api::isGolden(snapshot) ? ofGolden(snapshot.metadata) : std::vector<std::string>{};
  });
  snapshots.addIndex(byNode, [](const api::SandboxSnapshot& snapshot) {
    const std::string& node = snapshot.status.nodeName;
    const bool lost = node.empty() || snapshot.status.phase == api::SnapshotPhase::Failed;
    return lost ? std::vector<std::string>{} : std::vector{node};
  });
}

std::vector<std::shared_ptr<const api::Sandbox>> oldestFirst(
    std::vector<std::shared_ptr<const api::Sandbox>> sandboxes) {
  std::ranges::sort(sandboxes, {}, [](const auto& sandbox) {
    return std::pair(sandbox->metadata.creationTimestamp, sandbox->metadata.name);
  });
  return sandboxes;
}

}  // namespace

kube::ObjectKey goldenFor(const api::ObjectMeta& meta) {
  const api::OwnerReference* owner = api::goldenOwner(meta);
  return {meta.namespace_, owner != nullptr ? owner->name : ""};
}

bool isUnstarted(const api::Sandbox& sandbox) {
  return !api::hasEnded(sandbox.status) && !api::hasBegun(sandbox.status);
}

bool isWaiting(const api::Sandbox& sandbox) {
  const api::Condition* accepted =
      api::findCondition(sandbox.status.conditions, sandbox::condition::accepted);
  const bool refused = accepted != nullptr && accepted->status == "False";
  return !refused && isUnstarted(sandbox) && !sandbox.metadata.deletionTimestamp;
}

kube::ObjectKey waitsForPool(const api::Sandbox& sandbox) {
  const api::Condition* ready = api::findCondition(sandbox.status.conditions, sandbox::condition::ready);
  const bool waits = ready != nullptr && ready->reason == sandbox::reason::poolEmpty &&
                     sandbox.spec.poolRef && isWaiting(sandbox);
  return waits ? kube::ObjectKey{sandbox.metadata.namespace_, sandbox.spec.poolRef->name} : kube::ObjectKey{};
}

bool isReady(const api::Node& node) {
  const auto ready = std::ranges::find(node.status.conditions, "Ready", &api::NodeCondition::type);
  return ready == node.status.conditions.end() || ready->status == "True";
}

kube::ObjectKey sandboxKeyOf(const api::Pod& pod) {
  return {pod.metadata.namespace_, api::labelOf(pod.metadata, api::sandboxLabel)};
}

kube::ObjectKey templateOf(const api::ControllerRevision& revision) {
  const api::OwnerReference* owner = api::controllerOf(revision.metadata);
  return {revision.metadata.namespace_, owner == nullptr ? "" : owner->name};
}

kube::ObjectKey poolOf(const api::Pod& pod) {
  return {pod.metadata.namespace_, api::labelOf(pod.metadata, api::poolLabel)};
}

kube::ObjectKey idleIn(const api::Pod& pod) {
  const bool taken = !api::labelOf(pod.metadata, api::sandboxLabel).empty();
  return {pod.metadata.namespace_, taken ? "" : api::labelOf(pod.metadata, api::poolLabel)};
}

std::vector<kube::ObjectKey> policyKeysOf(const api::Pod& pod) {
  std::vector<kube::ObjectKey> keys{{pod.metadata.namespace_, std::string(policy::defaultDenyName)}};
  const std::string profile = api::labelOf(pod.metadata, api::networkLabel);
  if (!profile.empty()) keys.push_back({pod.metadata.namespace_, policy::policyName(profile)});
  return keys;
}

Stores::Stores() {
  pods.onChange([this](const auto& before, const auto& after) { idle.changed(before.get(), after.get()); });
  nodes.onChange([this](const auto& before, const auto& after) {
    if (before) closedNodes.erase(before->metadata.name);
    if (after && isClosed(*after)) closedNodes.insert(after->metadata.name);
  });
  templates.onChange([this](const auto& before, const auto& after) {
    if (saySame(before.get(), after.get())) return;
    if (before) presentRevisions.erase(api::keyOf(before->metadata));
    if (after) presentRevisions[api::keyOf(after->metadata)] = cloister::templates::revisionName(*after);
  });
  revisions.onChange([this](const auto& before, const auto& after) {
    if (before) intactRevisions.erase(api::keyOf(before->metadata));
    if (after && cloister::templates::isIntact(*after)) intactRevisions.insert(api::keyOf(after->metadata));
  });
  sandboxes.addIndex(unstartedByPool,
                     [](const api::Sandbox& sandbox) { return unstartedBy(sandbox, sandbox.spec.poolRef); });
  sandboxes.addIndex(
      byTemplate, [](const api::Sandbox& sandbox) { return unstartedBy(sandbox, sandbox.spec.templateRef); });
  sandboxes.addIndex(
      bySnapshot, [](const api::Sandbox& sandbox) { return unstartedBy(sandbox, sandbox.spec.restoreFrom); });
  sandboxes.addIndex(goldenOf, [](const api::Sandbox& sandbox) {
    return api::isBuilder(sandbox) ? ofGolden(sandbox.metadata) : std::vector<std::string>{};
  });
  sandboxes.addIndex(byRevision, [](const api::Sandbox& sandbox) {
    return ofRevision(sandbox.metadata.namespace_, sandbox.status.templateRevision);
  });
  pods.addIndex(byRevision, [](const api::Pod& pod) {
    return ofRevision(pod.metadata.namespace_, api::labelOf(pod.metadata, api::revisionLabel));
  });
  revisions.addIndex(byTemplate, [](const api::ControllerRevision& revision) {
    return std::vector{kube::toString(templateOf(revision))};
  });
  pools.addIndex(byTemplate, [](const api::SandboxPool& pool) {
    return std::vector{kube::toString(kube::ObjectKey{pool.metadata.namespace_, pool.spec.templateRef.name})};
  });
  sandboxes.addIndex(waitingByNamespace, [](const api::Sandbox& sandbox) {
    return isWaiting(sandbox) ? std::vector{sandbox.metadata.namespace_} : std::vector<std::string>{};
  });
  pods.addIndex(bySandbox,
                [](const api::Pod& pod) { return std::vector{kube::toString(sandboxKeyOf(pod))}; });
  pods.addIndex(byPool, [](const api::Pod& pod) {
    const kube::ObjectKey pool = idleIn(pod);
    return pool.name.empty() ? std::vector<std::string>{} : std::vector{kube::toString(pool)};
  });
  pods.addIndex(takenByPool, [](const api::Pod& pod) {
    const kube::ObjectKey pool = poolOf(pod);
    const bool taken = !pool.name.empty() && idleIn(pod).name.empty();
    return taken ? std::vector{kube::toString(pool)} : std::vector<std::string>{};
  });
  pods.addIndex(byPolicy, [](const api::Pod& pod) {
    std::vector<std::string> values;
    for (const kube::ObjectKey& key : policyKeysOf(pod)) values.push_back(kube::toString(key));
    return values;
  });
  addIndexes(snapshots);
  policies.addIndex(byNamespace,
                    [](const api::NetworkPolicy& policy) { return std::vector{policy.metadata.namespace_}; });
}

std::shared_ptr<const api::SandboxQuota> Stores::quotaOf(const std::string& namespace_) const {
  return quotas.get({namespace_, std::string(api::quotaName)});
}

std::vector<std::shared_ptr<const api::Pod>> Stores::podsOf(const kube::ObjectKey& key) const {
  return pods.byIndex(bySandbox, kube::toString(key));
}

std::vector<std::shared_ptr<const api::Pod>> Stores::idlePodsOf(const kube::ObjectKey& pool) const {
  return pods.byIndex(byPool, kube::toString(pool));
}

std::vector<std::shared_ptr<const api::Pod>> Stores::takenPodsOf(const kube::ObjectKey& pool) const {
  return pods.byIndex(takenByPool, kube::toString(pool));
}

std::vector<std::shared_ptr<const api::Pod>> Stores::podsUnder(const kube::ObjectKey& policy) const {
  return pods.byIndex(byPolicy, kube::toString(policy));
}

bool Stores::hasPodsUnder(const kube::ObjectKey& policy) const {
  return pods.has(byPolicy, kube::toString(policy));
}

std::vector<std::string> Stores::policyNames(const std::string& namespace_) const {
  std::vector<std::string> names;
  for (const auto& policy : policies.byIndex(byNamespace, namespace_)) names.push_back(policy->metadata.name);
  return names;
}

std::vector<std::shared_ptr<const api::Sandbox>> Stores::waitingIn(const std::string& namespace_) const {
  return sandboxes.byIndex(waitingByNamespace, namespace_);
}

std::vector<std::shared_ptr<const api::Sandbox>> Stores::unstartedOfPool(const kube::ObjectKey& key) const {
  return oldestFirst(sandboxes.byIndex(unstartedByPool, kube::toString(key)));
}

bool Stores::hasOlderIdle(const kube::ObjectKey& key) const {
  const auto pool = pools.get(key);
  if (pool == nullptr) return false;
  const auto present = presentRevisions.find({key.namespace_, pool->spec.templateRef.name});
  return std::ranges::any_of(idle.offers(key, closedNodes), [&](const pool::IdlePods::Offer& offer) {
    return present == presentRevisions.end() || offer.group.revision != present->second;
  });
}

std::vector<std::shared_ptr<const api::Sandbox>> Stores::unstartedOfTemplate(
    const kube::ObjectKey& key) const {
  return oldestFirst(sandboxes.byIndex(byTemplate, kube::toString(key)));
}

std::vector<std::shared_ptr<const api::Sandbox>> Stores::unstartedOfSnapshot(
    const kube::ObjectKey& key) const {
  return oldestFirst(sandboxes.byIndex(bySnapshot, kube::toString(key)));
}

std::vector<std::shared_ptr<const api::SandboxSnapshot>> Stores::snapshotsOwnedBy(
    const api::ObjectMeta& owner) const {
  return snapshots.byIndex(byOwner, owner.uid);
}

std::vector<std::shared_ptr<const api::SandboxSnapshot>> Stores::scheduledSnapshotsOf(
    const api::ObjectMeta& owner) const {
  return snapshots.byIndex(bySchedule, owner.uid);
}

std::vector<std::shared_ptr<const api::Sandbox>> Stores::buildersOf(const api::ObjectMeta& owner) const {
  return sandboxes.byIndex(goldenOf, templateKey(owner.namespace_, owner.uid));
}

std::vector<std::shared_ptr<const api::SandboxSnapshot>> Stores::goldensOf(
    const api::ObjectMeta& owner) const {
  return snapshots.byIndex(goldenOf, templateKey(owner.namespace_, owner.uid));
}

std::vector<std::shared_ptr<const api::SandboxSnapshot>> Stores::snapshotsOf(
    const kube::ObjectKey& sandbox) const {
  return snapshots.byIndex(bySandbox, kube::toString(sandbox));
}

std::vector<std::shared_ptr<const api::SandboxSnapshot>> Stores::openSnapshotsOf(
    const kube::ObjectKey& sandbox) const {
  auto all = snapshotsOf(sandbox);
  std::erase_if(all, [](const auto& snapshot) { return !isOpen(*snapshot); });
  return all;
}

std::vector<std::shared_ptr<const api::SandboxSnapshot>> Stores::snapshotsOn(const std::string& node) const {
  return snapshots.byIndex(byNode, node);
}

std::vector<std::shared_ptr<const api::ControllerRevision>> Stores::revisionsOf(
    const kube::ObjectKey& template_) const {
  return revisions.byIndex(byTemplate, kube::toString(template_));
}

std::vector<std::shared_ptr<const api::Sandbox>> Stores::sandboxesOf(const kube::ObjectKey& revision) const {
  return sandboxes.byIndex(byRevision, kube::toString(revision));
}

bool Stores::isRevisionOfPods(const kube::ObjectKey& revision) const {
  return pods.has(byRevision, kube::toString(revision));
}

std::vector<std::shared_ptr<const api::SandboxPool>> Stores::poolsOf(const kube::ObjectKey& template_) const {
  return pools.byIndex(byTemplate, kube::toString(template_));
}

}  // namespace cloister
