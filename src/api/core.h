// The parts of Kubernetes' core kinds that the operator reads or writes. Source: k8s.io/api/core/v1.
#pragma once

#include "api/meta.h"

namespace cloister::api {

struct EnvVar {
  std::string name;
  std::string value;
  bool operator==(const EnvVar&) const = default;
};
BOOST_DESCRIBE_STRUCT(EnvVar, (), (name, value))

struct Toleration {
  std::string key;
  std::string operator_;
  std::string value;
  std::string effect;
  std::optional<int64_t> tolerationSeconds;
  bool operator==(const Toleration&) const = default;
};
BOOST_DESCRIBE_STRUCT(Toleration, (), (key, operator_, value, effect, tolerationSeconds))

struct PodCondition {
  std::string type;
  std::string status;
  std::string reason;
  std::string message;
  std::optional<Time> lastTransitionTime;
  bool operator==(const PodCondition&) const = default;
};
BOOST_DESCRIBE_STRUCT(PodCondition, (), (type, status, reason, message, lastTransitionTime))

struct ContainerStateWaiting {
  std::string reason;
  std::string message;
  bool operator==(const ContainerStateWaiting&) const = default;
};
BOOST_DESCRIBE_STRUCT(ContainerStateWaiting, (), (reason, message))

struct ContainerStateRunning {
  std::optional<Time> startedAt;
  bool operator==(const ContainerStateRunning&) const = default;
};
BOOST_DESCRIBE_STRUCT(ContainerStateRunning, (), (startedAt))

struct ContainerStateTerminated {
  int exitCode = 0;
  int signal = 0;
  std::string reason;
  std::string message;
  std::optional<Time> startedAt;
  std::optional<Time> finishedAt;
  bool operator==(const ContainerStateTerminated&) const = default;
};
BOOST_DESCRIBE_STRUCT(ContainerStateTerminated, (),
                      (exitCode, signal, reason, message, startedAt, finishedAt))

struct ContainerState {
  std::optional<ContainerStateWaiting> waiting;
  std::optional<ContainerStateRunning> running;
  std::optional<ContainerStateTerminated> terminated;
  bool operator==(const ContainerState&) const = default;
};
BOOST_DESCRIBE_STRUCT(ContainerState, (), (waiting, running, terminated))

struct ContainerStatus {
  std::string name;
  bool ready = false;
  ContainerState state;
  std::string imageID = {};  // which image it really has; empty until the kubelet tells
  bool operator==(const ContainerStatus&) const = default;
};
BOOST_DESCRIBE_STRUCT(ContainerStatus, (), (name, ready, state, imageID))

struct PodIP {
  std::string ip;
  bool operator==(const PodIP&) const = default;
};
BOOST_DESCRIBE_STRUCT(PodIP, (), (ip))

struct PodStatus {
  std::string phase;
  std::string reason;
  std::string message;
  std::vector<PodCondition> conditions;
  std::vector<ContainerStatus> containerStatuses;
  std::vector<PodIP> podIPs;
  bool operator==(const PodStatus&) const = default;
};
BOOST_DESCRIBE_STRUCT(PodStatus, (), (phase, reason, message, conditions, containerStatuses, podIPs))

// What a pod's containers may use at most, all together: all that is kept of them.
struct ContainerLimits {
  int64_t cpuMilli = 0;
  int64_t memoryBytes = 0;
  int64_t diskBytes = 0;  // of ephemeral storage
  bool empty() const { return *this == ContainerLimits(); }
  bool operator==(const ContainerLimits&) const = default;
};
// In JSON a pod's list of containers, as json::decode and json::encode find them.
Result<void> read(const json::value& v, ContainerLimits& out, json::detail::Context);
json::value write(const ContainerLimits& limits);

struct PodSpec {
  std::string nodeName;
  std::string runtimeClassName;
  ContainerLimits containers;
  bool operator==(const PodSpec&) const = default;
};
BOOST_DESCRIBE_STRUCT(PodSpec, (), (nodeName, runtimeClassName, containers))

// What the operator reads of a pod. Pods are written as JSON (operator/sandbox/pod.h).
struct Pod {
  ObjectMeta metadata;
  PodSpec spec;
  PodStatus status;
  bool operator==(const Pod&) const = default;
};
BOOST_DESCRIBE_STRUCT(Pod, (), (metadata, spec, status))

// The condition of TYPE, or null.
const PodCondition* findPodCondition(const Pod& pod, std::string_view type);

// What the operator reads of a NetworkPolicy.
struct NetworkPolicy {
  ObjectMeta metadata;
  json::object spec;
  bool operator==(const NetworkPolicy&) const = default;
};
BOOST_DESCRIBE_STRUCT(NetworkPolicy, (), (metadata, spec))

struct NodeSpec {
  bool unschedulable = false;  // cordoned
  bool operator==(const NodeSpec&) const = default;
};
BOOST_DESCRIBE_STRUCT(NodeSpec, (), (unschedulable))

struct NodeCondition {
  std::string type;
  std::string status;
  bool operator==(const NodeCondition&) const = default;
};
BOOST_DESCRIBE_STRUCT(NodeCondition, (), (type, status))

struct NodeStatus {
  std::vector<NodeCondition> conditions;
  bool operator==(const NodeStatus&) const = default;
};
BOOST_DESCRIBE_STRUCT(NodeStatus, (), (conditions))

// What the operator reads of a node.
struct Node {
  ObjectMeta metadata;
  NodeSpec spec;
  NodeStatus status;
  bool operator==(const Node&) const = default;
};
BOOST_DESCRIBE_STRUCT(Node, (), (metadata, spec, status))

}  // namespace cloister::api
