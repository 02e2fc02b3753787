#include "operator/quota/plan.h"

#include <algorithm>
#include <ranges>

#include "operator/quota/pods.h"
#include "operator/quota/queue.h"
#include "operator/quota/reasons.h"
#include "operator/sandbox/diagnose.h"
#include "operator/sandbox/reasons.h"
#include "operator/stores.h"
#include "runtime/conditions.h"
#include "runtime/store.h"

namespace cloister::quota {
namespace {

using runtime::versionNumber;

// What another operator dropped or granted, it decided on no newer view than this one.
bool isBehind(const Observed& observed) {
  const api::QuotaSeen& seen = observed.quota->status.seen;
  return observed.seen.pods < versionNumber(seen.pods) ||
         observed.seen.sandboxes < versionNumber(seen.sandboxes) ||
         observed.seen.pools < versionNumber(seen.pools);
}

std::string later(const std::string& told, uint64_t version) {
  return std::to_string(std::max(versionNumber(told), version));
}

const Asker* find(const std::vector<Asker>& askers, const std::string& uid) {
  const auto found = std::ranges::find(askers, uid, &Asker::uid);
  return found == askers.end() ? nullptr : &*found;
}

bool wants(const Asker& owner, const api::QuotaGrant& grant) {
  // Another pod for the same start takes its place in one step.
  if (grant.pool.empty()) return !owner.wants->empty() && owner.wants->front().restart == grant.restart;
  return std::ranges::find(*owner.wants, grant.pod, &Request::pod) != owner.wants->end();
}

// Unknown: its owner was not looked at yet. Unclear: it is not wanted by what its owner knew of pods; the
// promise was made on newer ones.
enum class Wish { Unknown, Standing, Unclear, Gone };

// Of whoever GRANT is for. It stands for those that were looked at only as they were before the restart that
// it is for.
Wish wishOf(const Observed& observed, const api::QuotaGrant& grant) {
  const Asker* owner = find(grant.pool.empty() ? observed.sandboxes : observed.pools, grant.uid);
  if (owner == nullptr) return Wish::Unknown;
  if (owner->restart < grant.restart) return Wish::Standing;
  if (!owner->wants || wants(*owner, grant)) return Wish::Standing;
  return owner->pods < versionNumber(grant.since) ? Wish::Unclear : Wish::Gone;
}

using Names = std::vector<std::string>;

// GRANT is to go, and no pod is seen for it. Another process may be making one: first everybody is told to
// begin nothing by it any more, and once what was begun is over, the API server is asked for the pod. True:
// nothing comes of it.
bool takeBack(const Observed& observed, api::QuotaGrant& grant, Names& ask, Time now) {
  if (grant.pod.empty()) return true;
  const auto settled = observed.settled.find(grant.pod);
  if (!api::isWithdrawn(grant)) {
    grant.withdrawn = true;
  } else if (settled != observed.settled.end() && settled->second <= now) {
    if (observed.absent.contains(grant.pod)) return true;
    if (ask.size() < mostAsked) ask.push_back(grant.pod);
  }
  return false;
}

// True: GRANT has been kept, or nothing comes of it.
bool isOver(const Observed& observed, const Pods& pods, api::QuotaGrant& grant, Names& ask, Time now) {
  if (const auto told = pods.named(grant.pod)) return *told;
  const auto other = pods.keeping(grant);  // it got another one: a pool's
  if (other == false) return false;
  const bool unwanted = other || observed.gone.contains(grant.uid) || wishOf(observed, grant) == Wish::Gone;
  return (unwanted || api::isWithdrawn(grant)) && takeBack(observed, grant, ask, now);
}

std::vector<api::QuotaGrant> stillHeld(const Observed& observed, const Pods& pods, Names& ask, Time now) {
  std::vector<api::QuotaGrant> held;
  for (api::QuotaGrant grant : observed.quota->status.grants) {
    if (!isOver(observed, pods, grant, ask, now)) held.push_back(std::move(grant));
  }
  return held;
}

// Whose owners have to look again, or for the first time since they were promised this: another operator may
// have done that.
std::vector<api::QuotaGrant> unclear(const Observed& observed, std::vector<api::QuotaGrant> held) {
  std::erase_if(held, [&](const api::QuotaGrant& grant) {
    if (api::isWithdrawn(grant)) return true;
    const Wish wish = wishOf(observed, grant);
    if (wish == Wish::Unknown) return observed.gone.contains(grant.uid);
    return wish != Wish::Unclear || observed.seen.pods < versionNumber(grant.since);
  });
  return held;
}

api::QuotaAmounts hardOf(const api::SandboxQuotaSpec& spec) {
  return {.running = spec.running,
          .sandboxes = spec.sandboxes,
          .cpu = spec.cpu,
          .memory = spec.memory,
          .disk = spec.disk,
          .creationsPerMinute = spec.creationsPerMinute,
          .sandboxHoursPerDay = spec.sandboxHoursPerDay};
}

// Of the limits that are set.
api::QuotaAmounts usedOf(const Observed& observed, const Amount& used, int creations) {
  const api::SandboxQuotaSpec& spec = observed.quota->spec;
  api::QuotaAmounts out;
  if (spec.running) out.running = int(used.pods);
  if (spec.sandboxes) out.sandboxes = observed.sandboxCount;
  if (!spec.cpu.empty()) out.cpu = cores(used.limits.cpuMilli);
  if (!spec.memory.empty()) out.memory = bytes(used.limits.memoryBytes);
  if (!spec.disk.empty()) out.disk = bytes(used.limits.diskBytes);
  if (spec.creationsPerMinute) out.creationsPerMinute = creations;
  if (spec.sandboxHoursPerDay) out.sandboxHoursPerDay = int(observed.hours.spent / std::chrono::hours(1));
  return out;
}

Amount usedBy(const Pods& pods, const std::vector<api::QuotaGrant>& grants) {
  Amount used = pods.used();
  for (const api::QuotaGrant& grant : grants) {
    if (!grant.pod.empty() && !pods.named(grant.pod)) used += amountOf(grant);
  }
  return used;
}

// What may be in use besides what is seen and promised.
Amount doubt(const Observed& observed, Names& ask) {
  Amount in;
  for (const api::QuotaGrant& grant : observed.doubted) {
    in += amountOf(grant);
    if (ask.size() < mostAsked) ask.push_back(grant.pod);
  }
  return in;
}

// What was promised before the quota was lowered and does not fit any more is taken back, pools' first and
// then the last come's: their pods would be refused by the ResourceQuota, and others wait meanwhile.
void takeBackExcess(const Observed& observed, const Pods& pods, std::vector<api::QuotaGrant>& held) {
  const auto counts = [&](const api::QuotaGrant& grant) {
    return !grant.pod.empty() && !pods.named(grant.pod) && !api::isWithdrawn(grant);
  };
  Amount left = pods.used();  // once all that is to go has gone
  for (const api::QuotaGrant& grant : held) {
    if (counts(grant)) left += amountOf(grant);
  }
  for (const bool pools : {true, false}) {
    for (api::QuotaGrant& grant : std::views::reverse(held)) {
      if (grant.pool.empty() == pools || !counts(grant)) continue;
      Amount others = left;
      others -= amountOf(grant);
      if (!exceeded(observed.quota->spec, others, amountOf(grant))) continue;
      left = others;
      grant.withdrawn = true;
    }
  }
}

void setConditions(const Observed& observed, Time now, api::SandboxQuotaStatus& status) {
  runtime::Conditions conditions(std::move(status.conditions), observed.quota->metadata.generation, now);
  if (observed.quota->unreadable.empty()) {
    conditions.set(condition::ready, "True", reason::inForce, "The limits are in force.");
  } else {
    conditions.set(condition::ready, "False", sandbox::reason::unreadable,
                   "This version cannot read the object: " + observed.quota->unreadable +
                       ". Nothing new starts until it is corrected.");
  }
  const Guarding& guarding = observed.guarding;
  conditions.set(condition::guarded, guarding.holds ? "True" : "False", guarding.reason, guarding.message);
  status.conditions = conditions.take();
}

// The ledger is written with other news, or when it is due.
void setHours(const Observed& observed, Time now, api::SandboxQuotaStatus& next, bool& due) {
  const std::optional<api::QuotaHours>& present = observed.quota->status.hours;
  if (!observed.quota->spec.sandboxHoursPerDay) {
    next.hours = std::nullopt;
    return;
  }
  const api::QuotaHours counted = written(observed.hours);
  const bool changed = !present || present->day != counted.day || present->seconds != counted.seconds;
  due = changed && (!present || std::chrono::abs(now - present->asOf) >= hoursPeriod);
  if (changed && (due || next != observed.quota->status)) next.hours = counted;
}

std::optional<Time> nextLook(const Observed& observed, const Pods& pods, const Served& served, Time now) {
  std::optional<Time> next;
  const auto at = [&](Time time) { next = std::min(next.value_or(time), time); };
  for (const api::QuotaStep& step : served.recent) at(step.at + creationMemory);
  // That the watch tells of what the store has already is no news to anybody.
  for (const api::QuotaGrant& grant : served.grants) {
    if (pods.keeping(grant) == false || wishOf(observed, grant) == Wish::Unclear) at(now + catchUpPeriod);
    const auto settled = observed.settled.find(grant.pod);
    if (settled != observed.settled.end() && settled->second > now) at(settled->second);
  }
  if (observed.quota->spec.sandboxHoursPerDay) {
    at(nextDay(now));
    if (!observed.pods.empty()) at(now + hoursPeriod);
  }
  return next;
}

}  // namespace

Plan plan(const Observed& observed, Time now) {
  if (isBehind(observed)) return {.again = now + catchUpPeriod};
  const api::SandboxQuotaStatus& present = observed.quota->status;
  const Pods pods(observed);
  Names ask;
  std::vector<api::QuotaGrant> held = stillHeld(observed, pods, ask, now);
  const bool drops = held.size() < present.grants.size();
  takeBackExcess(observed, pods, held);
  Amount used = usedBy(pods, held);
  used += doubt(observed, ask);
  std::vector<api::QuotaStep> recent;
  if (observed.quota->spec.creationsPerMinute) recent = forgotten(present.recent, now);
  const Served served = serve(observed, pods, std::move(held), used, std::move(recent), now);

  Plan out{.again = nextLook(observed, pods, served, now),
           .unclear = unclear(observed, served.grants),
           .ask = std::move(ask)};
  // In case it cannot be asked.
  if (!out.ask.empty()) out.again = std::min(out.again.value_or(Time::max()), now + catchUpPeriod);
  if (served.complete) out.answers = served.answers;
  api::SandboxQuotaStatus next = present;
  next.observedGeneration = observed.quota->metadata.generation;
  next.grants = served.grants;
  if (next.grants != present.grants) {
    next.seen = {.pods = later(present.seen.pods, observed.newest.pods),
                 .sandboxes = later(present.seen.sandboxes, observed.newest.sandboxes),
                 .pools = later(present.seen.pools, observed.newest.pools)};
  }
  next.recent = served.recent;
  next.used = usedOf(observed, usedBy(pods, served.grants), creations(served.recent));
  next.hard = hardOf(observed.quota->spec);
  if (served.complete) next.queued = served.queued;
  setConditions(observed, now, next);
  // Somebody waits for what is taken back.
  const bool makesRoom =
      !served.answers.empty() && std::ranges::count_if(next.grants, api::isWithdrawn) >
                                     std::ranges::count_if(present.grants, api::isWithdrawn);
  out.drops = drops;
  const bool dropsWhileWaitedFor = drops && !served.answers.empty();
  out.urgent = served.changed || makesRoom || dropsWhileWaitedFor ||
               next.observedGeneration != present.observedGeneration || next.conditions != present.conditions;
  bool due = false;
  setHours(observed, now, next, due);
  out.urgent |= due;
  if (next != present) out.status = std::move(next);
  return out;
}

}  // namespace cloister::quota
