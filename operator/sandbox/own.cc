#include "operator/sandbox/own.h"

#include "operator/stores.h"

namespace cloister::sandbox {
namespace {

bool isPresent(const api::Sandbox& sandbox, const api::Pod& pod) {
  return controls(sandbox, pod) && restartOf(pod) == api::podNumber(sandbox.status).value_or(0);
}

// It was held, and its Sandbox's status names it: its processes may have begun since.
bool isNamedAndHeld(const api::Sandbox& sandbox, const api::Pod& pod) {
  return isPresent(sandbox, pod) && sandbox.status.podUID == pod.metadata.uid && api::isMadeToBeHeld(pod);
}

bool isSecond(const Observed& observed, const api::Pod& pod) {
  const api::Sandbox& sandbox = *observed.sandbox;
  const api::SandboxStatus& status = sandbox.status;
  if (!isPresent(sandbox, pod) || status.podUID.empty() || status.podUID == pod.metadata.uid) return false;
  return hasBegun(status) || hasEnded(status) ||
         std::ranges::any_of(observed.pods, [&](const auto& one) { return isNamedAndHeld(sandbox, *one); });
}

bool isOfALater(const api::Sandbox& sandbox, const api::Pod& pod) {
  return controls(sandbox, pod) && restartOf(pod) > api::podNumber(sandbox.status).value_or(0);
}

bool isFormer(const Observed& observed, const api::Pod& pod) {
  const api::Sandbox& sandbox = *observed.sandbox;
  return controls(sandbox, pod) && !isPresent(sandbox, pod) && (observed.newest || !isOfALater(sandbox, pod));
}

Pods those(const Observed& observed, auto&& which) {
  Pods found;
  for (const auto& pod : observed.pods) {
    if (which(*pod)) found.push_back(pod);
  }
  return found;
}

}  // namespace

bool controls(const api::Sandbox& sandbox, const api::Pod& pod) {
  const api::OwnerReference* owner = api::controllerOf(pod.metadata);
  return owner != nullptr && owner->uid == sandbox.metadata.uid;
}

std::shared_ptr<const api::Pod> ownPod(const Observed& observed) {
  if (observed.sandbox == nullptr) return nullptr;
  for (const auto& pod : observed.pods) {
    if (isPresent(*observed.sandbox, *pod) && !isSecond(observed, *pod)) return pod;
  }
  return nullptr;
}

Pods secondPods(const Observed& observed) {
  if (observed.sandbox == nullptr) return {};
  return those(observed, [&](const api::Pod& pod) { return isSecond(observed, pod); });
}

bool doubtsSecond(const Observed& observed) {
  if (observed.sandbox == nullptr || observed.newest) return false;
  const api::SandboxStatus& status = observed.sandbox->status;
  return !hasBegun(status) && !hasEnded(status) &&
         std::ranges::any_of(secondPods(observed),
                             [](const auto& pod) { return !pod->metadata.deletionTimestamp; });
}

bool namesAnother(const api::Sandbox& sandbox, const api::Pod& pod) {
  const api::SandboxStatus& status = sandbox.status;
  return sandbox.spec.poolRef && !hasBegun(status) && !hasEnded(status) && !status.podUID.empty() &&
         status.podUID != pod.metadata.uid;
}

Pods formerPods(const Observed& observed) {
  if (observed.sandbox == nullptr) return {};
  return those(observed, [&](const api::Pod& pod) { return isFormer(observed, pod); });
}

bool isOutrun(const Observed& observed) {
  return observed.sandbox != nullptr && !observed.newest &&
         std::ranges::any_of(observed.pods,
                             [&](const auto& pod) { return isOfALater(*observed.sandbox, *pod); });
}

Pods strays(const Observed& observed) {
  return those(observed, [&](const api::Pod& pod) {
    const bool own = observed.sandbox != nullptr && controls(*observed.sandbox, pod);
    return !own && !pod.metadata.deletionTimestamp;
  });
}

bool isLost(const Observed& observed, const api::Pod& pod, Time now) {
  const auto& end = pod.metadata.deletionTimestamp;
  return end && *end <= now && observed.nodesAway.contains(pod.spec.nodeName);
}

}  // namespace cloister::sandbox
