#include "operator/template/plan.h"

#include "operator/sandbox/reasons.h"
#include "operator/sandbox/resolve.h"
#include "operator/template/reasons.h"
#include "operator/template/revision.h"
#include "runtime/conditions.h"

namespace cloister::templates {
namespace {

// Whether a Sandbox could be made from it as it stands.
api::Condition accepted(const api::SandboxTemplate& template_, const Config& config) {
  api::Condition made{.type = std::string(sandbox::condition::accepted),
                      .status = "True",
                      .observedGeneration = template_.metadata.generation,
                      .lastTransitionTime = {},
                      .reason = std::string(sandbox::reason::accepted),
                      .message = "Sandboxes can be made from it on this cluster."};
  auto refusal = sandbox::resolve(template_.spec.sandbox, config).refusal;
  if (!template_.unreadable.empty()) {
    refusal =
        sandbox::Refusal{sandbox::reason::unreadable,
                         "This version cannot read the object: " + template_.unreadable + ". Correct it."};
  }
  if (!refusal) return made;
  made.status = "False";
  made.reason = std::string(refusal->reason);
  made.message = refusal->message;
  return made;
}

void tellGolden(const GoldenStep& step, int64_t generation, Time now, std::vector<api::Condition>& all) {
  runtime::Conditions conditions(std::move(all), generation, now);
  if (step.reason.empty())
    conditions.remove(condition::goldenReady);
  else
    conditions.set(condition::goldenReady, step.reason == reason::golden ? "True" : "False", step.reason,
                   step.message);
  all = conditions.take();
}

// PRESENT is revisionName() of the template.
api::SandboxTemplateStatus statusFor(const Observed& observed, const std::string& present,
                                     const GoldenStep& golden, const Config& config, Time now) {
  const api::SandboxTemplate& template_ = *observed.template_;
  api::SandboxTemplateStatus status = template_.status;
  status.observedGeneration = template_.metadata.generation;
  status.revision = present;
  status.sandboxes = 0;
  status.outdated = 0;
  for (const Kept& kept : observed.revisions) {
    *status.sandboxes += kept.sandboxes;
    if (kept.revision->metadata.name != status.revision) *status.outdated += kept.sandboxes;
  }
  api::setCondition(status.conditions, accepted(template_, config), std::chrono::floor<seconds>(now));
  // Of one that cannot be read it is not known whether it wants one.
  if (!template_.unreadable.empty()) return status;
  status.golden = golden.golden;
  status.goldenFailure = golden.failure;
  tellGolden(golden, template_.metadata.generation, now, status.conditions);
  return status;
}

}  // namespace

Plan plan(const Observed& observed, const Config& config, Time now) {
  Plan out;
  if (observed.template_->metadata.deletionTimestamp) return out;
  const std::string present = revisionName(*observed.template_);
  for (const Kept& kept : observed.revisions) {
    if (kept.used || kept.revision->metadata.name == present) continue;
    if (kept.unusedFor >= unusedGrace) {
      out.remove.push_back(kept.revision);
    } else {
      const Time due = now + (unusedGrace - kept.unusedFor);
      out.again = std::min(out.again.value_or(due), due);
    }
  }
  if (observed.template_->unreadable.empty())
    out.golden = planGolden(*observed.template_, observed.golden, config, now);
  if (out.golden.again) out.again = std::min(out.again.value_or(*out.golden.again), *out.golden.again);
  api::SandboxTemplateStatus next = statusFor(observed, present, out.golden, config, now);
  if (next != observed.template_->status) out.status = std::move(next);
  return out;
}

}  // namespace cloister::templates
