#include "operator/policy/plan.h"

namespace cloister::policy {

Plan plan(const Observed& observed, Time now) {
  if (observed.policy == nullptr)
    return {.step = observed.used && observed.wanted ? Step::Create : Step::Nothing};
  const bool intact = isIntact(observed.name, observed.policy->spec);
  if (observed.used) return {.step = !intact && observed.wanted ? Step::Repair : Step::Nothing};
  // The default-deny policy stays: the next sandbox of the namespace must not wait for it.
  if (observed.name == defaultDenyName) return {.step = intact ? Step::Nothing : Step::Repair};
  if (observed.awaited) return {.step = Step::Nothing, .again = now + awaitedPeriod};
  if (observed.unusedFor >= unusedGrace) return {.step = Step::Delete};
  return {.step = Step::Nothing, .again = now + (unusedGrace - observed.unusedFor)};
}

}  // namespace cloister::policy
