#include "operator/quota/reconciler.h"

#include <algorithm>

#include "base/log.h"
#include "operator/learn_pod.h"
#include "operator/quota/reasons.h"
#include "operator/sandbox/diagnose.h"
#include "runtime/write_status.h"

namespace cloister::quota {
namespace {

// What a Sandbox wants, if it was looked at as it is: what it wanted before, perhaps while another operator
// led, does not count.
Asker askerFor(const api::Sandbox& sandbox, const Asker* noted) {
  const api::ObjectMeta& meta = sandbox.metadata;
  if (noted != nullptr && noted->version == meta.resourceVersion) return *noted;
  return {.name = meta.name,
          .uid = meta.uid,
          .version = meta.resourceVersion,
          .created = meta.creationTimestamp,
          .wants = {}};
}

// Those that wait for a pod, whether or not they were looked at, and those that were and want one.
std::vector<Asker> sandboxesThatAsk(const Stores& stores, const std::string& namespace_) {
  std::vector<Asker> found;
  const Book::Askers& noted = stores.requests.sandboxes(namespace_);
  for (const auto& sandbox : stores.waitingIn(namespace_)) {
    const auto known = noted.find(sandbox->metadata.uid);
    found.push_back(askerFor(*sandbox, known == noted.end() ? nullptr : &known->second));
  }
  for (const auto& [uid, asker] : noted) {
    const auto sandbox = stores.sandboxes.get({namespace_, asker.name});
    if (sandbox == nullptr || sandbox->metadata.uid != uid || isWaiting(*sandbox)) continue;
    found.push_back(askerFor(*sandbox, &asker));
  }
  return found;
}

std::vector<Asker> poolsThatAsk(const Stores& stores, const std::string& namespace_) {
  std::vector<Asker> found;
  for (const auto& [uid, asker] : stores.requests.pools(namespace_)) {
    const auto pool = stores.pools.get({namespace_, asker.name});
    if (pool != nullptr && pool->metadata.uid == uid) found.push_back(asker);
  }
  return found;
}

bool isGone(const Stores& stores, const std::string& namespace_, const api::QuotaGrant& grant) {
  if (!grant.pool.empty()) {
    const auto pool = stores.pools.get({namespace_, grant.pool});
    return pool == nullptr || pool->metadata.uid != grant.uid || pool->metadata.deletionTimestamp;
  }
  const auto sandbox = stores.sandboxes.get({namespace_, grant.sandbox});
  return sandbox == nullptr || sandbox->metadata.uid != grant.uid || sandbox->metadata.deletionTimestamp ||
         api::hasEnded(sandbox->status);
}

// Since when the Sandbox of POD has it.
std::optional<Time> runsSince(const Stores& stores, const api::Pod& pod) {
  if (sandbox::hasPodEnded(pod)) return std::nullopt;
  const kube::ObjectKey key = sandboxKeyOf(pod);
  if (key.name.empty()) return std::nullopt;
  const auto sandbox = stores.sandboxes.get(key);
  const Time created = pod.metadata.creationTimestamp;
  return sandbox == nullptr ? created : std::max(created, sandbox->metadata.creationTimestamp);
}

}  // namespace

// A sandbox that has ended since it was last counted ran until now, as far as anybody knows.
void Reconciler::countHours(const Observed& seen, Memory& memory) {
  const std::optional<api::QuotaHours>& present = seen.quota->status.hours;
  const Time now = parts_.clock.now();
  if (!seen.quota->spec.sandboxHoursPerDay || !present) {
    memory.hours = {.day = std::chrono::floor<std::chrono::days>(now), .asOf = now};
    memory.running.clear();
  } else if (memory.hours.asOf < present->asOf) {
    memory.hours = read(*present);
  }
  std::map<std::string, Time> running;
  for (const auto& pod : seen.pods) {
    if (const auto since = runsSince(parts_.stores, *pod)) running[pod->metadata.uid] = *since;
  }
  std::vector<Time> begins;
  begins.reserve(memory.running.size() + running.size());
  for (const auto& [uid, since] : memory.running) begins.push_back(since);
  for (const auto& [uid, since] : running) {
    if (!memory.running.contains(uid)) begins.push_back(since);
  }
  memory.hours = advanced(memory.hours, begins, now);
  memory.running = std::move(running);
}

std::map<std::string, Time> Reconciler::settled(const api::SandboxQuota& quota, Memory& memory) const {
  const Instant now = parts_.clock.instant();
  const std::map<std::string, Instant> before = std::exchange(memory.takenBack, {});
  std::map<std::string, Time> settled;
  for (const api::QuotaGrant& grant : quota.status.grants) {
    if (!api::isWithdrawn(grant)) continue;
    const auto known = before.find(grant.pod);
    const Instant since = known == before.end() ? now : known->second;
    memory.takenBack[grant.pod] = since;
    settled[grant.pod] = parts_.clock.now() + (since + settlePeriod - now);
  }
  return settled;
}

// Another process may have kept such a promise again, as long as it was told of it.
std::vector<api::QuotaGrant> Reconciler::doubted(std::shared_ptr<const api::SandboxQuota> quota,
                                                 Memory& memory) const {
  const Instant now = parts_.clock.instant();
  std::set<std::string_view> promised;
  for (const api::QuotaGrant& grant : quota->status.grants) promised.insert(grant.pod);
  const auto former = std::exchange(memory.looked, quota);
  if (former != nullptr && former != quota) {
    for (const api::QuotaGrant& grant : former->status.grants) {
      // What was taken back went because the API server did not have its pod.
      if (!grant.pod.empty() && !promised.contains(grant.pod) && !api::isWithdrawn(grant))
        memory.gone[grant.pod] = {grant, now};
    }
  }
  std::erase_if(memory.gone, [&](const auto& entry) {
    return promised.contains(entry.first) || entry.second.at + settlePeriod <= now;
  });
  std::vector<api::QuotaGrant> found;
  for (const auto& [pod, gone] : memory.gone) {
    if (parts_.stores.pods.get({quota->metadata.namespace_, pod}) == nullptr) found.push_back(gone.grant);
  }
  return found;
}

Observed Reconciler::observe(std::shared_ptr<const api::SandboxQuota> quota, Memory& memory) {
  const Stores& stores = parts_.stores;
  const std::string namespace_ = quota->metadata.namespace_;
  Observed seen{.quota = std::move(quota)};
  seen.pods = stores.pods.inNamespace(namespace_);
  seen.sandboxCount = int(stores.sandboxes.inNamespace(namespace_).size());
  seen.sandboxes = sandboxesThatAsk(stores, namespace_);
  seen.pools = poolsThatAsk(stores, namespace_);
  for (const api::QuotaGrant& grant : seen.quota->status.grants) {
    if (isGone(stores, namespace_, grant)) seen.gone.insert(grant.uid);
  }
  seen.settled = settled(*seen.quota, memory);
  seen.doubted = doubted(seen.quota, memory);
  seen.seen = {.pods = stores.pods.watchedUpTo(namespace_),
               .sandboxes = stores.sandboxes.watchedUpTo(namespace_),
               .pools = stores.pools.watchedUpTo(namespace_)};
  seen.newest = {.pods = stores.pods.newestTold(namespace_),
                 .sandboxes = stores.sandboxes.newestTold(namespace_),
                 .pools = stores.pools.newestTold(namespace_)};
  countHours(seen, memory);
  seen.hours = memory.hours;
  seen.guarding = guardingOf(*seen.quota, memory);
  return seen;
}

// Who is answered for the first time, or needs to wait no longer, is told at once; the others when it is DUE,
// or are LEFT. True: some of these were told.
bool Reconciler::publish(const std::string& namespace_, const std::vector<Asker>& askers,
                         const std::map<std::string, Answer>& answers, const Wake& wake, bool due,
                         bool& left) {
  Book& book = parts_.stores.requests;
  bool told = false;
  for (const Asker& asker : askers) {
    const auto found = answers.find(asker.uid);
    const auto answer = found == answers.end() ? std::nullopt : std::optional(found->second);
    const auto before = book.answer(namespace_, asker.uid);
    if (answer == before) continue;
    const bool again = answer && before;
    left |= again && !due;
    if (again && !due) continue;
    told |= again;
    book.publish(namespace_, asker.uid, answer);
    wake({namespace_, asker.name});
  }
  return told;
}

void Reconciler::tell(const Observed& observed, const std::map<std::string, Answer>& answers, Memory& memory,
                      std::optional<Time>& again) {
  const std::string& namespace_ = observed.quota->metadata.namespace_;
  const Instant now = parts_.clock.instant();
  const bool due = now - newsPeriod >= memory.toldAt;
  bool left = false;
  const bool sandboxes = publish(namespace_, observed.sandboxes, answers, wakeSandbox_, due, left);
  const bool pools = publish(namespace_, observed.pools, answers, wakePool_, due, left);
  if (sandboxes || pools) memory.toldAt = now;
  if (!left) return;
  const Time at = parts_.clock.now() + (memory.toldAt + newsPeriod - now);
  again = std::min(again.value_or(at), at);
}

void Reconciler::wake(const std::string& namespace_, const std::vector<api::QuotaGrant>& grants) {
  for (const api::QuotaGrant& grant : grants) {
    if (grant.pool.empty())
      wakeSandbox_({namespace_, grant.sandbox});
    else
      wakePool_({namespace_, grant.pool});
  }
}

// A failure keeps nobody waiting: grants are what counts.
Task<void> Reconciler::keepGuards(std::string namespace_, std::shared_ptr<const api::SandboxQuota> quota) {
  Memory& memory = memory_[namespace_];
  const Instant now = parts_.clock.instant();
  if (now < memory.guardAgain) co_return;
  std::string failure;
  for (GuardStep& step :
       planGuards(quota.get(), parts_.stores.resourceQuotas.inNamespace(namespace_), parts_.config)) {
    auto done = co_await apply(parts_, std::move(step));
    if (!done && failure.empty()) failure = done.error().message;
  }
  if (!failure.empty()) memory.guardAgain = now + newsPeriod;
  memory.guardFailure = std::move(failure);
}

Guarding Reconciler::guardingOf(const api::SandboxQuota& quota, const Memory& memory) const {
  if (!memory.guardFailure.empty()) {
    return {.holds = false, .reason = reason::guardFailed, .message = sandbox::excerpt(memory.guardFailure)};
  }
  if (lacksPriorityClass(quota, parts_.config)) {
    return {.holds = false,
            .reason = reason::noPriorityClass,
            .message =
                "The operator's configuration has no defaults.priorityClassName, by which a "
                "ResourceQuota could tell sandboxes from other pods: only the operator holds the limits."};
  }
  return {.reason = reason::resourceQuotas, .message = "ResourceQuotas hold the limits as well."};
}

// Those of PODS that the API server itself does not have, or has as somebody else's; what it has goes into
// the store. Not among them: of which it does not answer, and what is being made here this moment.
Task<std::set<std::string>> Reconciler::findAbsent(std::string namespace_, std::vector<std::string> pods) {
  std::set<std::string> absent;
  for (const std::string& name : pods) {
    if (parts_.stores.requests.isUnderWay(namespace_, name)) continue;
    const auto there = co_await learnPod(parts_.client, parts_.stores, {namespace_, name});
    if (!there) break;
    if (!*there) absent.insert(name);
  }
  co_return absent;
}

// Makes NEXT anew, once the API server was asked for the pods that it asks for. False: the quota has changed.
Task<bool> Reconciler::ask(Observed& observed, Plan& next) {
  const std::shared_ptr<const api::SandboxQuota> quota = observed.quota;
  std::set<std::string> absent = co_await findAbsent(quota->metadata.namespace_, std::move(next.ask));
  if (parts_.stores.quotas.get(api::keyOf(quota->metadata)) != quota) co_return false;
  for (const std::string& pod : absent) memory_[quota->metadata.namespace_].gone.erase(pod);
  observed = observe(quota, memory_[quota->metadata.namespace_]);
  observed.absent = std::move(absent);
  next = plan(observed, parts_.clock.now());
  co_return true;
}

Task<Result<runtime::Outcome>> Reconciler::reconcile(kube::ObjectKey key, uint64_t id) {
  if (key.name != api::quotaName) co_return runtime::Outcome{};
  auto quota = parts_.stores.quotas.get(key);
  Memory& memory = memory_[key.namespace_];
  const std::string uid = quota == nullptr ? "" : quota->metadata.uid;
  if (memory.uid != uid) memory = {.uid = uid};
  co_await keepGuards(key.namespace_, quota);
  if (quota == nullptr) {
    const bool failed = !memory.guardFailure.empty();
    if (!failed) memory_.erase(key.namespace_);
    co_return runtime::Outcome{.again =
                                   failed ? std::optional(parts_.clock.now() + newsPeriod) : std::nullopt};
  }
  Observed observed = observe(quota, memory);
  Plan next = plan(observed, parts_.clock.now());
  if (const Instant now = parts_.clock.instant(); !next.ask.empty() && now >= memory.askAgain) {
    memory.askAgain = now + catchUpPeriod;
    if (!co_await ask(observed, next)) co_return runtime::Outcome{.again = parts_.clock.now()};
  }
  log::debug("reconcile", {{"quota", kube::toString(key)}, {"id", id}, {"status", next.status.has_value()}});
  const Instant now = parts_.clock.instant();
  if (!memory.guardFailure.empty()) {
    const Time at = parts_.clock.now() + (memory.guardAgain - now);
    next.again = std::min(next.again.value_or(at), at);
  }
  Instant due = next.urgent ? now : memory.writtenAt + (next.drops ? dropPeriod : newsPeriod);
  if (next.status && due <= now) due = now + pace_.take(key, now);
  if (next.status && due > now) {
    const Time at = parts_.clock.now() + (due - now);
    next.again = std::min(next.again.value_or(at), at);
  } else if (next.status) {
    auto written = co_await writeStatus(parts_.client, kube::sandboxQuotas, parts_.stores.quotas, quota,
                                        std::move(*next.status));
    if (!written) co_return fail(written.error());
    memory.writtenAt = now;
  }
  wake(key.namespace_, next.unclear);
  if (next.answers) tell(observed, *next.answers, memory, next.again);
  co_return runtime::Outcome{.again = next.again};
}

}  // namespace cloister::quota
