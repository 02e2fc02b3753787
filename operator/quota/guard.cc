#include "operator/quota/guard.h"

#include <algorithm>

#include "operator/owner.h"
#include "operator/quota/amount.h"

namespace cloister::quota {
namespace {

using Guards = std::map<std::string, api::ResourceQuotaSpec>;

// Pods of that class alone: nobody else's are counted, or refused.
json::object ofClass(const std::string& priorityClass) {
  return {{"matchExpressions", json::array{{{"scopeName", "PriorityClass"},
                                            {"operator", "In"},
                                            {"values", json::array{json::value(priorityClass)}}}}}};
}

Guards guardsOf(const api::SandboxQuotaSpec& spec, const Config& config) {
  Guards guards;
  if (spec.sandboxes) {
    guards[std::string(objectsGuard)].hard = {
        {"count/sandboxes.cloister.dev", {std::to_string(*spec.sandboxes)}}};
  }
  if (!boundsRoom(spec) || config.defaults.priorityClassName.empty()) return guards;
  api::ResourceQuotaSpec& pods = guards[std::string(podsGuard)];
  pods.scopeSelector = ofClass(config.defaults.priorityClassName);
  if (spec.running) pods.hard["pods"] = {std::to_string(*spec.running)};
  if (!spec.cpu.empty()) pods.hard["limits.cpu"] = spec.cpu;
  if (!spec.memory.empty()) pods.hard["limits.memory"] = spec.memory;
  if (!spec.disk.empty()) pods.hard["limits.ephemeral-storage"] = spec.disk;
  return guards;
}

// The API server writes quantities in its own way.
bool isSame(const api::ResourceQuotaSpec& a, const api::ResourceQuotaSpec& b) {
  const auto isSameAmount = [](const auto& one, const auto& other) {
    return one.first == other.first && parseMilli(one.second.text) == parseMilli(other.second.text);
  };
  return std::ranges::equal(a.hard, b.hard, isSameAmount) && a.scopeSelector == b.scopeSelector;
}

bool owns(const api::SandboxQuota& quota, const api::ResourceQuota& guard) {
  const api::OwnerReference* owner = api::controllerOf(guard.metadata);
  return owner != nullptr && owner->uid == quota.metadata.uid;
}

api::ResourceQuota guardNamed(const api::SandboxQuota& quota, const std::string& name,
                              const api::ResourceQuotaSpec& spec) {
  api::ResourceQuota guard{.metadata = {}, .spec = spec};
  guard.metadata.name = name;
  guard.metadata.namespace_ = quota.metadata.namespace_;
  guard.metadata.labels = {{std::string(api::managedByLabel), std::string(api::managedBy)}};
  guard.metadata.ownerReferences = {ownerReference(quota.metadata, "SandboxQuota")};
  return guard;
}

}  // namespace

std::vector<GuardStep> planGuards(const api::SandboxQuota* quota,
                                  const std::vector<std::shared_ptr<const api::ResourceQuota>>& present,
                                  const Config& config) {
  // What it says now is not known: what it said before stays.
  if (quota != nullptr && !quota->unreadable.empty()) return {};
  Guards wanted = quota != nullptr ? guardsOf(quota->spec, config) : Guards();
  std::vector<GuardStep> steps;
  for (const auto& guard : present) {
    const auto found = wanted.find(guard->metadata.name);
    if (found == wanted.end() || !owns(*quota, *guard)) {
      // Where one of that name is wanted, it is made once this one is gone.
      steps.emplace_back(RemoveGuard{guard});
      wanted.erase(guard->metadata.name);
      continue;
    }
    if (!isSame(found->second, guard->spec)) steps.emplace_back(RepairGuard{guard, found->second});
    wanted.erase(found);
  }
  for (const auto& [name, spec] : wanted) steps.emplace_back(CreateGuard{guardNamed(*quota, name, spec)});
  return steps;
}

bool lacksPriorityClass(const api::SandboxQuota& quota, const Config& config) {
  return boundsRoom(quota.spec) && config.defaults.priorityClassName.empty();
}

}  // namespace cloister::quota
