#include "operator/sandbox/pause.h"

#include "operator/sandbox/reasons.h"

namespace cloister::sandbox {
namespace {

// What the node's agent could not do, or nothing.
std::string troubleOf(const api::Pod& pod) {
  const api::PodCondition* answer = findPodCondition(pod, api::frozenCondition);
  return answer != nullptr && answer->reason == api::frozenFailed ? " It says: " + excerpt(answer->message)
                                                                  : "";
}

}  // namespace

std::optional<std::string> nextWish(const api::Pod& pod, bool wanted) {
  if (wanted && !freezeWish(pod).empty()) return std::nullopt;
  return nextWish(pod, wanted ? pod.metadata.resourceVersion : "");
}

std::optional<std::string> nextWish(const api::Pod& pod, const std::string& word) {
  if (pod.metadata.deletionTimestamp || pod.status.phase != "Running" || freezeWish(pod) == word)
    return std::nullopt;
  return word;
}

bool standsStill(const api::Pod& pod) {
  const api::ContainerStatus* container = sandboxContainer(pod);
  const bool lives = pod.status.phase == "Running" && !pod.metadata.deletionTimestamp &&
                     (container == nullptr || !container->state.terminated);
  return lives && api::isFrozen(pod);
}

bool doubtsStandstill(const api::SandboxStatus& status, const api::Pod& pod) {
  if (!status.pausedAt || pod.metadata.deletionTimestamp || api::isFrozen(pod)) return false;
  if (pod.status.phase == "Running") return true;
  // One that still starts is not what has run already. What goes on from a snapshot starts again.
  return hasBegun(status) && status.phase != api::Phase::Suspended && !hasPodEnded(pod);
}

Standstill standstillOf(const api::SandboxStatus& status, bool standsStill, Time now) {
  now = std::chrono::floor<seconds>(now);
  Standstill out{.since = status.pausedAt, .total = status.pausedFor.value_or(Duration{})};
  // What is being saved was stopped for that, by whatever clock it was begun.
  const std::optional<Time> begun = status.suspension ? status.suspension->startedAt : std::nullopt;
  if (standsStill && !out.since) out.since = std::max(now, begun.value_or(now));
  if (!standsStill && out.since) {
    // A clock that was put back must not shorten what was before.
    out.total += std::max(Duration{}, Duration(now - *out.since));
    out.since.reset();
  }
  return out;
}

Diagnosis diagnosePause(const api::Pod& pod, Diagnosis running) {
  const std::string agent = "the cloister-node on " + pod.spec.nodeName;
  const bool asked = !freezeWish(pod).empty();
  const bool stands = standsStill(pod);
  const bool resumes = !asked && saysFrozen(pod);
  if (stands || resumes) running.phase = api::Phase::Paused;
  // What else is wrong comes first.
  if (running.problem) return running;
  if (stands) {
    running.ready = false;
    running.reason = reason::paused;
    running.message =
        "It stands still: its memory is kept, and it gets no CPU. Let it go on with desiredState Running.";
  } else if (resumes) {
    running.ready = false;
    running.reason = reason::resuming;
    running.message = "It goes on once " + agent + " has resumed it." + troubleOf(pod);
  } else if (asked && running.ready) {
    // By an earlier wish it stands still, perhaps.
    running.ready = !saysFrozen(pod);
    running.reason = reason::pausing;
    running.message = "It runs until " + agent + " has paused it." + troubleOf(pod);
  }
  running.problem = (asked || resumes) && !troubleOf(pod).empty();
  return running;
}

}  // namespace cloister::sandbox
