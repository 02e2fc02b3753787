#include "operator/sandbox/reconciler.h"

#include "base/log.h"

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

Task<Result<runtime::Outcome>> Reconciler::carryOut(Plan next, Observed observed) {
  std::optional<Error> failure;
  for (Action& action : next.actions) {
    auto done = co_await apply(parts_, std::move(action));
    if (!done) {
      failure = done.error();
      break;
    }
  }
  if (failure) {
    observed.failure = failure;
    next = plan(observed, parts_.config, parts_.clock.now());
  }
  if (next.report && observed.sandbox != nullptr) parts_.report(*observed.sandbox, *next.report);
  if (next.status) {
    auto written = co_await writeStatus(parts_, observed.sandbox, std::move(*next.status));
    if (!written) co_return fail(written.error());
  }
  if (failure) co_return fail(*failure);
  co_return runtime::Outcome{.again = next.again};
}

}  // namespace cloister::sandbox
