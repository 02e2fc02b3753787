#include "operator/pool/idle.h"

#include "operator/sandbox/diagnose.h"
#include "operator/stores.h"

namespace cloister::pool {
namespace {

// What has begun already fits no snapshot.
std::string heldWith(const api::Pod& pod) {
  const api::ContainerStatus* container = sandbox::sandboxContainer(pod);
  return api::isMadeToBeHeld(pod) && container != nullptr ? "held with " + container->imageID : "";
}

IdlePods::Group groupOf(const api::Pod& pod) {
  return {.revision = api::labelOf(pod.metadata, api::revisionLabel),
          .shape = api::annotationOf(pod.metadata, api::shapeAnnotation),
          .heldWith = heldWith(pod)};
}

// Only what its pool itself made, and still owns.
bool isOfItsPool(const api::Pod& pod) {
  const kube::ObjectKey pool = idleIn(pod);
  const api::OwnerReference* owner = api::controllerOf(pod.metadata);
  return !pool.name.empty() && owner != nullptr && owner->kind == "SandboxPool" && owner->name == pool.name;
}

size_t countOf(const std::map<IdlePods::Group, std::set<kube::ObjectKey>>& groups) {
  size_t count = 0;
  for (const auto& [group, pods] : groups) count += pods.size();
  return count;
}

}  // namespace

bool isIdle(const api::Pod& pod) {
  return isOfItsPool(pod) && sandbox::isPodReady(pod) && !pod.metadata.deletionTimestamp;
}

void IdlePods::changed(const api::Pod* before, const api::Pod* after) {
  if (before != nullptr && isIdle(*before)) remove(*before);
  if (after != nullptr && isIdle(*after)) add(*after);
}

void IdlePods::hold(const kube::ObjectKey& pod) {
  held_.insert(pod);
}

void IdlePods::letGo(const kube::ObjectKey& pod) {
  held_.erase(pod);
}

void IdlePods::add(const api::Pod& pod) {
  pools_[idleIn(pod)][pod.spec.nodeName][groupOf(pod)].insert(api::keyOf(pod.metadata));
}

void IdlePods::remove(const api::Pod& pod) {
  const auto pool = pools_.find(idleIn(pod));
  if (pool == pools_.end()) return;
  const auto node = pool->second.find(pod.spec.nodeName);
  if (node == pool->second.end()) return;
  const auto group = node->second.find(groupOf(pod));
  if (group == node->second.end()) return;
  group->second.erase(api::keyOf(pod.metadata));
  if (group->second.empty()) node->second.erase(group);
  if (node->second.empty()) pool->second.erase(node);
  if (pool->second.empty()) pools_.erase(pool);
}

std::vector<IdlePods::Offer> IdlePods::offers(const kube::ObjectKey& pool,
                                              const std::set<std::string>& closed,
                                              const std::string& wanted) const {
  const auto nodes = pools_.find(pool);
  if (nodes == pools_.end()) return {};
  std::map<Group, std::pair<size_t, kube::ObjectKey>> best;
  for (const auto& [node, groups] : nodes->second) {
    if (closed.contains(node) || (!wanted.empty() && node != wanted)) continue;
    const size_t count = countOf(groups);
    for (const auto& [group, pods] : groups) {
      const auto free = std::ranges::find_if(pods, [this](const auto& pod) { return !isHeld(pod); });
      if (free == pods.end()) continue;
      auto& chosen = best[group];
      if (count > chosen.first) chosen = {count, *free};
    }
  }
  std::vector<Offer> offers;
  offers.reserve(best.size());
  for (auto& [group, chosen] : best) offers.push_back({group, std::move(chosen.second)});
  return offers;
}

size_t IdlePods::ready(const kube::ObjectKey& pool) const {
  const auto nodes = pools_.find(pool);
  if (nodes == pools_.end()) return 0;
  size_t count = 0;
  for (const auto& [node, groups] : nodes->second) count += countOf(groups);
  return count;
}

}  // namespace cloister::pool
