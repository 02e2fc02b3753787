#include "operator/sandbox/gate.h"

#include "operator/quota/gate.h"
#include "operator/sandbox/reasons.h"

namespace cloister::sandbox {

std::optional<quota::Request> requestOf(const Observed& observed, const Start& start,
                                        const Resolved& resolved) {
  if (observed.quota == nullptr) return std::nullopt;
  quota::Request request{.pod = {}, .need = {}, .restart = api::podNumber(observed.sandbox->status)};
  if (start.way == Start::Way::Cold) {
    request.pod = podName(*observed.sandbox);
    request.need = {.pods = 1, .limits = limitsOf(resolved)};
  } else if (start.way != Start::Way::Adopt) {
    return std::nullopt;
  }
  if (!quota::countsForSandbox(*observed.quota, request)) return std::nullopt;
  return request;
}

std::optional<quota::Request> requestGranted(const Observed& observed) {
  if (observed.quota == nullptr) return std::nullopt;
  const auto number = api::podNumber(observed.sandbox->status);
  for (const api::QuotaGrant& grant : observed.quota->status.grants) {
    if (grant.uid == observed.sandbox->metadata.uid && grant.restart == number && !api::isWithdrawn(grant)) {
      return quota::Request{.pod = grant.pod, .need = quota::amountOf(grant), .restart = grant.restart};
    }
  }
  return std::nullopt;
}

bool isShut(const Observed& observed, const quota::Request& request) {
  return !quota::isGranted(*observed.quota, observed.sandbox->metadata.uid, request);
}

Diagnosis diagnoseQueue(const Observed& observed) {
  const std::optional<quota::Answer>& answer = observed.answer;
  const bool tooSmall = answer && answer->tooSmall;
  Diagnosis out{.phase = api::Phase::Queued,
                .reason = tooSmall ? reason::quotaTooSmall : reason::queued,
                .message = quota::explain(*observed.quota, answer),
                .problem = tooSmall};
  if (answer && answer->position > 0) out.queuePosition = answer->position;
  return out;
}

bool isToldByAnother(const Observed& observed, const Diagnosis& diagnosis) {
  const api::Sandbox& sandbox = *observed.sandbox;
  if (sandbox.status.phase != api::Phase::Queued) return false;
  // By that one's clock the restart was due, and by this one's it is not: told in turn, it would never end.
  if (diagnosis.reason == reason::restarting)
    return sandbox.status.observedGeneration == sandbox.metadata.generation;
  return diagnosis.phase == api::Phase::Queued && !observed.answer;
}

std::optional<Duration> quotaLifetime(const Observed& observed) {
  const api::SandboxStatus& status = observed.sandbox->status;
  if (status.startedAt) return status.maxLifetime;
  if (observed.quota == nullptr || !observed.quota->unreadable.empty()) return std::nullopt;
  return observed.quota->spec.maxLifetime;
}

}  // namespace cloister::sandbox
