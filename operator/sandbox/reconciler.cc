#include "operator/sandbox/reconciler.h"

#include "base/log.h"
#include "operator/parts.h"
#include "operator/quota/gate.h"
#include "operator/sandbox/own.h"
#include "operator/sandbox/reasons.h"
#include "runtime/write_status.h"

namespace cloister::sandbox {
namespace {

// POD, if there is one, is not in the store as it is here.
bool hasChanged(const Stores& stores, const api::Pod* pod) {
  if (pod == nullptr) return false;
  const auto present = stores.pods.get(api::keyOf(pod->metadata));
  return present == nullptr || present->metadata.resourceVersion != pod->metadata.resourceVersion;
}

std::vector<std::string> namesOfNew(const std::vector<Action>& actions) {
  std::vector<std::string> names;
  for (const Action& action : actions) {
    if (const auto* creation = std::get_if<CreatePod>(&action))
      names.push_back(json::findString(creation->pod, "metadata.name"));
  }
  return names;
}

}  // namespace

Task<Result<runtime::Outcome>> Reconciler::reconcile(kube::ObjectKey key, uint64_t id) {
  auto observed = co_await observe(parts_, key);
  if (!observed) co_return fail(observed.error());
  keepTo(key, *observed);
  Plan next = plan(*observed, parts_.config, parts_.clock.now());
  log::debug("reconcile", {{"sandbox", kube::toString(key)},
                           {"id", id},
                           {"actions", next.actions.size()},
                           {"status", next.status.has_value()}});
  noteSuited(key, *observed, next);
  const quota::UnderWay underWay(parts_.stores.requests, key.namespace_, namesOfNew(next.actions));
  auto outcome = co_await carryOut(std::move(next), std::move(*observed));
  if (const auto tried = attempts_.find(key); outcome && tried != attempts_.end()) {
    const Time over = parts_.clock.now() + (tried->second.at + lateWrites - parts_.clock.instant());
    outcome->again = std::min(outcome->again.value_or(over), over);
  }
  co_return outcome;
}

// It is offered nothing else until that is known: by an answer, or since the pod has changed, so that a late
// patch is refused, or since none can come any more.
void Reconciler::keepTo(const kube::ObjectKey& key, Observed& observed) {
  const auto found = attempts_.find(key);
  if (found == attempts_.end()) return;
  const Attempt& tried = found->second;
  const bool same = observed.sandbox != nullptr && observed.sandbox->metadata.uid == tried.uid;
  const bool late = parts_.clock.instant() >= tried.at + lateWrites;
  if (!same || late || ownPod(observed) != nullptr || hasChanged(parts_.stores, tried.taken.get())) {
    attempts_.erase(found);
    return;
  }
  observed.offers.clear();
  if (tried.taken != nullptr) observed.offers.push_back(offerOf(parts_.stores, tried.taken));
}

// Carries ACTION out, and remembers if nobody knows whether that gave the Sandbox a pod.
Task<Result<void>> Reconciler::attempt(Action action, const Observed& observed) {
  const auto* taking = std::get_if<AdoptPod>(&action);
  if (taking == nullptr && !std::holds_alternative<CreatePod>(action))
    co_return co_await apply(parts_, std::move(action));
  const auto taken = taking != nullptr ? taking->pod : nullptr;
  if (taken != nullptr && parts_.stores.idle.isHeld(api::keyOf(taken->metadata)))
    co_return fail({.code = Errc::Conflict, .message = "the pod was just taken"});
  const api::ObjectMeta& meta = observed.sandbox->metadata;
  auto done = co_await apply(parts_, std::move(action));
  if (!done && isUnclear(done.error()))
    attempts_[api::keyOf(meta)] = {.uid = meta.uid, .taken = taken, .at = parts_.clock.instant()};
  else
    attempts_.erase(api::keyOf(meta));
  co_return done;
}

// The first failure ends it.
Task<void> Reconciler::applyAll(std::vector<Action> actions, Observed& observed) {
  for (Action& action : actions) {
    const bool deletes = std::holds_alternative<DeleteSandbox>(action);
    auto done = co_await attempt(std::move(action), observed);
    if (done) continue;
    observed.failure = done.error();
    observed.undeletable = deletes;
    co_return;
  }
}

void Reconciler::noteSuited(const kube::ObjectKey& key, const Observed& observed, const Plan& next) {
  const bool asks =
      observed.sandbox != nullptr && observed.sandbox->spec.poolRef && isUnstarted(*observed.sandbox);
  if (asks && !next.suited)
    parts_.stores.unsuited.insert(key);
  else
    parts_.stores.unsuited.erase(key);
}

// Where there is a quota: so the others of the namespace know whether to wait for it. What has run is asked
// about no more, unless it wants another pod, or still holds what it was promised for another.
void Reconciler::noteWants(const Observed& observed, const Plan& next) {
  if (observed.quota == nullptr) return;
  const api::ObjectMeta& meta = observed.sandbox->metadata;
  quota::Book& book = parts_.stores.requests;
  const bool holds = quota::holdsGrant(*observed.quota, meta.uid);
  if (!next.wants && !holds && !isUnstarted(*observed.sandbox)) return book.forget(meta.namespace_, meta.uid);
  quota::Asker asker{.name = meta.name,
                     .uid = meta.uid,
                     .version = meta.resourceVersion,
                     .created = meta.creationTimestamp,
                     .wants = {{}},
                     .pods = observed.podsVersion,
                     .restart = api::podNumber(observed.sandbox->status)};
  if (next.wants) asker.wants->push_back(*next.wants);
  book.noteSandbox(meta.namespace_, std::move(asker));
}

// How long what NEXT tells must wait, lest two that lead write as fast as they can what the other undoes.
Duration Reconciler::untilTold(const Observed& observed, const Plan& next) {
  if (!next.status) return {};
  return statusPace_.take(api::keyOf(observed.sandbox->metadata), parts_.clock.instant());
}

Task<Result<runtime::Outcome>> Reconciler::carryOut(Plan next, Observed observed) {
  noteWants(observed, next);
  co_await applyAll(std::exchange(next.actions, {}), observed);
  const std::optional<Error> failure = observed.failure;
  if (failure) {
    const Time now = parts_.clock.now();
    if (questions(observed, now).version) (void)co_await confirmVersion(parts_, observed);
    next = plan(observed, parts_.config, now);
    co_await applyAll(std::exchange(next.actions, {}), observed);
  }
  if (const Duration wait = untilTold(observed, next); wait > Duration{}) {
    const Time at = parts_.clock.now() + wait;
    next.again = std::min(next.again.value_or(at), at);
    next.status.reset();
    next.report.reset();
  }
  if (next.report && observed.sandbox != nullptr) parts_.report(*observed.sandbox, *next.report);
  if (next.status) {
    auto written = co_await writeStatus(parts_.client, kube::sandboxes, parts_.stores.sandboxes,
                                        observed.sandbox, std::move(*next.status));
    if (!written) co_return fail(written.error());
  }
  // What its schedule asks for and is refused delays nothing else.
  if (!failure || failure->reason == reason::snapshotFailed) co_return runtime::Outcome{.again = next.again};
  // Its end comes in time whatever fails before it, time and again.
  co_return runtime::Outcome{.again = observed.sandbox ? observed.sandbox->status.expiresAt : std::nullopt,
                             .failure = failure};
}

}  // namespace cloister::sandbox
