#include "operator/sandbox/plan.h"

#include "operator/sandbox/expiry.h"
#include "operator/sandbox/gate.h"
#include "operator/sandbox/golden.h"
#include "operator/sandbox/overtime.h"
#include "operator/sandbox/own.h"
#include "operator/sandbox/pod.h"
#include "operator/sandbox/reasons.h"
#include "operator/sandbox/restart.h"
#include "operator/sandbox/restore.h"
#include "operator/sandbox/resume.h"
#include "operator/sandbox/schedule.h"
#include "operator/sandbox/situation.h"
#include "operator/sandbox/status.h"
#include "operator/sandbox/volume.h"
#include "operator/sandbox/warm.h"
#include "operator/template/golden.h"

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

void remove(const Pods& pods, Plan& out) {
  for (const auto& pod : pods) {
    if (!pod->metadata.deletionTimestamp) out.actions.emplace_back(DeletePod{pod});
  }
}

void removeStrays(const Observed& observed, Plan& out) {
  if (!doubtsSecond(observed)) remove(secondPods(observed), out);
  if (observed.sandboxConfirmedGone) remove(strays(observed), out);
}

// When the present start began to take its time.
Time startOf(const api::Sandbox& sandbox, const api::Pod* pod) {
  const bool again = api::podNumber(sandbox.status) && pod != nullptr;
  return (again ? pod->metadata : sandbox.metadata).creationTimestamp;
}

// A start that goes well is told once, when it is done. A wall clock far from the API server's says nothing
// about how long it has taken.
bool isQuietTime(const api::Sandbox& sandbox, const api::Pod* pod, Time now) {
  const api::SandboxStatus& status = sandbox.status;
  const bool told = api::podNumber(status) ? !status.podUID.empty() : status.phase.has_value();
  const Time created = startOf(sandbox, pod);
  return !told && created - quietStart <= now && now < created + quietStart;
}

void ensurePolicies(const Observed& observed, const policy::NetworkProfile& profile, Plan& out) {
  for (CreatePolicy& missing :
       policy::missing(observed.sandbox->metadata.namespace_, profile, observed.policies)) {
    out.actions.emplace_back(std::move(missing));
  }
}

// Where it has a revision already, whatever pod it gets is of that.
PodIdentity identityAt(const Situation& at) {
  PodIdentity identity = identityOf(at.sandbox);
  const std::string pinned = pinnedRevision(at.sandbox, nullptr);
  if (!pinned.empty()) identity.labels[std::string(api::revisionLabel)] = pinned;
  return identity;
}

// What has ended is kept for its logs, until its successor or the Sandbox's end is due.
void removeFormer(const Situation& at, Time now, Plan& out) {
  Pods former = formerPods(at.observed);
  const bool keeps = at.waits && !isRestartDue(at.sandbox, now) && now < at.expiresAt &&
                     !at.sandbox.metadata.deletionTimestamp;
  std::erase_if(former, [&](const auto& pod) { return keeps && hasPodEnded(*pod); });
  remove(former, out);
}

// Snapshots that were to suspend it.
void removeUnnamed(const Observed& observed, Plan& out) {
  for (auto& snapshot : unnamed(observed)) {
    if (observed.suspendedAs && *observed.suspendedAs != snapshot->metadata.name)
      out.actions.emplace_back(DeleteSnapshot{std::move(snapshot)});
  }
}

json::value coldPod(const Situation& at, const Config& config) {
  PodIdentity identity = identityAt(at);
  if (at.observed.template_ != nullptr)
    identity.labels.try_emplace(std::string(api::revisionLabel), at.observed.presentRevision);
  json::value pod = podFor(identity, at.sandbox.spec, at.resolved, config.requests, at.profile.name);
  if (at.observed.snapshot) restoreFrom(at.sandbox, *at.observed.snapshot, config.snapshots, pod);
  if (at.start->golden != nullptr) beginFrom(*at.start->golden, pod);
  const api::SandboxTemplate* from = at.observed.template_.get();
  if (from != nullptr && from->spec.golden && api::isBuilder(*at.observed.sandbox))
    templates::makeBuilder(*from->spec.golden, config.snapshots, pod);
  if (!at.start->reason.empty())
    annotate(pod, api::coldStartAnnotation, std::string(at.start->reason) + ": " + at.start->message);
  return pod;
}

void planStart(const Situation& at, const Config& config, Plan& out) {
  const Start& start = *at.start;
  if (start.way == Start::Way::Wait || start.way == Start::Way::Fail) return;
  ensurePolicies(at.observed, start.profile, out);
  if (start.way == Start::Way::Adopt) {
    out.actions.emplace_back(AdoptPod{.pod = start.offer->pod,
                                      .identity = identityAt(at),
                                      .profile = start.profile.name,
                                      .golden = start.golden != nullptr ? start.golden->metadata.name : ""});
    return;
  }
  if (at.observed.template_ != nullptr && !at.observed.presentIsKept && at.observed.pinned == nullptr)
    out.actions.emplace_back(CreateRevision{at.observed.template_});
  if (!at.resolved.workspaceClass.empty())
    out.actions.emplace_back(CreateVolume{volumeFor(at.sandbox, at.resolved)});
  out.actions.emplace_back(CreatePod{coldPod(at, config)});
}

// What the pod shall ask its node for, if that is something else. A wish to save it is not taken back before
// the API server has confirmed that it is given up: the pod may be deleted already for what was saved.
std::optional<std::string> wishFor(const Situation& at) {
  if (at.stage == SuspendStage::Saving) {
    if (endsAttempt(at.save)) return std::nullopt;
    return nextWish(*at.pod, api::suspendedAs(at.sandbox));
  }
  // What is paused shall not go on for a moment.
  if (at.save.kind == SaveStep::Kind::Begin) return std::nullopt;
  auto wish = nextWish(*at.pod, (at.resolved.paused || at.overdue) && at.begun);
  const std::string present = api::freezeWish(*at.pod);
  if (wish && isUnnamedWish(at.sandbox, *at.pod) && at.observed.suspendedAs.value_or(present) == present)
    return std::nullopt;
  return wish;
}

// Of the pod as it runs: one patch at a time, as each rests on the version before it.
void planChanges(const Situation& at, Plan& out) {
  if (at.pod->metadata.deletionTimestamp) return;
  if ((at.overdue && !at.begun) || isToldNotToBegin(at)) {
    out.actions.emplace_back(DeletePod{.pod = at.pod, .asSeen = true});
    return;
  }
  // What is to stop now, or is being saved, needs no other policy, which may be refused.
  const bool urgent = at.overdue || at.stage == SuspendStage::Saving;
  const bool moves = !at.frozen && api::labelOf(at.pod->metadata, api::networkLabel) != at.profile.name;
  const auto wish = moves && !urgent ? std::nullopt : wishFor(at);
  if (wish) {
    out.actions.emplace_back(FreezePod{at.pod, *wish});
  } else if (urgent && at.save.kind == SaveStep::Kind::Take) {
    out.actions.emplace_back(CreateSnapshot{snapshotFor(at.sandbox), reason::suspendFailed});
  } else if (moves && !urgent) {
    ensurePolicies(at.observed, at.profile, out);
    out.actions.emplace_back(LabelPod{at.pod, at.profile.name});
  }
}

// Its Sandbox has ended, so none of its pods lives: one that seems to is an older view of it, or another
// replica gave it while this one ended the Sandbox.
void removeLiving(const std::shared_ptr<const api::Pod>& pod, Plan& out) {
  if (pod == nullptr || pod->metadata.deletionTimestamp) return;
  // The kubelet tells of the container's end before it calls the pod ended; it stays for its logs.
  if (isEnd(diagnosePod(*pod, {}, std::nullopt))) return;
  out.actions.emplace_back(DeletePod{.pod = pod, .asSeen = true});
}

void planActions(const Situation& at, const Config& config, Plan& out) {
  const bool ended = hasEnded(at.sandbox.status);
  if (ended && !at.overdue) return removeLiving(at.pod, out);
  if (ended || at.stage == SuspendStage::Suspended) {
    if (at.pod != nullptr) remove({at.pod}, out);
    return;
  }
  // What goes on as it is has begun, or may.
  if (at.frozen && !at.overdue && !isToldNotToBegin(at)) return;
  if (at.pod != nullptr) return planChanges(at, out);
  if (at.start && !at.queued()) planStart(at, config, out);
}

// What the status says of a golden snapshot is written alone: before there is a pod, or, where that could not
// begin from it, before it goes.
bool tellsGolden(const Situation& at, Plan& out) {
  const std::optional<api::GoldenStart>& told = at.observed.sandbox->status.golden;
  // Whatever else has failed: else its end would be told, for good.
  if (couldNotBegin(at)) {
    out.status = at.observed.sandbox->status;
    if (!out.status->golden) out.status->golden.emplace();
    out.status->golden->failedPodUID = at.pod->metadata.uid;
    out.report =
        Report{.warning = true,
               .reason = reason::startFailed,
               .message = "The pod " + at.pod->metadata.name +
                          " could not begin from the golden snapshot; another one starts without it. " +
                          diagnosePod(*at.pod, {}, {}).message};
    return true;
  }
  if (at.observed.failure) return false;
  if (!at.start || at.queued() || goldenToTell(at.observed, *at.start) == told) return false;
  out.status = at.observed.sandbox->status;
  out.status->golden = goldenToTell(at.observed, *at.start);
  return true;
}

// Last: should it fail, the sandbox is none the worse for it.
void planSchedule(const Situation& at, Time now, Plan& out) {
  ScheduleStep step = nextScheduled(at, now);
  if (step.again) out.again = std::min(*out.again, *step.again);
  const std::optional<Error>& failure = at.observed.failure;
  if (failure) {
    if (failure->reason == reason::snapshotFailed && !out.report)
      out.report =
          Report{.warning = true, .reason = reason::snapshotFailed, .message = excerpt(failure->message)};
    if (failure->reason == reason::snapshotFailed)
      out.again = std::min(out.again.value_or(Time::max()), now + scheduleRetry);
    return;
  }
  for (auto& snapshot : step.old)
    out.actions.emplace_back(DeleteSnapshot{std::move(snapshot), reason::snapshotFailed});
  if (step.take)
    out.actions.emplace_back(
        CreateSnapshot{scheduledSnapshot(at.sandbox, *step.take), reason::snapshotFailed});
}

// What the pod is then is the next round's news.
bool movesOn(const Plan& plan) {
  return std::ranges::any_of(plan.actions, [](const Action& action) {
    return std::holds_alternative<CreatePod>(action) || std::holds_alternative<AdoptPod>(action) ||
           std::holds_alternative<FreezePod>(action);
  });
}

Diagnosis diagnose(const Situation& at, Time now) {
  const Observed& observed = at.observed;
  // An end is final: a pod that seems to live is an older view of it.
  if (hasEnded(at.sandbox.status)) return toldEnd(at.sandbox);
  if (isSuspended(at)) return diagnoseSuspended(at);
  if (auto end = diagnoseUnsaved(at, now)) return *end;
  if (at.pod != nullptr) {
    if (at.overdue && !at.begun) return diagnoseUnstarted();
    if (isToldNotToBegin(at)) {
      return {.reason = reason::starting,
              .message = "The pod could not begin from the golden snapshot; another one starts without it."};
    }
    if (at.pod->metadata.deletionTimestamp && !at.begun) {
      return {.reason = reason::starting,
              .message = "The pod was deleted before it started; another follows."};
    }
    Diagnosis out =
        diagnosePod(*at.pod, observed.podEvents.value_or(std::vector<PodEvent>{}), observed.nodeReady);
    // What has run once is not waiting to start, even while its pod is briefly not ready.
    if (at.begun && out.phase == api::Phase::Pending) out.phase = api::Phase::Running;
    if (out.phase != api::Phase::Running) return out;
    return diagnoseSaving(at, diagnosePause(*at.pod, std::move(out)));
  }
  if (at.begun) {
    return {.phase = api::Phase::Failed,
            .reason = reason::podLost,
            .message = "The pod " + at.sandbox.status.podName + " is gone." + std::string(createAgain),
            .problem = true};
  }
  if (at.resolved.refusal) {
    return {.phase = api::Phase::Pending,
            .reason = at.resolved.refusal->reason,
            .message = at.resolved.refusal->message,
            .problem = true};
  }
  if (at.overdue) return diagnoseUnstarted();
  if (observed.failure) {
    if (auto known = diagnoseCreateFailure(*observed.failure, at.resolved.runtimeClassName)) return *known;
  }
  if (at.queued()) return diagnoseQueue(observed);
  if (at.start && at.start->way == Start::Way::Fail) {
    return {.phase = api::Phase::Failed,
            .reason = at.start->reason,
            .message = at.start->message + " Its whenEmpty is Fail: create the Sandbox again later.",
            .problem = true};
  }
  if (at.start && at.start->way == Start::Way::Wait) {
    return {.phase = api::Phase::Pending,
            .reason = at.start->reason,
            .message = at.start->message + " The Sandbox waits for one."};
  }
  if (isToRestart(at.sandbox)) return diagnoseRestart(observed, now);
  return {.phase = api::Phase::Pending, .reason = reason::starting, .message = "Creating the pod."};
}

void planReport(const Situation& at, const Diagnosis& diagnosis, Plan& out) {
  const api::Condition* before = api::findCondition(at.sandbox.status.conditions, condition::ready);
  if (!diagnosis.problem || (before != nullptr && before->reason == diagnosis.reason)) return;
  out.report = Report{.warning = true, .reason = diagnosis.reason, .message = diagnosis.message};
}

// The pod's end, DIAGNOSIS, is not the Sandbox's. NEXT: the status that tells so far.
bool planRestart(const Situation& at, const Diagnosis& diagnosis, Time now, api::SandboxStatus& next,
                 Plan& out) {
  const bool ends = !hasEnded(at.sandbox.status) && (at.pod != nullptr || at.begun);
  // What it would have continued from is there still.
  const bool isSafe = at.stage == SuspendStage::Resuming && !at.begun && hasFailed(diagnosis);
  const bool restarts = !at.overdue && isRestarted(at.sandbox.spec.restartPolicy, diagnosis);
  if (!ends || !(isSafe || restarts)) return false;
  if (!isSafe) next.suspension.reset();
  next = restarted(at.sandbox, std::move(next), at.pod.get(), diagnosis, now);
  const api::Condition* ready = api::findCondition(next.conditions, condition::ready);
  out.report = Report{.warning = diagnosis.problem, .reason = reason::restarting, .message = ready->message};
  return true;
}

// What the status decides of saving it, and of going on.
void planSuspension(const Situation& at, Time now, api::SandboxStatus& next, Plan& out) {
  next.suspension = nextSuspension(at, now);
  if (at.save.kind == SaveStep::Kind::Begin) next.suspends = next.suspends.value_or(0) + 1;
  if (next.phase == api::Phase::Suspended) next.podIPs.clear();
  if (goesOn(at)) next = resumed(std::move(next), now);
  const auto report = [&](std::string_view why) {
    const api::Condition* ready = api::findCondition(next.conditions, condition::ready);
    out.report = Report{.reason = why, .message = ready->message};
  };
  if (at.save.kind == SaveStep::Kind::Done) report(at.overdue ? reason::expired : reason::suspended);
  if (goesOn(at)) report(reason::resuming);
}

// What was held begins once the status names it.
bool awaitsItsName(const Situation& at) {
  return at.pod != nullptr && api::isHeld(*at.pod) && !at.pod->metadata.deletionTimestamp &&
         at.sandbox.status.podUID != at.pod->metadata.uid;
}

void planStatus(const Situation& at, Time now, Plan& out) {
  const Diagnosis diagnosis = diagnose(at, now);
  const bool onItsWay = diagnosis.reason == reason::starting || diagnosis.reason == reason::queued;
  if (onItsWay && !awaitsItsName(at) && isQuietTime(at.sandbox, at.pod.get(), now)) {
    out.again = std::min(out.again.value_or(Time::max()), startOf(at.sandbox, at.pod.get()) + quietStart);
    return;
  }
  if (isToldByAnother(at.observed, diagnosis)) return;
  api::SandboxStatus next = statusFor({.sandbox = at.sandbox,
                                       .resolved = at.resolved,
                                       // Final, too: where it was, whatever an older view says.
                                       .pod = hasEnded(at.sandbox.status) ? nullptr : at.pod.get(),
                                       .diagnosis = diagnosis,
                                       .startedAt = at.startedAt,
                                       .standstill = at.standstill,
                                       .expiresAt = at.expiresAt,
                                       .quotaLifetime = at.quotaLifetime,
                                       .latency = at.observed.latency,
                                       .frozen = at.frozen},
                                      now);
  if (at.pod != nullptr && needsEvents(*at.pod)) {
    // Less and less often: many starts may be stuck for long. A wall clock may be behind the API server's.
    const Duration age = std::chrono::abs(now - startOf(at.sandbox, at.pod.get()));
    out.again = std::min(out.again.value_or(Time::max()), now + std::max(eventsPeriod, age / 4));
  }
  planSuspension(at, now, next, out);
  if (!planRestart(at, diagnosis, now, next, out)) planReport(at, diagnosis, out);
  if (hasEnded(next))
    next.suspension =
        hasEnded(at.sandbox.status) ? at.sandbox.status.suspension : unsavedSuspension(at, diagnosis, now);
  if (next != at.sandbox.status) out.status = std::move(next);
}

void planExpiry(const Situation& at, Time now, Plan& out) {
  const Observed& observed = at.observed;
  if (!observed.failure) {
    if (auto snapshot = snapshotToRelease(at)) out.actions.emplace_back(ReleaseSnapshot{std::move(snapshot)});
    out.actions.emplace_back(DeleteSandbox{observed.sandbox});
    std::string message = "The sandbox's time is over; it is deleted.";
    if (at.stage == SuspendStage::Suspended && at.overdue)
      message += " Its memory is kept in the SandboxSnapshot " + api::suspendedAs(at.sandbox) +
                 ": name it in the restoreFrom of another one.";
    out.report = Report{.reason = reason::expired, .message = std::move(message)};
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
  } else if (at.stage == SuspendStage::Suspended) {
    // It lives in its snapshot alone.
    const Error& why = *observed.failure;
    const bool passes = why.code == Errc::Conflict || isRetryable(why);
    if (at.sandbox.spec.lifecycle.onExpiry == api::OnExpiry::Snapshot && !passes)
      out.report =
          Report{.warning = true,
                 .reason = reason::expired,
                 .message =
                     "The sandbox's time is over, but its snapshot cannot be handed over; its pod is "
                     "deleted. " +
                     excerpt(why.message)};
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

Questions questions(const Observed& observed, Time now) {
  Questions ask;
  ask.sandbox = !strays(observed).empty();
  ask.version = observed.undeletable && observed.failure->code != Errc::Conflict;
  if (observed.sandbox == nullptr || observed.sandbox->metadata.deletionTimestamp) return ask;
  const auto pod = ownPod(observed);
  const api::Sandbox& sandbox = *observed.sandbox;
  ask.newest = isOutrun(observed) || mayRelease(sandbox, now) || doubtsSecond(observed);
  ask.revision = observed.pinned == nullptr && !pinnedRevision(sandbox, pod.get()).empty();
  ask.snapshot = needsSnapshot(observed);
  ask.live = seemsSaved(observed);
  ask.abandoned = !unnamed(observed).empty() || (pod != nullptr && isUnnamedWish(sandbox, *pod));
  if (pod == nullptr) {
    const api::SandboxStatus& status = sandbox.status;
    const bool named = (hasBegun(status) || !status.podUID.empty()) && !hasEnded(status) &&
                       status.phase != api::Phase::Suspended;
    ask.pod = named || needsNoPod(sandbox, now);
    ask.newest |= mayRestart(observed, now);
    return ask;
  }
  ask.pod = doubtsStandstill(sandbox.status, *pod) || namesAnother(sandbox, *pod);
  ask.podEvents = !isQuietTime(sandbox, pod.get(), now) && needsEvents(*pod);
  ask.nodeState = needsNodeState(*pod);
  return ask;
}

Plan plan(const Observed& observed, const Config& config, Time now) {
  Plan out;
  if (!observed.failure) removeStrays(observed, out);
  if (observed.sandbox == nullptr) return out;
  api::Sandbox sandbox = *observed.sandbox;
  const Situation at = situationOf(observed, sandbox, config, now);
  if (!observed.failure) removeFormer(at, now, out);
  if (sandbox.metadata.deletionTimestamp) {
    if (!observed.failure) planLeaving(at, now, out);
    return out;
  }
  out.again = nextTime(at, now);
  if ((at.overdue || now >= at.expiresAt) && isDeletedAtEnd(at)) {
    planExpiry(at, now, out);
    out.again = now + deletionPeriod;
    return out;
  }
  // The store lacks a pod that the status names: neither replace nor mourn it before the API server confirms.
  if (at.pod == nullptr && questions(observed, now).pod && !observed.podConfirmedGone) return out;
  // By the clock of another operator its restart may be due already.
  out.wants = at.waits && !at.overdue ? requestGranted(observed) : at.request;
  out.suited = at.start && at.observed.pool != nullptr && at.start->reason != reason::poolMismatch;
  if (tellsGolden(at, out)) return out;
  if (!observed.failure) {
    planActions(at, config, out);
    removeUnnamed(observed, out);
  }
  if (!movesOn(out)) planStatus(at, now, out);
  planSchedule(at, now, out);
  return out;
}

}  // namespace cloister::sandbox
