// SandboxQuotas and what is asked of them, for tests.
#pragma once

#include "operator/quota/plan.h"
#include "tests/unit/operator/examples.h"

namespace cloister::test {

// team/default.
inline api::SandboxQuota aQuota(api::SandboxQuotaSpec spec) {
  api::SandboxQuota quota{.metadata = {}, .spec = std::move(spec), .status = {}};
  quota.metadata.name = std::string(api::quotaName);
  quota.metadata.namespace_ = "team";
  quota.metadata.uid = "uid-of-quota";
  quota.metadata.generation = 1;
  quota.metadata.creationTimestamp = epoch;
  return quota;
}

inline api::SandboxQuotaSpec running(int most) {
  api::SandboxQuotaSpec spec;
  spec.running = most;
  return spec;
}

inline constexpr api::ContainerLimits oneCore{.cpuMilli = 1000, .memoryBytes = 1 << 20, .diskBytes = 1 << 10};

// A Sandbox NAME, the younger the greater its number, which wants a pod of its own, or one of a pool.
inline quota::Asker cold(const std::string& name, int number, int64_t cores = 1) {
  api::ContainerLimits limits = oneCore;
  limits.cpuMilli = cores * 1000;
  return {.name = name,
          .uid = "uid-" + name,
          .version = {},
          .created = epoch + seconds(number),
          .wants = {{{.pod = name + "-pod", .need = {.pods = 1, .limits = limits}}}},
          .pods = 10};
}
inline quota::Asker warm(const std::string& name, int number) {
  quota::Asker asker = cold(name, number);
  asker.wants = {{quota::Request{}}};
  return asker;
}
// The same for the Sandbox's first restart.
inline quota::Asker restarted(quota::Asker asker) {
  quota::Request& request = asker.wants->front();
  request.restart = 1;
  if (!request.pod.empty()) request.pod += "-1";
  return asker;
}
inline quota::Asker notLookedAt(const std::string& name, int number) {
  quota::Asker asker = cold(name, number);
  asker.wants.reset();
  return asker;
}
// A pool that wants COUNT pods.
inline quota::Asker poolOf(const std::string& name, int count) {
  quota::Asker asker = cold(name, 0);
  asker.wants.emplace();
  for (int i = 0; i < count; ++i)
    asker.wants->push_back({.pod = name + "-" + std::to_string(i), .need = {.pods = 1, .limits = oneCore}});
  return asker;
}

// The pod of the Sandbox OWNER as the watch has told it at VERSION.
inline std::shared_ptr<const api::Pod> podNamed(const std::string& name, const std::string& owner,
                                                int version = 5) {
  api::Pod pod;
  pod.metadata.name = name;
  pod.metadata.namespace_ = "team";
  pod.metadata.uid = "uid-of-" + name;
  pod.metadata.resourceVersion = std::to_string(version);
  pod.metadata.ownerReferences = {{.apiVersion = "cloister.dev/v1alpha1",
                                   .kind = "Sandbox",
                                   .name = owner,
                                   .uid = "uid-" + owner,
                                   .controller = true,
                                   .blockOwnerDeletion = {}}};
  pod.spec.containers = oneCore;
  return std::make_shared<const api::Pod>(std::move(pod));
}

inline quota::Observed seen(api::SandboxQuota quota) {
  return {.quota = std::make_shared<const api::SandboxQuota>(std::move(quota)),
          .seen = {.pods = 10, .sandboxes = 10, .pools = 10},
          .newest = {.pods = 10, .sandboxes = 10, .pools = 10}};
}
// With its status as PLAN wants it.
inline quota::Observed written(quota::Observed observed, const quota::Plan& plan) {
  api::SandboxQuota quota = *observed.quota;
  if (plan.status) quota.status = *plan.status;
  observed.quota = std::make_shared<const api::SandboxQuota>(std::move(quota));
  return observed;
}

// What is planned once what was to be taken back of OBSERVED is settled, and the API server has no such pods.
inline quota::Plan planAfterTakingBack(const quota::Observed& before, Time now) {
  quota::Observed observed = written(before, plan(before, now));
  for (const api::QuotaGrant& grant : observed.quota->status.grants) {
    if (!api::isWithdrawn(grant)) continue;
    observed.settled[grant.pod] = now;
    observed.absent.insert(grant.pod);
  }
  return plan(observed, now);
}

// OBSERVED after somebody has edited the quota.
inline quota::Observed withSpec(quota::Observed observed, const api::SandboxQuotaSpec& spec) {
  api::SandboxQuota quota = *observed.quota;
  quota.spec = spec;
  observed.quota = std::make_shared<const api::SandboxQuota>(std::move(quota));
  return observed;
}

// For whom there is a grant.
inline std::vector<std::string> granted(const quota::Plan& plan) {
  std::vector<std::string> owners;
  if (!plan.status) return owners;
  for (const api::QuotaGrant& grant : plan.status->grants)
    owners.push_back(grant.pool.empty() ? grant.sandbox : grant.pod);
  return owners;
}
// Whose promises were taken back.
inline std::vector<std::string> withdrawn(const quota::Plan& plan) {
  quota::Plan left = plan;
  if (left.status)
    std::erase_if(left.status->grants, [](const api::QuotaGrant& grant) { return !api::isWithdrawn(grant); });
  return granted(left);
}

}  // namespace cloister::test
