#include "operator/quota/pods.h"

#include <unordered_map>

#include "operator/sandbox/diagnose.h"
#include "operator/stores.h"
#include "runtime/store.h"

namespace cloister::quota {
namespace {

using runtime::versionNumber;

template <class Key>
std::optional<bool> find(const std::map<Key, bool>& pods, const Key& key) {
  const auto found = pods.find(key);
  return found == pods.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

Pods::Pods(const Observed& observed) {
  // A view may be so old that it has a pod that was gone when one of its name was promised.
  std::unordered_map<std::string_view, uint64_t> promised;
  for (const api::QuotaGrant& grant : observed.quota->status.grants)
    promised[grant.pod] = versionNumber(grant.since);
  for (const auto& pod : observed.pods) {
    const uint64_t version = versionNumber(pod->metadata.resourceVersion);
    const auto promise = promised.find(pod->metadata.name);
    if (promise != promised.end() && version <= promise->second) continue;
    const bool told = version <= observed.seen.pods;
    byName_[pod->metadata.name] = told;
    if (sandbox::hasPodEnded(*pod)) continue;
    used_ += amountOf(*pod);
    const api::OwnerReference* owner = api::controllerOf(pod->metadata);
    if (owner != nullptr) byStart_[{owner->uid, restartOf(*pod)}] = told;
  }
}

std::optional<bool> Pods::named(const std::string& name) const {
  return find(byName_, name);
}

std::optional<bool> Pods::keeping(const api::QuotaGrant& grant) const {
  if (grant.pool.empty()) {
    if (const auto told = find(byStart_, Start(grant.uid, grant.restart.value_or(0)))) return told;
  }
  return grant.pod.empty() ? std::nullopt : named(grant.pod);
}

bool Pods::has(const std::string& uid, const Request& request) const {
  if (!request.pod.empty() && named(request.pod)) return true;
  return byStart_.contains({uid, request.restart.value_or(0)});
}

}  // namespace cloister::quota
