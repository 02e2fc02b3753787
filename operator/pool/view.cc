#include "operator/pool/view.h"

#include <charconv>

#include "operator/pool/reasons.h"

namespace cloister::pool {
namespace {

constexpr int most = 10000;  // pods of a pool, whatever its spec says
constexpr Duration defaultDeadline = std::chrono::minutes(5);
constexpr int defaultPercent = 25;

bool owns(const api::SandboxPool& pool, const api::Pod& pod) {
  const api::OwnerReference* owner = api::controllerOf(pod.metadata);
  return owner != nullptr && owner->uid == pool.metadata.uid;
}

// Copies nothing: this is asked for thousands of pods in each round.
bool says(const std::map<std::string, std::string>& values, std::string_view key, std::string_view value) {
  return std::ranges::any_of(values,
                             [&](const auto& one) { return one.first == key && one.second == value; });
}

bool isUpdated(const Observed& observed, const api::Pod& pod) {
  return observed.design && api::isMadeToBeHeld(pod) == observed.pool->spec.hold.value_or(false) &&
         says(pod.metadata.annotations, api::shapeAnnotation, observed.design->shape) &&
         says(pod.metadata.labels, api::revisionLabel, observed.design->revision);
}

void noteTrouble(const std::shared_ptr<const api::Pod>& pod, sandbox::Diagnosis diagnosis, View& out) {
  const auto place = [](const api::Pod& one) {
    return std::tie(one.metadata.creationTimestamp, one.metadata.name);
  };
  if (out.trouble && place(*out.trouble->pod) <= place(*pod)) return;
  out.trouble = Trouble{pod, std::move(diagnosis)};
}

// Of a pod that is not Ready.
Standing diagnose(const Member& member, Time now, View& out) {
  sandbox::Diagnosis diagnosis = sandbox::diagnosePod(*member.pod, {}, std::nullopt);
  const bool ended = sandbox::isEnd(diagnosis);
  if (ended || diagnosis.problem) noteTrouble(member.pod, std::move(diagnosis), out);
  if (ended) return Standing::Spent;
  return now - member.since >= out.deadline ? Standing::Stuck : Standing::Starting;
}

// WHEN was told by another clock than the one here, which may be far from it: it is no longer ago than this
// process has known the pod not to be Ready, nor is it to come.
Time byOurClock(Time when, std::optional<Duration> known, Time now) {
  if (!known) return when;
  return when > now ? now - *known : std::max(when, now - *known);
}

Time notReadySince(const api::Pod& pod) {
  const Time created = pod.metadata.creationTimestamp;
  const api::PodCondition* ready = api::findPodCondition(pod, "Ready");
  return ready == nullptr ? created : std::max(created, ready->lastTransitionTime.value_or(created));
}

void addMember(const Observed& observed, const std::shared_ptr<const api::Pod>& pod, Time now, View& out) {
  if (pod->metadata.deletionTimestamp || !owns(*observed.pool, *pod)) return;
  const auto found = observed.unready.find(pod->metadata.uid);
  const auto known = found == observed.unready.end() ? std::nullopt : std::optional(found->second);
  Member member{.pod = pod, .updated = isUpdated(observed, *pod)};
  member.born = byOurClock(pod->metadata.creationTimestamp, known, now);
  if (observed.closedNodes.contains(pod->spec.nodeName)) {
    member.standing = Standing::Spent;
  } else if (sandbox::isPodReady(*pod)) {
    member.standing = Standing::Ready;
    ++out.ready;
  } else {
    member.since = byOurClock(notReadySince(*pod), known, now);
    member.standing = diagnose(member, now, out);
  }
  if (member.updated) ++out.updated;
  out.members.push_back(std::move(member));
}

bool lives(const api::Pod& pod) {
  return !pod.metadata.deletionTimestamp && !sandbox::hasPodEnded(pod);
}

int targetOf(const Observed& observed, int claimed, Time now) {
  const api::SandboxPoolSpec& spec = observed.pool->spec;
  int target = spec.replicas.value_or(1);
  if (spec.minIdle) {
    const auto recent =
        std::ranges::count_if(observed.claims, [&](Time claim) { return claim > now - demandWindow; });
    target = std::max({*spec.minIdle, int(recent), observed.waiting});
  }
  if (spec.maxTotal) target = std::min(target, *spec.maxTotal - claimed);
  return std::clamp(target, 0, most);
}

// WANTED of TOTAL: a number, or a percentage, rounded down.
int shareOf(const json::value& wanted, int total) {
  const std::string text = wanted.is_string() ? std::string(wanted.get_string()) : json::print(wanted);
  int number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc() && rest == end) return number;
  const bool percent = error == std::errc() && std::string_view(rest, end) == "%";
  return int(int64_t(total) * (percent ? number : defaultPercent) / 100);
}

// Pods as they are made now do not become Ready in time, or end before; or they did not until now, and the
// next one is not Ready yet. Where there is none, it may have become Ready and been taken: one more is tried.
bool isFailing(const Observed& observed, const View& at, Time now) {
  if (!observed.design) return false;
  bool succeeded = false;
  bool open = false;
  for (const Member& member : at.members) {
    if (!member.updated) continue;
    const bool young = now - member.born < at.deadline;
    const bool closed = observed.closedNodes.contains(member.pod->spec.nodeName);
    if (member.standing == Standing::Stuck || (member.standing == Standing::Spent && young && !closed)) {
      return true;
    }
    (member.standing == Standing::Ready ? succeeded : open) = true;
  }
  const api::SandboxPoolStatus& status = observed.pool->status;
  const api::Condition* before = api::findCondition(status.conditions, condition::progressing);
  const bool failedBefore = before != nullptr && before->reason == reason::progressDeadlineExceeded;
  return failedBefore && status.revision == observed.design->revision &&
         status.observedGeneration == observed.pool->metadata.generation &&
         (open || (!succeeded && at.present() < at.target));
}

bool newestIsReady(const View& at) {
  Time ready = Time::min();
  Time stuck = Time::min();
  for (const Member& member : at.members) {
    if (!member.updated) continue;
    const Time created = member.pod->metadata.creationTimestamp;
    if (member.standing == Standing::Ready) ready = std::max(ready, created);
    if (member.standing == Standing::Stuck) stuck = std::max(stuck, created);
  }
  return ready > stuck;
}

}  // namespace

View view(const Observed& observed, Time now) {
  View out;
  const api::SandboxPoolSpec& spec = observed.pool->spec;
  out.deadline = spec.progressDeadline.value_or(defaultDeadline);
  out.members.reserve(observed.idle.size());
  for (const auto& pod : observed.idle) addMember(observed, pod, now, out);
  out.claimed = int(std::ranges::count_if(observed.taken, [](const auto& pod) { return lives(*pod); }));
  out.target = targetOf(observed, out.claimed, now);
  out.mostUnavailable =
      std::clamp(shareOf(spec.updateStrategy.maxUnavailable, out.target), 1, std::max(1, out.target));
  out.failing = isFailing(observed, out, now);
  out.newestIsReady = newestIsReady(out);
  return out;
}

}  // namespace cloister::pool
