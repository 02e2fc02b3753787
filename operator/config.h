// The operator's configuration file (YAML) and its defaults. Every field may be absent.
#pragma once

#include "api/sandbox.h"
#include "base/version.h"

namespace cloister {

struct RuntimeConfig {
  std::string runtimeClassName;
  bool allowed = true;
};
BOOST_DESCRIBE_STRUCT(RuntimeConfig, (), (runtimeClassName, allowed))

struct RuntimesConfig {
  RuntimeConfig gvisor{"gvisor", true};
  RuntimeConfig kata{"kata", true};
  RuntimeConfig runc{"runc",
                     false};  // shares the node's kernel with code nobody has read: off unless asked for
};
BOOST_DESCRIBE_STRUCT(RuntimesConfig, (), (gvisor, kata, runc))

struct ResourceBounds {
  Quantity cpu;
  Quantity memory;
  Quantity disk;
};
BOOST_DESCRIBE_STRUCT(ResourceBounds, (), (cpu, memory, disk))

// What a pod requests of what it may use (its limits), in percent: the rest is overcommitted.
struct RequestsConfig {
  int cpuPercent = 10;
  int memoryPercent = 100;
};
BOOST_DESCRIBE_STRUCT(RequestsConfig, (), (cpuPercent, memoryPercent))

struct LifecycleConfig {
  Duration defaultTtl = std::chrono::hours(1);
  Duration largestTtl = std::chrono::hours(24);
  Duration maxLifetime = std::chrono::hours(24 * 7);  // no sandbox outlives it, whatever its spec says
};
BOOST_DESCRIBE_STRUCT(LifecycleConfig, (), (defaultTtl, largestTtl, maxLifetime))

struct NetworkConfig {
  // Closed to sandboxes even when their egress is Internet, besides the private and link-local ranges.
  std::vector<std::string> closedCidrs;
  // The cluster's DNS: the pods that a sandbox with egress may ask, on port 53.
  std::string dnsNamespace = "kube-system";
  std::map<std::string, std::string> dnsLabels{{"k8s-app", "kube-dns"}};
};
BOOST_DESCRIBE_STRUCT(NetworkConfig, (), (closedCidrs, dnsNamespace, dnsLabels))

// Defaults for Sandboxes that leave the field out.
struct SandboxDefaults {
  std::string image = "cloister.dev/sandbox-base:" + std::string(version());
  std::vector<std::string> command{"/bin/sh", "-c", "trap 'exit 0' TERM INT; sleep infinity & wait"};
  api::Runtime runtime = api::Runtime::gvisor;
  ResourceBounds resources{{"1"}, {"512Mi"}, {"1Gi"}};
  // Put before the Sandbox's own.
  std::vector<api::LocalReference> imagePullSecrets;
  std::map<std::string, std::string> nodeSelector;
  std::vector<api::Toleration> tolerations;
  std::string priorityClassName;
  api::PodMetadata podMetadata;
};
BOOST_DESCRIBE_STRUCT(SandboxDefaults, (),
                      (image, command, runtime, resources, imagePullSecrets, nodeSelector, tolerations,
                       priorityClassName, podMetadata))

struct SnapshotsConfig {
  bool enabled = false;  // there is a cloister-node on the nodes of sandboxes
  // ... with these labels.
  std::map<std::string, std::string> nodeSelector = {{"cloister.dev/snapshots", "true"}};
};
BOOST_DESCRIBE_STRUCT(SnapshotsConfig, (), (enabled, nodeSelector))

struct LeaderElectionConfig {
  bool enabled = true;
  std::string namespace_;  // default: the operator's own
  std::string name = "cloister-operator";
  Duration leaseDuration = seconds(15);
  Duration renewDeadline = seconds(10);
  Duration retryPeriod = seconds(2);
};
BOOST_DESCRIBE_STRUCT(LeaderElectionConfig, (),
                      (enabled, namespace_, name, leaseDuration, renewDeadline, retryPeriod))

struct Config {
  // Only these namespaces, with Roles instead of ClusterRoles; empty: all.
  std::vector<std::string> watchNamespaces;
  // Put before every image name that has no registry of its own ("registry.example.com/mirror").
  std::string imageRegistry;
  bool allowBaselineProfile = false;
  // Nobody but the operator can write labels, annotations and owner references of cloister.dev on pods: the
  // chart says so where it installs the admission policy. Only told, in the status of pools.
  bool podsGuarded = false;
  RuntimesConfig runtimes;
  SandboxDefaults defaults;
  ResourceBounds largest{{"16"}, {"64Gi"}, {"100Gi"}};
  RequestsConfig requests;
  LifecycleConfig lifecycle;
  NetworkConfig network;
  SnapshotsConfig snapshots;
  LeaderElectionConfig leaderElection;
  std::string listen = "0.0.0.0:8080";  // /metrics, /healthz, /readyz
  std::string logLevel = "info";
  int workers = 8;
};
BOOST_DESCRIBE_STRUCT(Config, (),
                      (watchNamespaces, imageRegistry, allowBaselineProfile, podsGuarded, runtimes, defaults,
                       largest, requests, lifecycle, network, snapshots, leaderElection, listen, logLevel,
                       workers))

// YAML text as a Config. Errors tell "FILE:LINE: .field: reason"; fields that do not exist are errors.
Result<Config> parseConfig(std::string_view yaml, std::string_view file);
Result<Config> loadConfig(const std::string& file);

}  // namespace cloister
