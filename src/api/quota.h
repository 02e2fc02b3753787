// The SandboxQuota kind, as crds/cloister.dev_sandboxquotas.yaml describes it, and the ResourceQuotas behind
// it.
#pragma once

#include "api/sandbox.h"

namespace cloister::api {

// Each absent one is no limit.
struct SandboxQuotaSpec {
  std::optional<int> running;    // Sandboxes and pods of pools that have a pod
  std::optional<int> sandboxes;  // Sandbox objects
  Quantity cpu;                  // of these pods' limits, all together
  Quantity memory;
  Quantity disk;
  std::optional<int> creationsPerMinute;  // Sandboxes that get a pod
  std::optional<Duration> maxLifetime;    // of the Sandboxes that start under it
  std::optional<int> sandboxHoursPerDay;  // of UTC
  bool operator==(const SandboxQuotaSpec&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxQuotaSpec, (),
                      (running, sandboxes, cpu, memory, disk, creationsPerMinute, maxLifetime,
                       sandboxHoursPerDay))

// What is used of the limits, or the limits themselves.
struct QuotaAmounts {
  std::optional<int> running;
  std::optional<int> sandboxes;
  Quantity cpu;
  Quantity memory;
  Quantity disk;
  std::optional<int> creationsPerMinute;
  std::optional<int> sandboxHoursPerDay;
  bool operator==(const QuotaAmounts&) const = default;
};
BOOST_DESCRIBE_STRUCT(QuotaAmounts, (),
                      (running, sandboxes, cpu, memory, disk, creationsPerMinute, sandboxHoursPerDay))

// A pod that may be made, or taken from a pool, and is counted as if it was there.
struct QuotaGrant {
  std::string pod;      // none where a pool's pod is taken, which is counted already
  std::string sandbox;  // for which it is, or
  std::string pool;
  std::string uid;                 // of that one
  std::optional<int64_t> restart;  // number of the Sandbox's pod for which it is (podNumber); none: its first
  std::string since;  // the pods' resourceVersion at which there was no such pod: an older one is not it
  Quantity cpu;
  Quantity memory;
  Quantity disk;
  std::optional<bool> withdrawn;  // true: nobody begins to make the pod any more; it is counted yet
  bool operator==(const QuotaGrant&) const = default;
};
BOOST_DESCRIBE_STRUCT(QuotaGrant, (), (pod, sandbox, pool, uid, restart, since, cpu, memory, disk, withdrawn))

inline bool isWithdrawn(const QuotaGrant& grant) {
  return grant.withdrawn.value_or(false);
}

// The newest resourceVersions that whoever last changed the grants had seen: of objects and deletions.
struct QuotaSeen {
  std::string pods;
  std::string sandboxes;
  std::string pools;
  bool operator==(const QuotaSeen&) const = default;
};
BOOST_DESCRIBE_STRUCT(QuotaSeen, (), (pods, sandboxes, pools))

// Sandboxes that got a pod in the five seconds from AT on.
struct QuotaStep {
  Time at;
  int count = 0;
  bool operator==(const QuotaStep&) const = default;
};
BOOST_DESCRIBE_STRUCT(QuotaStep, (), (at, count))

// For how long all sandboxes together have run on the day that began at DAY.
struct QuotaHours {
  Time day;
  int64_t seconds = 0;
  Time asOf;  // counted up to then
  bool operator==(const QuotaHours&) const = default;
};
BOOST_DESCRIBE_STRUCT(QuotaHours, (), (day, seconds, asOf))

struct SandboxQuotaStatus {
  std::optional<int64_t> observedGeneration;
  QuotaAmounts used;
  QuotaAmounts hard;
  std::optional<int> queued;
  std::vector<QuotaGrant> grants;
  QuotaSeen seen;
  std::vector<QuotaStep> recent;
  std::optional<QuotaHours> hours;
  std::vector<Condition> conditions;
  bool operator==(const SandboxQuotaStatus&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxQuotaStatus, (),
                      (observedGeneration, used, hard, queued, grants, seen, recent, hours, conditions))

struct SandboxQuota {
  ObjectMeta metadata;
  SandboxQuotaSpec spec;
  SandboxQuotaStatus status;
  // As Sandbox::unreadable.
  std::string unreadable = {};
  bool operator==(const SandboxQuota&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxQuota, (), (metadata, spec, status))

// The limits of QUOTA, whose spec cannot be read, are those that its status tells: what they count goes on,
// by all replicas alike, also those that have never seen another spec.
inline void takeTold(SandboxQuota& quota) {
  const QuotaAmounts& hard = quota.status.hard;
  quota.spec = {.running = hard.running,
                .sandboxes = hard.sandboxes,
                .cpu = hard.cpu,
                .memory = hard.memory,
                .disk = hard.disk,
                .creationsPerMinute = hard.creationsPerMinute,
                .maxLifetime = quota.spec.maxLifetime,
                .sandboxHoursPerDay = hard.sandboxHoursPerDay};
}

// The one that counts in a namespace.
inline constexpr std::string_view quotaName = "default";

// What the operator writes and reads of a ResourceQuota. Source: k8s.io/api/core/v1.
struct ResourceQuotaSpec {
  std::map<std::string, Quantity> hard;
  json::object scopeSelector;
  bool operator==(const ResourceQuotaSpec&) const = default;
};
BOOST_DESCRIBE_STRUCT(ResourceQuotaSpec, (), (hard, scopeSelector))

struct ResourceQuota {
  ObjectMeta metadata;
  ResourceQuotaSpec spec;
  bool operator==(const ResourceQuota&) const = default;
};
BOOST_DESCRIBE_STRUCT(ResourceQuota, (), (metadata, spec))

}  // namespace cloister::api
