#include "operator/sandbox/diagnose.h"

#include <array>
#include <ranges>

#include "operator/sandbox/pod.h"
#include "operator/sandbox/reasons.h"

namespace cloister::sandbox {
namespace {

constexpr size_t longestDetail = 600;  // of another component's words in a message of ours

// ... as a sentence, for more to follow.
std::string sentence(std::string_view text) {
  std::string words = excerpt(text);
  return words.empty() || words.ends_with('.') ? words : words + ".";
}

Diagnosis pending(std::string_view why, std::string message) {
  return {.phase = api::Phase::Pending, .reason = why, .message = std::move(message), .problem = true};
}

Diagnosis starting(std::string message) {
  return {.phase = api::Phase::Pending, .reason = reason::starting, .message = std::move(message)};
}

Diagnosis failed(std::string_view why, std::string message) {
  return {.phase = api::Phase::Failed, .reason = why, .message = std::move(message), .problem = true};
}

// The node ended the pod: for want of room, or because it is going away.
std::optional<Diagnosis> diagnoseDisruption(const api::Pod& pod) {
  if (pod.status.reason == "Evicted") {
    return failed(reason::evicted, "The node evicted the sandbox: " + sentence(pod.status.message) +
                                       " Ask for the disk and memory it needs, or give the nodes more.");
  }
  const api::PodCondition* disruption = findPodCondition(pod, "DisruptionTarget");
  if (disruption == nullptr || disruption->status != "True") return std::nullopt;
  if (disruption->reason == "DeletionByTaintManager" || disruption->reason == "DeletionByPodGC") {
    return failed(reason::nodeLost, "The node " + pod.spec.nodeName + " was lost or tainted: " +
                                        sentence(disruption->message) + std::string(createAgain));
  }
  return failed(reason::evicted, "The sandbox had to make room (" + disruption->reason +
                                     "): " + sentence(disruption->message) + std::string(createAgain));
}

// What to do about a container that cannot be started.
std::string adviceOf(const api::Pod& pod) {
  const std::string image = api::annotationOf(pod.metadata, api::restoreAnnotation);
  if (image.empty() || image.starts_with(api::goldenPrefix)) return " Check spec.command and spec.image.";
  return " Check spec.command, spec.image and the SandboxSnapshot \"" + image +
         "\"; if that is damaged, begin from another one.";
}

Diagnosis diagnoseEnd(const api::Pod& pod, const api::ContainerStateTerminated& end) {
  Diagnosis out;
  out.exitCode = end.exitCode;
  const std::string words = end.message.empty() ? "" : " Its last words: " + excerpt(end.message);
  if (end.reason == "OOMKilled") {
    out = failed(
        reason::oomKilled,
        "The sandbox used more memory than resources.memory and was killed; create one with more." + words);
  } else if (end.exitCode == 0) {
    out = {.phase = api::Phase::Succeeded,
           .reason = reason::completed,
           .message = "The main process ended with exit code 0."};
  } else if (end.reason == "StartError" || end.reason == "ContainerCannotRun") {
    const std::string why = end.message.empty() ? "exit code " + std::to_string(end.exitCode) + "."
                                                : "Its last words: " + sentence(end.message);
    out = failed(reason::startFailed, "The container could not be started: " + why + adviceOf(pod));
  } else {
    out = failed(reason::crashed, "The main process ended with exit code " + std::to_string(end.exitCode) +
                                      "; see `kubectl logs " + pod.metadata.name + "`." + words);
  }
  out.exitCode = end.exitCode;
  return out;
}

struct WaitingReason {
  std::string_view kubernetes;
  std::string_view ours;
  std::string_view advice;
};
constexpr std::array<WaitingReason, 9> waitingReasons{{
    {"ErrImagePull", reason::imagePullFailed, "Check spec.image, imagePullSecrets and the registry."},
    {"ImagePullBackOff", reason::imagePullFailed, "Check spec.image, imagePullSecrets and the registry."},
    {"ErrImageNeverPull", reason::imageMissing, "The image is not on the node and imagePullPolicy is Never."},
    {"InvalidImageName", reason::invalidImageName, "Correct spec.image in a new Sandbox."},
    {"CreateContainerConfigError", reason::startFailed, "Correct the spec in a new Sandbox."},
    {"CreateContainerError", reason::startFailed,
     "The container runtime refused it; check spec.command and spec.image."},
    {"RunContainerError", reason::startFailed,
     "The container runtime refused it; check spec.command and spec.image."},
    {"ImageInspectError", reason::imagePullFailed, "The image on the node is damaged."},
    {"CrashLoopBackOff", reason::crashLoop, "A container of the pod keeps ending; see its logs."},
}};

std::optional<Diagnosis> diagnoseWaiting(const api::ContainerStateWaiting& waiting) {
  for (const WaitingReason& known : waitingReasons) {
    if (waiting.reason != known.kubernetes) continue;
    return pending(known.ours, sentence(waiting.message) + (waiting.message.empty() ? "" : " ") +
                                   std::string(known.advice));
  }
  return std::nullopt;
}

// As containerd and CRI-O say that a runtime handler, or its program, is not there.
bool saysRuntimeMissing(std::string_view text) {
  return text.contains("no runtime for") || text.contains("binary not installed") ||
         text.contains("failed to find runtime handler");
}

// A step that was made: what failed before it is over.
bool saysProgress(const PodEvent& event) {
  constexpr std::array<std::string_view, 5> steps{"Scheduled", "Pulling", "Pulled", "Created", "Started"};
  return std::ranges::find(steps, event.reason) != steps.end();
}

// The container has no word of its own yet; the kubelet's events have.
Diagnosis diagnoseCreating(const api::Pod& pod, const std::vector<PodEvent>& events) {
  for (const PodEvent& event : std::views::reverse(events)) {
    if (saysProgress(event)) break;
    // The scheduler's word on earlier tries is not the node's.
    if (event.type != "Warning" || event.reason == "FailedScheduling") continue;
    if (event.reason == "FailedCreatePodSandBox" && saysRuntimeMissing(event.message)) {
      return pending(reason::runtimeMissingOnNode,
                     "The node " + pod.spec.nodeName + " does not have the runtime of RuntimeClass " +
                         pod.spec.runtimeClassName +
                         ": install it there, or steer sandboxes elsewhere with nodeSelector.");
    }
    if (event.reason.starts_with("Failed") || event.reason == "NetworkNotReady") {
      return pending(reason::startFailed, "The node " + pod.spec.nodeName + " could not set the pod up (" +
                                              event.reason + "): " + excerpt(event.message));
    }
  }
  return starting("The node " + pod.spec.nodeName + " is starting the container.");
}

Diagnosis diagnosePending(const api::Pod& pod, const std::vector<PodEvent>& events) {
  const api::PodCondition* scheduled = findPodCondition(pod, "PodScheduled");
  if (scheduled != nullptr && scheduled->status == "False" && scheduled->reason == "Unschedulable") {
    return pending(reason::unschedulable,
                   "No node takes the sandbox: " + sentence(scheduled->message) +
                       " Ask for less, free or add nodes, or correct nodeSelector and tolerations.");
  }
  if (pod.spec.nodeName.empty()) return starting("Waiting for a node.");
  for (const api::ContainerStatus& status : pod.status.containerStatuses) {
    if (!status.state.waiting) continue;
    if (auto known = diagnoseWaiting(*status.state.waiting)) return *known;
  }
  return diagnoseCreating(pod, events);
}

Diagnosis diagnoseRunning(const api::Pod& pod, std::optional<bool> nodeReady) {
  if (nodeReady == false) {
    return {.phase = api::Phase::Running,
            .reason = reason::nodeLost,
            .message = "The node " + pod.spec.nodeName +
                       " does not answer; the sandbox may still run there. If the node does not return, "
                       "delete the Sandbox.",
            .problem = true};
  }
  if (isPodReady(pod)) {
    return {.phase = api::Phase::Running,
            .reason = reason::running,
            .message = "The sandbox runs.",
            .ready = true};
  }
  if (api::isMadeToBeHeld(pod))
    return starting("The pod was held; the cloister-node of node " + pod.spec.nodeName +
                    " is to let its processes begin.");
  return starting("The container runs; the pod is not ready yet.");
}

}  // namespace

std::string excerpt(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  if (text.size() <= longestDetail) return std::string(text);
  text.remove_prefix(text.size() - longestDetail);
  // Not from within a UTF-8 character: the API server would store something else than what was written.
  while (!text.empty() && (text.front() & 0xC0) == 0x80) text.remove_prefix(1);
  return "..." + std::string(text);
}

const api::ContainerStatus* sandboxContainer(const api::Pod& pod) {
  const auto& statuses = pod.status.containerStatuses;
  const auto found = std::ranges::find(statuses, containerName, &api::ContainerStatus::name);
  return found == statuses.end() ? nullptr : &*found;
}

bool isPodReady(const api::Pod& pod) {
  const api::PodCondition* ready = findPodCondition(pod, "Ready");
  if (ready == nullptr || ready->status != "True") return false;
  if (!api::isMadeToBeHeld(pod)) return true;
  const api::OwnerReference* owner = api::controllerOf(pod.metadata);
  const bool ofPool = owner != nullptr && owner->kind == "SandboxPool";
  return ofPool ? api::isHeld(pod) : api::hasBegunFromHeld(pod);
}

bool hasPodEnded(const api::Pod& pod) {
  return pod.status.phase == "Succeeded" || pod.status.phase == "Failed";
}

bool needsEvents(const api::Pod& pod) {
  if (pod.spec.nodeName.empty() || pod.status.phase != "Pending") return false;
  const api::ContainerStatus* status = sandboxContainer(pod);
  return status == nullptr || (status->state.waiting && !diagnoseWaiting(*status->state.waiting));
}

bool needsNodeState(const api::Pod& pod) {
  const api::ContainerStatus* status = sandboxContainer(pod);
  return !pod.spec.nodeName.empty() && pod.status.phase == "Running" && !isPodReady(pod) &&
         !api::isHeld(pod) && status != nullptr && status->state.running && status->ready;
}

Diagnosis diagnosePod(const api::Pod& pod, const std::vector<PodEvent>& events,
                      std::optional<bool> nodeReady) {
  if (auto disruption = diagnoseDisruption(pod)) return *disruption;
  // Before how its container ended: that was the deletion's doing.
  if (pod.metadata.deletionTimestamp) {
    return failed(reason::podLost, "The pod " + pod.metadata.name + " is being deleted by somebody else." +
                                       std::string(createAgain));
  }
  if (const api::ContainerStatus* status = sandboxContainer(pod);
      status != nullptr && status->state.terminated) {
    return diagnoseEnd(pod, *status->state.terminated);
  }
  if (pod.status.phase == "Failed") {
    return failed(reason::startFailed, "The node " + pod.spec.nodeName + " refused the pod (" +
                                           pod.status.reason + "): " + sentence(pod.status.message) +
                                           std::string(createAgain));
  }
  if (pod.status.phase == "Running") return diagnoseRunning(pod, nodeReady);
  return diagnosePending(pod, events);
}

std::optional<Diagnosis> diagnoseCreateFailure(const Error& error, const std::string& runtimeClassName) {
  // Conflict: another request changed the ResourceQuota at the same time.
  const bool passes =
      isRetryable(error) || error.code == Errc::Conflict || error.reason == "NamespaceTerminating";
  if (passes || error.code == Errc::NotFound) return std::nullopt;
  const std::string& text = error.message;
  for (const std::string_view taken : {reason::policyNameTaken, reason::volumeNameTaken}) {
    if (error.reason == taken) return pending(taken, text);
  }
  if (error.code == Errc::AlreadyExists) {
    return pending(reason::podNameTaken,
                   text + " Delete that pod, or create the Sandbox under another name.");
  }
  if (error.code != Errc::Forbidden) {
    return pending(reason::createFailed, "The API server did not take the pod: " + excerpt(text));
  }
  if (text.contains("exceeded quota") || text.contains("failed quota") ||
      text.contains("unknown for quota")) {
    return pending(reason::quotaExceeded,
                   "A ResourceQuota of the namespace is in the way: " + sentence(text) +
                       " It is tried again; free some or raise the quota.");
  }
  if (text.contains("RuntimeClass") && text.contains("not found")) {
    return pending(reason::runtimeClassMissing, "The cluster has no RuntimeClass \"" + runtimeClassName +
                                                    "\": create it, or use another spec.runtime.");
  }
  return pending(reason::admissionRefused, "The cluster's admission refused it: " + excerpt(text));
}

}  // namespace cloister::sandbox
