// The SandboxPool kind, as crds/cloister.dev_sandboxpools.yaml describes it.
#pragma once

#include "api/sandbox.h"

namespace cloister::api {

// What becomes of a Sandbox for which the pool has no fitting pod.
BOOST_DEFINE_FIXED_ENUM_CLASS(WhenEmpty, int, Cold, Wait, Fail)
BOOST_DEFINE_FIXED_ENUM_CLASS(PoolUpdate, int, RollingUpdate, Recreate)

struct PoolUpdateStrategy {
  std::optional<PoolUpdate> type;  // RollingUpdate when absent
  json::value maxUnavailable;      // a number or "25%" (the default): of the ready pods, in an update
  bool operator==(const PoolUpdateStrategy&) const = default;
};
BOOST_DESCRIBE_STRUCT(PoolUpdateStrategy, (), (type, maxUnavailable))

struct SandboxPoolSpec {
  LocalReference templateRef;
  std::optional<int> replicas;  // pods held ready; 1 when neither it nor minIdle is there
  // Instead of replicas: follow demand, between minIdle pods and as many as keep the pool's pods and the
  // Sandboxes that took one within maxTotal.
  std::optional<int> minIdle;
  std::optional<int> maxTotal;
  std::optional<WhenEmpty> whenEmpty;  // Cold when absent
  std::optional<bool> hold;            // its pods wait without having begun; false when absent
  PoolUpdateStrategy updateStrategy;
  std::optional<Duration> progressDeadline;  // 5m when absent
  bool operator==(const SandboxPoolSpec&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxPoolSpec, (),
                      (templateRef, replicas, minIdle, maxTotal, whenEmpty, hold, updateStrategy,
                       progressDeadline))

struct SandboxPoolStatus {
  std::optional<int64_t> observedGeneration;
  std::optional<int> replicas;  // pods in the pool, ready or not
  std::optional<int> readyReplicas;
  std::optional<int> updatedReplicas;  // of the present revision
  std::optional<int> claimed;          // Sandboxes that live in a pod of this pool
  std::string revision;                // of the template, that pods are made from
  std::string selector;                // of the pods in the pool, for the scale subresource
  std::vector<Condition> conditions;
  bool operator==(const SandboxPoolStatus&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxPoolStatus, (),
                      (observedGeneration, replicas, readyReplicas, updatedReplicas, claimed, revision,
                       selector, conditions))

struct SandboxPool {
  ObjectMeta metadata;
  SandboxPoolSpec spec;
  SandboxPoolStatus status;
  // As Sandbox::unreadable.
  std::string unreadable = {};
  bool operator==(const SandboxPool&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxPool, (), (metadata, spec, status))

}  // namespace cloister::api
