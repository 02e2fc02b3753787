#include "operator/sandbox/plan.h"

#include "operator/sandbox/expiry.h"
#include "operator/sandbox/pod.h"
#include "operator/sandbox/reasons.h"
#include "operator/sandbox/status.h"

namespace cloister::sandbox {
namespace {

// A start that takes no longer than this is reported once, when it is done; a slower one also says what it
// waits for.
constexpr Duration quietStart = seconds(3);
// How often the events about a slow start are read at first: they do not change the pod, so nobody tells of a
// new one.
constexpr Duration eventsPeriod = seconds(10);
// When a Sandbox that was deleted is looked at again, should its watch not tell of its end before.
constexpr Duration deletionPeriod = seconds(10);

bool controls(const api::Sandbox& sandbox, const api::Pod& pod) {
  const api::OwnerReference* owner = api::controllerOf(pod.metadata);
  return owner != nullptr && owner->uid == sandbox.metadata.uid;
}

bool hasEnded(const api::SandboxStatus& status) {
  return status.phase == api::Phase::Succeeded || status.phase == api::Phase::Failed;
}

// Of the name of SANDBOX's pod, yet not the one that ran or ended: made from a view of the time before that,
// by a request that was carried out late or by another operator. A sandbox runs once.
bool isSecond(const api::Sandbox& sandbox, const api::Pod& pod) {
  const api::SandboxStatus& status = sandbox.status;
  return controls(sandbox, pod) && (status.startedAt || hasEnded(status)) && !status.podUID.empty() &&
         status.podUID != pod.metadata.uid;
}

// Pods that carry the label without being this Sandbox's: of a deleted namesake, or set free to escape their
// expiry.
std::vector<std::shared_ptr<const api::Pod>> strays(const Observed& observed) {
  std::vector<std::shared_ptr<const api::Pod>> found;
  for (const auto& pod : observed.pods) {
    const bool own = observed.sandbox != nullptr && controls(*observed.sandbox, *pod);
    if (!own && !pod->metadata.deletionTimestamp) found.push_back(pod);
  }
  return found;
}

void removeStrays(const Observed& observed, Plan& out) {
  for (const auto& pod : observed.pods) {
    const bool second = observed.sandbox != nullptr && isSecond(*observed.sandbox, *pod);
    if (second && !pod->metadata.deletionTimestamp) out.actions.emplace_back(DeletePod{pod});
  }
  if (!observed.sandboxConfirmedGone) return;
  for (const auto& pod : strays(observed)) out.actions.emplace_back(DeletePod{pod});
}

// A start that goes well is told once, when it is done. A wall clock far from the API server's says nothing
// about how long it has taken.
bool isQuietTime(const api::Sandbox& sandbox, Time now) {
  const Time created = sandbox.metadata.creationTimestamp;
  return !sandbox.status.phase && created - quietStart <= now && now < created + quietStart;
}

bool has(const Observed& observed, std::string_view policy) {
  return std::ranges::find(observed.policies, policy) != observed.policies.end();
}

void ensurePolicies(const Observed& observed, const policy::NetworkProfile& profile, Plan& out) {
  const std::string& namespace_ = observed.sandbox->metadata.namespace_;
  if (!has(observed, policy::defaultDenyName)) {
    out.actions.emplace_back(
        CreatePolicy{namespace_, std::string(policy::defaultDenyName), policy::defaultDenySpec()});
  }
  if (!profile.name.empty() && !has(observed, policy::policyName(profile.name))) {
    out.actions.emplace_back(CreatePolicy{namespace_, policy::policyName(profile.name), profile.spec});
  }
}

// One Sandbox that is there and not expired, with all that its plan needs.
struct Situation {
  const Observed& observed;
  const api::Sandbox& sandbox;
  std::shared_ptr<const api::Pod> pod;
  Resolved resolved;
  policy::NetworkProfile profile;
  std::optional<Time> startedAt;
  Time expiresAt;
};

void planActions(const Situation& at, const Config& config, Plan& out) {
  if (!at.sandbox.unreadable.empty()) return;  // what runs goes on as it is
  if (at.pod != nullptr) {
    if (api::labelOf(at.pod->metadata, api::networkLabel) == at.profile.name ||
        at.pod->metadata.deletionTimestamp)
      return;
    ensurePolicies(at.observed, at.profile, out);
    out.actions.emplace_back(LabelPod{at.pod, at.profile.name});
    return;
  }
  // A sandbox that once ran is not started again behind its owner's back: its memory and files are gone.
  if (at.resolved.refusal || at.startedAt || hasEnded(at.sandbox.status)) return;
  ensurePolicies(at.observed, at.profile, out);
  out.actions.emplace_back(CreatePod{podFor(at.sandbox, at.resolved, config.requests, at.profile.name)});
}

bool creates(const Plan& plan) {
  return std::ranges::any_of(plan.actions,
                             [](const Action& action) { return std::holds_alternative<CreatePod>(action); });
}

Diagnosis keepEnd(const api::Sandbox& sandbox) {
  const api::Condition* ready = api::findCondition(sandbox.status.conditions, condition::ready);
  Diagnosis kept{.phase = *sandbox.status.phase, .reason = reason::podLost, .message = {}};
  if (ready == nullptr) return kept;
  // Reasons are views of constants: find the one that is written there.
  const auto known = std::ranges::find(reason::all, ready->reason);
  if (known != reason::all.end()) kept.reason = *known;
  kept.message = ready->message;
  return kept;
}

Diagnosis diagnose(const Situation& at) {
  const Observed& observed = at.observed;
  // An end is final: a pod that seems to live is an older view of it.
  if (hasEnded(at.sandbox.status)) return keepEnd(at.sandbox);
  if (at.pod != nullptr) {
    if (at.pod->metadata.deletionTimestamp && !at.startedAt) {
      return {.reason = reason::starting,
              .message = "The pod was deleted before it started; another follows."};
    }
    Diagnosis out =
        diagnosePod(*at.pod, observed.podEvents.value_or(std::vector<PodEvent>{}), observed.nodeReady);
    // What has run once is not waiting to start, even while its pod is briefly not ready.
    if (at.startedAt && out.phase == api::Phase::Pending) out.phase = api::Phase::Running;
    return out;
  }
  if (at.startedAt) {
    return {.phase = api::Phase::Failed,
            .reason = reason::podLost,
            .message = "The pod " + at.sandbox.status.podName + " is gone. Create the Sandbox again.",
            .problem = true};
  }
  if (at.resolved.refusal) {
    return {.phase = api::Phase::Pending,
            .reason = at.resolved.refusal->reason,
            .message = at.resolved.refusal->message,
            .problem = true};
  }
  if (observed.failure) {
    if (auto known = diagnoseCreateFailure(*observed.failure, at.resolved.runtimeClassName)) return *known;
  }
  return {.phase = api::Phase::Pending, .reason = reason::starting, .message = "Creating the pod."};
}

void planReport(const Situation& at, const Diagnosis& diagnosis, Plan& out) {
  const api::Condition* before = api::findCondition(at.sandbox.status.conditions, condition::ready);
  if (!diagnosis.problem || (before != nullptr && before->reason == diagnosis.reason)) return;
  out.report = Report{.warning = true, .reason = diagnosis.reason, .message = diagnosis.message};
}

void planStatus(const Situation& at, Time now, Plan& out) {
  const Diagnosis diagnosis = diagnose(at);
  if (diagnosis.reason == reason::starting && isQuietTime(at.sandbox, now)) {
    out.again = std::min(*out.again, at.sandbox.metadata.creationTimestamp + quietStart);
    return;
  }
  api::SandboxStatus next = statusFor({.sandbox = at.sandbox,
                                       .resolved = at.resolved,
                                       // Final, too: where it was, whatever an older view says.
                                       .pod = hasEnded(at.sandbox.status) ? nullptr : at.pod.get(),
                                       .diagnosis = diagnosis,
                                       .startedAt = at.startedAt,
                                       .expiresAt = at.expiresAt,
                                       .latency = at.observed.latency},
                                      now);
  if (at.pod != nullptr && needsEvents(*at.pod)) {
    // Less and less often: many starts may be stuck for long.
    const Duration age = now - at.sandbox.metadata.creationTimestamp;
    out.again = std::min(*out.again, now + std::max(eventsPeriod, age / 4));
  }
  planReport(at, diagnosis, out);
  if (next != at.sandbox.status) out.status = std::move(next);
}

void planExpiry(const Situation& at, Time now, Plan& out) {
  const Observed& observed = at.observed;
  if (!observed.failure) {
    out.actions.emplace_back(DeleteSandbox{observed.sandbox});
    out.report = Report{.reason = reason::expired, .message = "The sandbox's time is over; it is deleted."};
  } else if (observed.undeletable && observed.sandboxConfirmed) {
    // Without its pod nothing but the status tells that it ran: it would be started a second time.
    if (at.startedAt && !at.sandbox.status.startedAt) {
      planStatus(at, now, out);
      return;
    }
    // Somebody's webhook or a missing right holds the object: that must not lengthen its pod's time.
    out.report = Report{.warning = true,
                        .reason = reason::expired,
                        .message = "The sandbox's time is over, but it cannot be deleted; its pod is. " +
                                   excerpt(observed.failure->message)};
  } else {
    return;
  }
  // Not left to the garbage collector: the sandbox's time is over now.
  if (auto pod = ownPod(observed); pod != nullptr && !pod->metadata.deletionTimestamp) {
    out.actions.emplace_back(DeletePod{pod});
  }
}

// A Sandbox on its way out may be held by somebody's finalizer, which must not lengthen its pod's time.
void planLeaving(const Situation& at, Time now, Plan& out) {
  if (at.pod == nullptr || at.pod->metadata.deletionTimestamp) return;
  if (now < at.expiresAt) {
    out.again = at.expiresAt;
  } else {
    out.actions.emplace_back(DeletePod{at.pod});
  }
}

}  // namespace

std::shared_ptr<const api::Pod> ownPod(const Observed& observed) {
  if (observed.sandbox == nullptr) return nullptr;
  for (const auto& pod : observed.pods) {
    if (controls(*observed.sandbox, *pod) && !isSecond(*observed.sandbox, *pod)) return pod;
  }
  return nullptr;
}

Questions questions(const Observed& observed, Time now) {
  Questions ask;
  ask.sandbox = !strays(observed).empty();
  ask.version = observed.undeletable && observed.failure->code != Errc::Conflict;
  if (observed.sandbox == nullptr || observed.sandbox->metadata.deletionTimestamp) return ask;
  const auto pod = ownPod(observed);
  if (pod == nullptr) {
    ask.pod = observed.sandbox->status.startedAt.has_value() && !hasEnded(observed.sandbox->status);
    return ask;
  }
  ask.podEvents = !isQuietTime(*observed.sandbox, now) && needsEvents(*pod);
  ask.nodeState = needsNodeState(*pod);
  return ask;
}

Plan plan(const Observed& observed, const Config& config, Time now) {
  Plan out;
  if (!observed.failure) removeStrays(observed, out);
  if (observed.sandbox == nullptr) return out;
  const api::Sandbox& sandbox = *observed.sandbox;
  Situation at{.observed = observed,
               .sandbox = sandbox,
               .pod = ownPod(observed),
               .resolved = resolve(sandbox.spec, config),
               .profile = policy::networkProfile(sandbox.spec.network, config.network),
               .startedAt = {},
               .expiresAt = {}};
  if (!sandbox.unreadable.empty()) {
    at.resolved.refusal = Refusal{
        reason::unreadable, "This version cannot read the object: " + sandbox.unreadable + ". Correct it."};
  }
  at.startedAt = firstReady(sandbox, at.pod.get());
  at.expiresAt = expiryOf(sandbox, at.resolved, at.startedAt);
  if (sandbox.metadata.deletionTimestamp) {
    if (!observed.failure) planLeaving(at, now, out);
    return out;
  }
  out.again = at.expiresAt;
  if (now >= at.expiresAt) {
    planExpiry(at, now, out);
    out.again = now + deletionPeriod;
    return out;
  }
  // The store lacks a pod that the status names: neither replace nor mourn it before the API server confirms.
  if (at.pod == nullptr && questions(observed, now).pod && !observed.podConfirmedGone) return out;
  if (!observed.failure) planActions(at, config, out);
  // A pod about to be created is the next round's news.
  if (!creates(out)) planStatus(at, now, out);
  return out;
}

}  // namespace cloister::sandbox
