#include "operator/sandbox/reconciler.h"

#include "base/log.h"
#include "runtime/write_status.h"

namespace cloister::sandbox {

Task<Result<runtime::Outcome>> Reconciler::reconcile(kube::ObjectKey key, uint64_t id) {
  auto observed = co_await observe(parts_, key);
  if (!observed) co_return fail(observed.error());
  Plan next = plan(*observed, parts_.config, parts_.clock.now());
  log::debug("reconcile", {{"sandbox", kube::toString(key)},
                           {"id", id},
                           {"actions", next.actions.size()},
                           {"status", next.status.has_value()}});
  noteSuited(key, *observed, next);
  co_return co_await carryOut(std::move(next), std::move(*observed));
}

// The first failure ends it.
Task<void> Reconciler::applyAll(std::vector<Action> actions, Observed& observed) {
  for (Action& action : actions) {
    const bool deletes = std::holds_alternative<DeleteSandbox>(action);
    auto done = co_await apply(parts_, std::move(action));
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
// about no more, unless it wants another pod.
void Reconciler::noteWants(const Observed& observed, const Plan& next) {
  if (observed.quota == nullptr) return;
  const api::ObjectMeta& meta = observed.sandbox->metadata;
  quota::Book& book = parts_.stores.requests;
  if (!next.wants && !isUnstarted(*observed.sandbox)) return book.forget(meta.namespace_, meta.uid);
  quota::Asker asker{.name = meta.name,
                     .uid = meta.uid,
                     .version = meta.resourceVersion,
                     .created = meta.creationTimestamp,
                     .wants = {{}},
                     .pods = observed.podsVersion};
  if (next.wants) asker.wants->push_back(*next.wants);
  book.noteSandbox(meta.namespace_, std::move(asker));
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
  if (next.report && observed.sandbox != nullptr) parts_.report(*observed.sandbox, *next.report);
  if (next.status) {
    auto written = co_await writeStatus(parts_.client, kube::sandboxes, parts_.stores.sandboxes,
                                        observed.sandbox, std::move(*next.status));
    if (!written) co_return fail(written.error());
  }
  if (failure) co_return fail(*failure);
  co_return runtime::Outcome{.again = next.again};
}

}  // namespace cloister::sandbox
