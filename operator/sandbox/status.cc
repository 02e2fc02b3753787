#include "operator/sandbox/status.h"

#include "operator/sandbox/reasons.h"
#include "runtime/conditions.h"

namespace cloister::sandbox {
namespace {

// What is tried again words each failure differently (a pull that backs off alternates between two texts,
// others name the try's ids): keep the text that is there rather than write each time.
std::string steadyMessage(const api::Sandbox& sandbox, const Diagnosis& diagnosis) {
  const api::Condition* ready = api::findCondition(sandbox.status.conditions, condition::ready);
  const bool retried =
      diagnosis.phase == api::Phase::Pending &&
      (diagnosis.reason == reason::imagePullFailed || diagnosis.reason == reason::startFailed);
  const bool same = ready != nullptr && ready->reason == diagnosis.reason;
  return same && retried ? ready->message : diagnosis.message;
}

void setAccepted(const Resolved& resolved, runtime::Conditions& conditions) {
  if (resolved.refusal) {
    conditions.set(condition::accepted, "False", resolved.refusal->reason, resolved.refusal->message);
  } else {
    conditions.set(condition::accepted, "True", reason::accepted,
                   "The spec can be carried out on this cluster.");
  }
}

void setScheduled(const api::Pod* pod, runtime::Conditions& conditions) {
  if (pod == nullptr) return;
  const api::PodCondition* scheduled = findPodCondition(*pod, "PodScheduled");
  if (!pod->spec.nodeName.empty()) {
    conditions.set(condition::podScheduled, "True", reason::scheduled, "On node " + pod->spec.nodeName + ".");
  } else if (scheduled != nullptr && scheduled->reason == "Unschedulable") {
    conditions.set(condition::podScheduled, "False", reason::unschedulable, excerpt(scheduled->message));
  } else {
    conditions.set(condition::podScheduled, "False", reason::starting, "Waiting for a node.");
  }
}

void setReady(const api::Sandbox& sandbox, const Diagnosis& diagnosis, runtime::Conditions& conditions) {
  conditions.set(condition::ready, diagnosis.ready ? "True" : "False", diagnosis.reason,
                 steadyMessage(sandbox, diagnosis));
  if (diagnosis.phase == api::Phase::Failed) {
    conditions.set(condition::stalled, "True", diagnosis.reason,
                   "It will not become Ready again: see the condition Ready.");
  } else {
    conditions.remove(condition::stalled);
  }
}

void setFenced(const api::Pod* pod, runtime::Conditions& conditions) {
  if (pod == nullptr) return;
  conditions.set(
      condition::networkFenced, "Unknown", reason::notVerified,
      "NetworkPolicies are in place; whether this cluster's network plug-in enforces them is not verified.");
}

void setWarmStart(const api::Sandbox& sandbox, const api::Pod* pod, runtime::Conditions& conditions) {
  if (!sandbox.spec.poolRef || pod == nullptr) return;
  const std::string pool = api::labelOf(pod->metadata, api::poolLabel);
  if (!pool.empty()) {
    conditions.set(condition::warmStart, "True", reason::fromPool,
                   "It took the pod " + pod->metadata.name + " of the pool " + pool + ".");
    return;
  }
  const std::string said = api::annotationOf(pod->metadata, api::coldStartAnnotation);
  for (const std::string_view why : {reason::poolEmpty, reason::poolMismatch}) {
    const std::string head = std::string(why) + ": ";
    if (said.starts_with(head)) conditions.set(condition::warmStart, "False", why, said.substr(head.size()));
  }
}

void describePod(const api::Pod& pod, api::SandboxStatus& status) {
  status.podName = pod.metadata.name;
  status.podUID = pod.metadata.uid;
  status.templateRevision = api::labelOf(pod.metadata, api::revisionLabel);
  status.nodeName = pod.spec.nodeName;
  status.podIPs.clear();
  for (const api::PodIP& address : pod.status.podIPs) status.podIPs.push_back(address.ip);
}

std::optional<Time> readySince(const api::Sandbox& sandbox, const api::Pod& pod) {
  // A pod of a pool was ready before there was a Sandbox.
  const Time earliest = sandbox.metadata.creationTimestamp;
  if (api::isMadeToBeHeld(pod)) {
    if (!api::hasBegunFromHeld(pod)) return std::nullopt;
    return std::max(findPodCondition(pod, api::heldCondition)->lastTransitionTime.value_or(Time{}), earliest);
  }
  if (isPodReady(pod))
    return std::max(findPodCondition(pod, "Ready")->lastTransitionTime.value_or(Time{}), earliest);
  for (const api::ContainerStatus& container : pod.status.containerStatuses) {
    if (!container.state.terminated) continue;
    const std::optional<Time> startedAt = container.state.terminated->startedAt;
    // The kubelet says 1970 of a container that never started.
    if (startedAt && *startedAt >= pod.metadata.creationTimestamp) return std::max(*startedAt, earliest);
  }
  return std::nullopt;
}

}  // namespace

Diagnosis toldEnd(const api::Sandbox& sandbox) {
  const api::Condition* ready = api::findCondition(sandbox.status.conditions, condition::ready);
  Diagnosis kept{.phase = *sandbox.status.phase, .reason = reason::podLost, .message = {}};
  if (ready == nullptr) return kept;
  // Reasons are views of constants: find the one that is written there.
  const auto known = std::ranges::find(reason::all, ready->reason);
  if (known != reason::all.end()) kept.reason = *known;
  kept.message = ready->message;
  return kept;
}

bool hasRun(const api::Sandbox& sandbox, const api::Pod& pod) {
  return readySince(sandbox, pod).has_value();
}

std::optional<Time> firstReady(const api::Sandbox& sandbox, const api::Pod* pod) {
  if (sandbox.status.startedAt) return sandbox.status.startedAt;
  return pod != nullptr ? readySince(sandbox, *pod) : std::nullopt;
}

api::SandboxStatus statusFor(const StatusInput& input, Time now) {
  api::SandboxStatus status = input.sandbox.status;
  runtime::Conditions conditions(status.conditions, input.sandbox.metadata.generation, now);
  setAccepted(input.resolved, conditions);
  setScheduled(input.pod, conditions);
  setReady(input.sandbox, input.diagnosis, conditions);
  setFenced(input.pod, conditions);
  setWarmStart(input.sandbox, input.pod, conditions);
  status.conditions = conditions.take();
  status.phase = input.diagnosis.phase;
  status.queuePosition = input.diagnosis.queuePosition;
  status.observedGeneration = input.sandbox.metadata.generation;
  if (!input.frozen) status.runtime = input.resolved.runtime;
  // Pinned with the first status after the start: what runs is not touched by what the quota says later.
  if (input.startedAt) status.maxLifetime = input.quotaLifetime;
  status.startedAt = input.startedAt;
  status.pausedAt = input.standstill.since;
  if (input.standstill.total > Duration{}) status.pausedFor = input.standstill.total;
  // The status carries whole seconds: compare what will be read back.
  status.expiresAt = std::chrono::floor<seconds>(input.expiresAt);
  if (input.diagnosis.exitCode) status.exitCode = input.diagnosis.exitCode;
  if (input.pod != nullptr) describePod(*input.pod, status);
  if (input.diagnosis.ready && !status.startLatency && !api::podNumber(status))
    status.startLatency = input.latency;
  return status;
}

}  // namespace cloister::sandbox
