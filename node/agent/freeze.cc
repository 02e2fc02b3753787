#include "node/agent/freeze.h"

namespace cloister::node {
namespace {

bool isLeaving(const api::Pod& pod) {
  return pod.metadata.deletionTimestamp.has_value();
}

}  // namespace

std::optional<RunningSandbox> findSandbox(const std::vector<RunningContainer>& all,
                                          const std::string& podUID) {
  RunningSandbox out;
  for (const RunningContainer& one : all) {
    if (one.podUID != podUID) continue;
    if (one.isRoot) {
      out.rootId = one.id;
      out.isPaused = one.status == "paused";
    } else if (one.status == "running") {
      out.containers.push_back(one.id);
    }
  }
  if (out.rootId.empty()) return std::nullopt;
  return out;
}

bool needsLook(const api::Pod& pod, bool unclear) {
  if (pod.status.phase != "Running") return false;
  if (unclear) return true;
  if (isLeaving(pod)) return saysFrozen(pod) || !freezeWish(pod).empty();
  return freezeWish(pod).empty() ? saysFrozen(pod) : !isFrozen(pod);
}

FreezeStep nextStep(const api::Pod& pod, const RunningSandbox& sandbox) {
  const bool asked = !freezeWish(pod).empty();
  if (!sandbox.isPaused) return asked && !isLeaving(pod) ? FreezeStep::Pause : FreezeStep::None;
  if (!asked) return FreezeStep::Resume;
  return isLeaving(pod) ? FreezeStep::End : FreezeStep::None;
}

std::optional<api::PodCondition> nextAnswer(const api::Pod& pod, const std::optional<Error>& failure,
                                            Time now) {
  const std::string wish = freezeWish(pod);
  const api::PodCondition* before = findPodCondition(pod, api::frozenCondition);
  if (isLeaving(pod) || (wish.empty() && before == nullptr)) return std::nullopt;
  api::PodCondition next{.type = std::string(api::frozenCondition),
                         .status = wish.empty() || failure ? "False" : "True",
                         .reason = failure        ? std::string(api::frozenFailed)
                                   : wish.empty() ? "NotAsked"
                                                  : "Asked",
                         .message = failure ? failure->message : wish,
                         .lastTransitionTime = {}};
  // Of what could not be resumed it is not known.
  if (failure && wish.empty()) next.status = before->status;
  const bool sameStatus = before != nullptr && before->status == next.status;
  if (sameStatus && before->reason == next.reason && before->message == next.message) return std::nullopt;
  next.lastTransitionTime = sameStatus ? before->lastTransitionTime : std::chrono::floor<seconds>(now);
  return next;
}

}  // namespace cloister::node
