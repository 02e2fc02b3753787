#include "tests/unit/operator/examples.h"

#include "operator/sandbox/pod.h"

namespace cloister::test {
namespace {

void setCondition(api::Pod& pod, const std::string& type, const std::string& status, Time since,
                  const std::string& reason = {}, const std::string& message = {}) {
  auto& conditions = pod.status.conditions;
  std::erase_if(conditions, [&](const api::PodCondition& condition) { return condition.type == type; });
  conditions.push_back({type, status, reason, message, since});
}

api::ContainerStatus& container(api::Pod& pod) {
  if (pod.status.containerStatuses.empty())
    pod.status.containerStatuses.push_back({.name = "sandbox", .ready = false, .state = {}});
  return pod.status.containerStatuses.front();
}

}  // namespace

api::Sandbox aSandbox(const std::string& name) {
  api::Sandbox sandbox;
  sandbox.metadata = {.name = name,
                      .namespace_ = "team",
                      .uid = "uid-of-" + name,
                      .resourceVersion = "100",
                      .generation = 1,
                      .creationTimestamp = epoch,
                      .deletionTimestamp = {},
                      .labels = {},
                      .annotations = {},
                      .ownerReferences = {}};
  return sandbox;
}

api::Pod podOf(const api::Sandbox& sandbox, const Config& config) {
  const auto profile = policy::networkProfile(sandbox.spec.network, config.network);
  auto pod = json::decode<api::Pod>(sandbox::podFor(sandbox::identityOf(sandbox), sandbox.spec,
                                                    sandbox::resolve(sandbox.spec, config), config.requests,
                                                    profile.name));
  pod->metadata.uid = "uid-of-pod-of-" + sandbox.metadata.uid;
  pod->metadata.resourceVersion = "200";
  pod->metadata.creationTimestamp = sandbox.metadata.creationTimestamp;
  pod->status.phase = "Pending";
  return *pod;
}

api::Pod unschedulable(api::Pod pod, const std::string& message) {
  setCondition(pod, "PodScheduled", "False", epoch, "Unschedulable", message);
  return pod;
}

api::Pod scheduled(api::Pod pod, const std::string& node) {
  pod.spec.nodeName = node;
  setCondition(pod, "PodScheduled", "True", epoch);
  return pod;
}

api::Pod waiting(api::Pod pod, const std::string& reason, const std::string& message) {
  pod = scheduled(std::move(pod));
  container(pod).state = {
      .waiting = api::ContainerStateWaiting{reason, message}, .running = {}, .terminated = {}};
  return pod;
}

api::Pod ready(api::Pod pod, Time since) {
  pod = scheduled(std::move(pod));
  pod.status.phase = "Running";
  pod.status.podIPs = {{"10.1.2.3"}, {"fd00::3"}};
  container(pod).ready = true;
  container(pod).state = {.waiting = {}, .running = api::ContainerStateRunning{since}, .terminated = {}};
  setCondition(pod, "Ready", "True", since);
  return pod;
}

api::Pod unready(api::Pod pod) {
  setCondition(pod, "Ready", "False", epoch + seconds(90));
  return pod;
}

api::Pod ended(api::Pod pod, int exitCode, const std::string& reason, const std::string& message) {
  pod = unready(ready(std::move(pod)));
  pod.status.phase = exitCode == 0 ? "Succeeded" : "Failed";
  container(pod).ready = false;
  container(pod).state = {.waiting = {},
                          .running = {},
                          .terminated = api::ContainerStateTerminated{.exitCode = exitCode,
                                                                      .signal = 0,
                                                                      .reason = reason,
                                                                      .message = message,
                                                                      .startedAt = epoch + seconds(1),
                                                                      .finishedAt = epoch + seconds(9)}};
  return pod;
}

api::Pod evicted(api::Pod pod, const std::string& message) {
  pod = ended(std::move(pod), 137, "Error");
  pod.status.reason = "Evicted";
  pod.status.message = message;
  return disrupted(std::move(pod), "TerminationByKubelet", message);
}

api::Pod disrupted(api::Pod pod, const std::string& reason, const std::string& message) {
  setCondition(pod, "DisruptionTarget", "True", epoch + seconds(60), reason, message);
  return pod;
}

api::Pod refusedByNode(api::Pod pod, const std::string& reason, const std::string& message) {
  pod = scheduled(std::move(pod));
  pod.status.phase = "Failed";
  pod.status.reason = reason;
  pod.status.message = message;
  return pod;
}

api::Pod leaving(api::Pod pod, Time since) {
  pod.metadata.deletionTimestamp = since;
  return pod;
}

sandbox::Observed seen(const api::Sandbox& sandbox, const std::vector<api::Pod>& pods) {
  sandbox::Observed observed;
  observed.sandbox = std::make_shared<const api::Sandbox>(sandbox);
  for (const api::Pod& pod : pods) observed.pods.push_back(std::make_shared<const api::Pod>(pod));
  observed.policies = {std::string(policy::defaultDenyName)};
  return observed;
}

}  // namespace cloister::test
