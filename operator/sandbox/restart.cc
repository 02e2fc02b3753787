#include "operator/sandbox/restart.h"

#include "operator/sandbox/own.h"
#include "operator/sandbox/reasons.h"

namespace cloister::sandbox {
namespace {

constexpr Duration firstDelay = seconds(10);
constexpr Duration longestDelay = std::chrono::minutes(5);
// What has run so long was no failed start.
constexpr Duration longRun = std::chrono::minutes(10);
// How often a former pod's node is looked at.
constexpr Duration lookPeriod = seconds(10);
constexpr size_t longestHistory = 8;
// A kubelet needs some time after a pod's grace to tell its end.
constexpr Duration endsWithin = seconds(30);

bool wasShort(const api::SandboxEnd& end) {
  return !end.startedAt || end.endedAt - *end.startedAt < longRun;
}

// When the container began to run, as far as POD still tells.
std::optional<Time> runSince(const api::Pod& pod) {
  if (api::isMadeToBeHeld(pod)) {
    return api::hasBegunFromHeld(pod) ? findPodCondition(pod, api::heldCondition)->lastTransitionTime
                                      : std::nullopt;
  }
  if (const api::ContainerStatus* container = sandboxContainer(pod)) {
    const api::ContainerState& state = container->state;
    const auto since = state.terminated ? state.terminated->startedAt
                       : state.running  ? state.running->startedAt
                                        : std::nullopt;
    // The kubelet says 1970 of a container that never started.
    if (since && *since >= pod.metadata.creationTimestamp) return since;
  }
  return isPodReady(pod) ? findPodCondition(pod, "Ready")->lastTransitionTime : std::nullopt;
}

std::optional<Time> runFor(const api::Sandbox& sandbox, const api::Pod* pod) {
  const api::SandboxStatus& status = sandbox.status;
  const api::Condition* ready = api::findCondition(status.conditions, condition::ready);
  auto since = pod != nullptr                                ? runSince(*pod)
               : ready != nullptr && ready->status == "True" ? ready->lastTransitionTime
                                                             : std::nullopt;
  if (!since) return std::nullopt;
  // A pod of a pool ran before it was this Sandbox's.
  *since = std::max(*since, sandbox.metadata.creationTimestamp);
  if (!status.history.empty()) *since = std::max(*since, status.history.front().endedAt);
  return std::chrono::floor<seconds>(*since);
}

// A message of a Sandbox that has ended tells to create another one; here that is the operator's task.
std::string withoutAdvice(std::string_view message) {
  if (message.ends_with(createAgain)) message.remove_suffix(createAgain.size());
  return std::string(message);
}

// HELD: what it waits for besides the time. The history may have been emptied by somebody.
std::string waitMessage(const api::SandboxStatus& status, const std::string& held = {}) {
  if (status.history.empty()) return "Another pod follows." + held;
  const api::SandboxEnd& end = status.history.front();
  return "Another pod follows (restart " + std::to_string(status.restarts.value_or(0)) + "), not before " +
         formatTime(restartTime(status.history)) + "." + held + " The last one: " + end.reason + ": " +
         end.message;
}

}  // namespace

bool isRestarted(std::optional<api::RestartPolicy> policy, const Diagnosis& diagnosis) {
  if (diagnosis.phase == api::Phase::Failed)
    return policy == api::RestartPolicy::OnFailure || policy == api::RestartPolicy::Always;
  return diagnosis.phase == api::Phase::Succeeded && policy == api::RestartPolicy::Always;
}

api::SandboxStatus restarted(const api::Sandbox& sandbox, api::SandboxStatus next, const api::Pod* pod,
                             const Diagnosis& diagnosis, Time now) {
  const std::string name = pod != nullptr ? pod->metadata.name : sandbox.status.podName;
  next.history.insert(next.history.begin(),
                      {.podName = name,
                       .nodeName = pod != nullptr ? pod->spec.nodeName : sandbox.status.nodeName,
                       .reason = std::string(diagnosis.reason),
                       .message = withoutAdvice(diagnosis.message),
                       .exitCode = diagnosis.exitCode,
                       .startedAt = runFor(sandbox, pod),
                       .endedAt = std::chrono::floor<seconds>(now)});
  if (next.history.size() > longestHistory) next.history.resize(longestHistory);
  next.restarts = next.restarts.value_or(0) + 1;
  std::string message = waitMessage(next);
  return awaitPod(std::move(next), reason::restarting, std::move(message), now);
}

api::SandboxStatus awaitPod(api::SandboxStatus next, std::string_view why, std::string message, Time now) {
  next.phase = api::Phase::Pending;
  next.exitCode.reset();
  next.podName.clear();
  next.podUID.clear();
  next.nodeName.clear();
  next.podIPs.clear();
  // It begins from what there is by then. That a pod could not begin from one is told for good.
  if (next.golden && next.golden->failedPodUID.empty()) next.golden.reset();
  std::erase_if(next.conditions, [](const api::Condition& one) {
    return one.type == condition::podScheduled || one.type == condition::networkFenced ||
           one.type == condition::warmStart || one.type == condition::stalled;
  });
  api::setCondition(next.conditions,
                    {.type = std::string(condition::ready),
                     .status = "False",
                     .observedGeneration = next.observedGeneration,
                     .lastTransitionTime = {},
                     .reason = std::string(why),
                     .message = std::move(message)},
                    std::chrono::floor<seconds>(now));
  return next;
}

bool isToRestart(const api::Sandbox& sandbox) {
  return api::podNumber(sandbox.status) && !hasBegun(sandbox.status) && !hasEnded(sandbox.status);
}

Time restartTime(const std::vector<api::SandboxEnd>& history) {
  if (history.empty()) return {};
  Duration delay = firstDelay;
  for (auto end = history.begin(); end != history.end() && wasShort(*end); ++end) {
    if (end != history.begin()) delay = std::min(2 * delay, longestDelay);
  }
  return history.front().endedAt + delay;
}

bool isRestartDue(const api::Sandbox& sandbox, Time now) {
  const auto& history = sandbox.status.history;
  return now >= restartTime(history) || now < history.front().endedAt;
}

bool mayRestart(const Observed& observed, Time now) {
  const auto mayRun = [&](const auto& pod) { return !isLost(observed, *pod, now); };
  return isToRestart(*observed.sandbox) && isRestartDue(*observed.sandbox, now) && !isOutrun(observed) &&
         std::ranges::none_of(formerPods(observed), mayRun);
}

Time nextLook(const Observed& observed, Time now) {
  return isRestartDue(*observed.sandbox, now) ? now + lookPeriod
                                              : restartTime(observed.sandbox->status.history);
}

Diagnosis diagnoseRestart(const Observed& observed, Time now) {
  std::string held;
  for (const auto& pod : formerPods(observed)) {
    const auto& end = pod->metadata.deletionTimestamp;
    if (!end || now < *end + endsWithin || isLost(observed, *pod, now)) continue;
    held += " The pod " + pod->metadata.name + " does not end: if its node " + pod->spec.nodeName +
            " will not return, delete the pod with `kubectl delete pod --force`.";
  }
  const api::Sandbox& sandbox = *observed.sandbox;
  const std::string saved = api::suspendedAs(sandbox);
  if (!saved.empty() && isRestartDue(sandbox, now)) {
    return {.phase = api::Phase::Pending,
            .reason = reason::resuming,
            .message = "Another pod follows, which continues from the SandboxSnapshot " + saved + "." + held,
            .problem = !held.empty()};
  }
  return {.phase = api::Phase::Pending,
          .reason = reason::restarting,
          .message = waitMessage(sandbox.status, held),
          .problem = true};
}

}  // namespace cloister::sandbox
