#include "operator/sandbox/reconciler.h"

#include "base/log.h"
#include "operator/write_status.h"

namespace cloister::sandbox {

Task<Result<runtime::Outcome>> Reconciler::reconcile(kube::ObjectKey key, uint64_t id) {
  auto observed = co_await observe(parts_, key);
  if (!observed) co_return fail(observed.error());
  Plan next = plan(*observed, parts_.config, parts_.clock.now());
  log::debug("reconcile", {{"sandbox", kube::toString(key)},
                           {"id", id},
                           {"actions", next.actions.size()},
                           {"status", next.status.has_value()}});
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

Task<Result<runtime::Outcome>> Reconciler::carryOut(Plan next, Observed observed) {
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
