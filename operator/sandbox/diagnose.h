// What a pod's state means for its Sandbox, in words that tell the next step. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/sandbox.h"

namespace cloister::sandbox {

// The next step for one whose pod ended and was not to blame, at the end of a message.
inline constexpr std::string_view createAgain = " Create the Sandbox again.";

// One of Kubernetes' events about a pod, as far as a diagnosis reads it.
struct PodEvent {
  std::string type;  // "Normal", "Warning"
  std::string reason;
  std::string message;
};

struct Diagnosis {
  api::Phase phase = api::Phase::Pending;
  std::string_view reason;
  std::string message;
  bool ready = false;
  bool problem = false;  // a person should know
  std::optional<int> exitCode = {};
  std::optional<int> queuePosition = {};  // among those that wait for the namespace's SandboxQuota
  bool operator==(const Diagnosis&) const = default;
};

// EVENTS: those about the pod, newest last, when they were asked for. NODE_READY: whether its node is, when
// that was asked for.
Diagnosis diagnosePod(const api::Pod& pod, const std::vector<PodEvent>& events,
                      std::optional<bool> nodeReady);

// Why a pod could not be created. Kubernetes has no code of its own for a quota, a missing RuntimeClass or
// Pod Security, so for those the message is read. No diagnosis: the failure passes, or the namespace is going
// away.
std::optional<Diagnosis> diagnoseCreateFailure(const Error& error, const std::string& runtimeClassName);

// Questions that cost a request each, and only a pod in trouble raises.
bool needsEvents(const api::Pod& pod);     // the container is being created: events tell what is in the way
bool needsNodeState(const api::Pod& pod);  // the container runs, yet the pod is not ready

// The end of another component's words, which says most, cut to what fits into a condition of ours.
std::string excerpt(std::string_view text);

// Of the container that runs the sandbox, or null: admission may have put others into POD.
const api::ContainerStatus* sandboxContainer(const api::Pod& pod);
// Its sandbox runs; or, of a pool that holds its pods, it waits to be taken.
bool isPodReady(const api::Pod& pod);
bool hasPodEnded(const api::Pod& pod);  // its containers have, for good
inline bool isEnd(const Diagnosis& diagnosis) {
  return diagnosis.phase == api::Phase::Failed || diagnosis.phase == api::Phase::Succeeded;
}

}  // namespace cloister::sandbox
