#include "operator/pool/status.h"

#include "operator/pool/plan.h"
#include "operator/pool/reasons.h"
#include "operator/quota/gate.h"
#include "operator/sandbox/reasons.h"
#include "runtime/conditions.h"

namespace cloister::pool {
namespace {

// What a condition says.
struct Word {
  std::string_view status;
  std::string_view reason;
  std::string message;
  bool problem = false;  // a person should know
};

Word problem(std::string_view why, std::string message) {
  return {.status = "False", .reason = why, .message = std::move(message), .problem = true};
}

const api::Condition* present(const Observed& observed, std::string_view type) {
  return api::findCondition(observed.pool->status.conditions, type);
}

// Why no pod can be made.
std::optional<Word> obstacle(const Observed& observed) {
  if (!observed.design) return problem(observed.design.error().reason, observed.design.error().message);
  if (observed.answer && observed.quota != nullptr) {
    const auto why = observed.answer->limit ? sandbox::reason::quotaExceeded : sandbox::reason::queued;
    return problem(why, quota::explain(*observed.quota, observed.answer));
  }
  if (!observed.failure) return std::nullopt;
  const auto known = sandbox::diagnoseCreateFailure(*observed.failure, observed.design->runtimeClassName);
  return known ? std::optional(problem(known->reason, known->message)) : std::nullopt;
}

Word inTrouble(const Observed& observed, const Trouble& trouble) {
  const std::string pod = "Pod " + trouble.pod->metadata.name + ": ";
  const api::Condition* before = present(observed, condition::ready);
  // What is tried again words each failure differently: keep the text that is there.
  const bool same =
      before != nullptr && before->reason == trouble.diagnosis.reason && before->message.starts_with(pod);
  return problem(trouble.diagnosis.reason, same ? before->message : pod + trouble.diagnosis.message);
}

// It was full, and does nothing but put new pods in the place of those that were taken.
bool isQuietRefill(const Observed& observed, const View& at, Time now) {
  const api::Condition* before = present(observed, condition::ready);
  return before != nullptr && before->status == "True" &&
         before->observedGeneration == observed.pool->metadata.generation && !at.trouble &&
         std::ranges::all_of(at.members, [&](const Member& member) {
           return member.standing == Standing::Ready || now - member.born < quietRefill;
         });
}

int outdated(const View& at) {
  return at.present() - at.updated;
}

Word readiness(const Observed& observed, const View& at, Time now) {
  const std::optional<Word> obstacle = pool::obstacle(observed);
  if (obstacle && !observed.pool->unreadable.empty()) return *obstacle;
  const bool rolls = observed.pool->spec.updateStrategy.type != api::PoolUpdate::Recreate;
  const bool updates = observed.design && outdated(at) > 0 && rolls;
  const int wanted = updates ? at.target - at.mostUnavailable : at.target;
  if (at.ready >= wanted || (!obstacle && isQuietRefill(observed, at, now))) {
    return {"True", reason::filled, "Enough pods are ready to be taken."};
  }
  if (obstacle) return *obstacle;
  if (at.trouble) return inTrouble(observed, *at.trouble);
  // Another pod is tried in the place of the one that the condition tells of: that is no news yet.
  const api::Condition* before = present(observed, condition::ready);
  if (at.failing && before != nullptr && before->status == "False") {
    return {"False", before->reason, before->message};
  }
  return {"False", reason::filling, "Pods are being made and started."};
}

Word progress(const Observed& observed, const View& at, const Word& readiness) {
  if (auto obstacle = pool::obstacle(observed)) return *obstacle;
  if (at.failing) {
    return problem(reason::progressDeadlineExceeded,
                   "Pods as the template says now do not become Ready within spec.progressDeadline; those of "
                   "before are kept. Correct the template, or what keeps the pods from starting.");
  }
  if (outdated(at) > 0)
    return {"True", reason::updating, "Pods as the template was before are being replaced."};
  if (readiness.status == "True") return {"True", reason::upToDate, "All pods are as the template says now."};
  return {"True", reason::filling, "Pods are being made and started."};
}

bool isNews(const Observed& observed, std::string_view type, const Word& word) {
  const api::Condition* before = present(observed, type);
  return before == nullptr || before->reason != word.reason;
}

std::optional<sandbox::Report> reportOf(const Observed& observed, const Word& ready, const Word& progress) {
  for (const auto& [type, word] :
       {std::pair(condition::ready, &ready), std::pair(condition::progressing, &progress)}) {
    if (!word->problem || !isNews(observed, type, *word)) continue;
    return sandbox::Report{.warning = true, .reason = word->reason, .message = word->message};
  }
  const api::Condition* before = present(observed, condition::progressing);
  const bool updated =
      progress.reason == reason::upToDate && before != nullptr && before->reason == reason::updating;
  if (!updated) return std::nullopt;
  return sandbox::Report{.reason = reason::upToDate, .message = progress.message};
}

std::vector<api::Condition> conditionsOf(const Observed& observed, const Word& ready, const Word& progress,
                                         Time now) {
  runtime::Conditions conditions(observed.pool->status.conditions, observed.pool->metadata.generation, now);
  conditions.set(condition::ready, ready.status, ready.reason, ready.message);
  conditions.set(condition::progressing, progress.status, progress.reason, progress.message);
  if (observed.guarded) {
    conditions.set(condition::guarded, "True", reason::admissionPolicy,
                   "Only the operator can write what makes a pod the pool's.");
  } else {
    conditions.set(
        condition::guarded, "False", reason::noAdmissionPolicy,
        "Whoever may create or change pods in this namespace can slip one into the pool: install the "
        "chart's admission policy, or give that right to nobody who is not trusted.");
  }
  if (progress.status == "False") {
    conditions.set(condition::stalled, "True", progress.reason, "See the condition Progressing.");
  } else {
    conditions.remove(condition::stalled);
  }
  return conditions.take();
}

void setCounts(const View& at, api::SandboxPoolStatus& status) {
  status.replicas = at.present();
  status.readyReplicas = at.ready;
  status.updatedReplicas = at.updated;
  status.claimed = at.claimed;
}

// Of the pods that wait to be taken.
std::string selectorOf(const api::SandboxPool& pool) {
  return std::string(api::poolLabel) + "=" + pool.metadata.name + "," + std::string(api::sandboxLabel) + "=";
}

}  // namespace

Account account(const Observed& observed, const View& at, Time now) {
  if (observed.pool == nullptr || observed.pool->metadata.deletionTimestamp) return {};
  // A failure that passes by itself is nobody's news.
  if (observed.failure && !obstacle(observed)) return {};
  const Word ready = readiness(observed, at, now);
  const Word progress = pool::progress(observed, at, ready);
  Account out;
  out.report = reportOf(observed, ready, progress);
  api::SandboxPoolStatus next = observed.pool->status;
  next.observedGeneration = observed.pool->metadata.generation;
  next.selector = selectorOf(*observed.pool);
  if (observed.design) next.revision = observed.design->revision;
  next.conditions = conditionsOf(observed, ready, progress, now);
  out.urgent = next != observed.pool->status;
  setCounts(at, next);
  if (next != observed.pool->status) out.status = std::move(next);
  return out;
}

}  // namespace cloister::pool
