#include "operator/pool/reconciler.h"

#include <algorithm>

#include "base/log.h"
#include "operator/same.h"
#include "operator/sandbox/reasons.h"
#include "runtime/write_status.h"

namespace cloister::pool {
namespace {

std::vector<std::string> namesOfNew(const std::vector<Action>& actions) {
  std::vector<std::string> names;
  for (const Action& action : actions) {
    if (const auto* creation = std::get_if<CreatePod>(&action)) names.push_back(creation->name);
  }
  return names;
}

}  // namespace

// It takes a pod's whole JSON and its hash, in each round: made anew only when either object says something
// else.
void Reconciler::observeDesign(Observed& observed, Memory& memory) const {
  if (!saySame(memory.pool.get(), observed.pool.get()) ||
      !saySame(memory.template_.get(), observed.template_.get())) {
    memory.pool = observed.pool;
    memory.template_ = observed.template_;
    memory.design = designOf(*observed.pool, observed.template_.get(), parts_.config);
  }
  observed.design = memory.design;
  observed.revisionIsKept =
      observed.design &&
      parts_.stores.revisions.get({observed.pool->metadata.namespace_, observed.design->revision}) != nullptr;
}

// By the clock that never jumps, once a claim is known.
void Reconciler::noteClaims(Observed& observed, Memory& memory) const {
  const Instant now = parts_.clock.instant();
  std::map<std::string, Instant> claims;
  for (const auto& pod : observed.taken) {
    const auto sandbox = parts_.stores.sandboxes.get(sandboxKeyOf(*pod));
    if (sandbox == nullptr) continue;
    const Duration age = parts_.clock.now() - sandbox->metadata.creationTimestamp;
    const auto known = memory.claims.find(pod->metadata.uid);
    const Instant at =
        known == memory.claims.end() ? now - std::clamp(age, Duration{}, demandWindow) : known->second;
    claims[pod->metadata.uid] = at;
    observed.claims.push_back(parts_.clock.now() - (now - at));
  }
  memory.claims = std::move(claims);
}

// As above.
void Reconciler::noteUnready(Observed& observed, Memory& memory) const {
  const Instant now = parts_.clock.instant();
  std::map<std::string, Instant> unready;
  for (const auto& pod : observed.idle) {
    if (sandbox::isPodReady(*pod)) continue;
    const std::string& uid = pod->metadata.uid;
    const auto known = memory.unready.find(uid);
    const Instant since = known == memory.unready.end() ? now : known->second;
    unready[uid] = since;
    observed.unready[uid] = now - since;
  }
  memory.unready = std::move(unready);
}

Observed Reconciler::observe(const kube::ObjectKey& key) {
  const Stores& stores = parts_.stores;
  Observed seen{.pool = stores.pools.get(key)};
  if (seen.pool == nullptr) return seen;
  seen.template_ = stores.templates.get({key.namespace_, seen.pool->spec.templateRef.name});
  Memory& memory = memory_[key];
  observeDesign(seen, memory);
  seen.idle = stores.idlePodsOf(key);
  seen.podsVersion = stores.pods.watchedUpTo(key.namespace_);
  seen.taken = stores.takenPodsOf(key);
  if (seen.pool->spec.minIdle) {
    seen.waiting = int(std::ranges::count(stores.unstartedOfPool(key), key,
                                          [](const auto& sandbox) { return waitsForPool(*sandbox); }));
  }
  seen.closedNodes = stores.closedNodes;
  seen.policies = stores.policyNames(key.namespace_);
  seen.guarded = parts_.config.podsGuarded;
  seen.quota = stores.quotaOf(key.namespace_);
  seen.answer = stores.requests.answer(key.namespace_, seen.pool->metadata.uid);
  seen.foreign = memory.foreign;
  seen.unanswered = memory.unanswered;
  noteUnready(seen, memory);
  if (seen.pool->spec.minIdle) noteClaims(seen, memory);
  return seen;
}

// The first failure ends it; a name that is taken is none.
Task<std::optional<Error>> Reconciler::carryOut(kube::ObjectKey key, std::vector<Action> actions) {
  const auto pool = parts_.stores.pools.get(key);
  const quota::UnderWay underWay(parts_.stores.requests, key.namespace_, namesOfNew(actions));
  for (Action& action : actions) {
    const auto* creation = std::get_if<CreatePod>(&action);
    const std::string name = creation == nullptr ? "" : creation->name;
    auto done = co_await apply(parts_, pool, std::move(action));
    Memory& memory = memory_[key];
    const bool foreign = !done && done.error().reason == sandbox::reason::podNameTaken;
    if (foreign) memory.foreign.insert(name);
    if (done || foreign) {
      memory.unanswered.erase(name);
      continue;
    }
    if (!name.empty()) memory.unanswered.insert(name);
    co_return done.error();
  }
  co_return std::nullopt;
}

Task<Result<runtime::Outcome>> Reconciler::tell(kube::ObjectKey key, Observed observed, Account told,
                                                std::optional<Time> again) {
  const Instant now = parts_.clock.instant();
  const auto later = [&](Duration wait) {
    const Time due = parts_.clock.now() + wait;
    return runtime::Outcome{.again = std::min(again.value_or(due), due)};
  };
  // Lest two that lead write as fast as they can what the other undoes.
  if (told.urgent) {
    if (const Duration paced = statusPace_.take(key, now); paced > Duration(0)) co_return later(paced);
  }
  if (told.report) parts_.report(*observed.pool, *told.report);
  Memory& memory = memory_[key];
  if (!told.status || told.urgent) memory.countsDifferSince = std::nullopt;
  if (told.status && !told.urgent) {
    if (!memory.countsDifferSince) memory.countsDifferSince = now;
    const Duration wait = *memory.countsDifferSince + countsPeriod - now;
    if (wait > Duration(0)) co_return later(wait);
    memory.countsDifferSince = std::nullopt;
  }
  if (told.status) {
    auto written = co_await writeStatus(parts_.client, kube::sandboxPools, parts_.stores.pools, observed.pool,
                                        std::move(*told.status));
    if (!written) co_return fail(written.error());
  }
  co_return runtime::Outcome{.again = again};
}

void Reconciler::noteWants(const Observed& observed, Plan& next) {
  if (observed.quota == nullptr) return;
  const api::ObjectMeta& meta = observed.pool->metadata;
  parts_.stores.requests.notePool(meta.namespace_, {.name = meta.name,
                                                    .uid = meta.uid,
                                                    .version = {},
                                                    .created = meta.creationTimestamp,
                                                    .wants = std::move(next.wants),
                                                    .pods = observed.podsVersion});
}

Task<Result<runtime::Outcome>> Reconciler::reconcile(kube::ObjectKey key, uint64_t id) {
  const Instant begun = parts_.clock.instant();
  if (const Instant next = memory_[key].nextRound; begun < next) {
    co_return runtime::Outcome{.again = parts_.clock.now() + (next - begun)};
  }
  Observed observed = observe(key);
  if (observed.pool == nullptr) {
    memory_.erase(key);
    co_return runtime::Outcome{};
  }
  // It looks at each of perhaps thousands of pods.
  View at = view(observed, parts_.clock.now());
  Plan next = plan(observed, at, parts_.clock.now());
  const bool asks = !next.wants.empty();
  noteWants(observed, next);
  log::debug("reconcile", {{"pool", kube::toString(key)}, {"id", id}, {"actions", next.actions.size()}});
  if (!next.actions.empty()) {
    const std::optional<Error> failure = co_await carryOut(key, std::move(next.actions));
    observed = observe(key);
    observed.failure = failure;
    // After a failure the queue's backoff says when.
    if (!failure) memory_[key].nextRound = parts_.clock.instant() + roundPeriod;
    if (observed.pool == nullptr) co_return runtime::Outcome{};
    at = view(observed, parts_.clock.now());
  }
  // What it was answered before does not matter any more.
  if (!asks) observed.answer.reset();
  const std::optional<Error> failure = observed.failure;
  Account told = account(observed, at, parts_.clock.now());
  auto outcome = co_await tell(key, std::move(observed), std::move(told), next.again);
  if (failure) co_return fail(*failure);
  co_return outcome;
}

}  // namespace cloister::pool
