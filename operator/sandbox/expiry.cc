#include "operator/sandbox/expiry.h"

#include "operator/sandbox/overtime.h"

namespace cloister::sandbox {
namespace {

// The ttl, which ended at END, was over when the sandbox was stopped, SINCE: it stays so, also for who is to
// be deleted by now.
bool hasRunOut(const api::Sandbox& sandbox, Time end, Time since) {
  const api::SandboxStatus& status = sandbox.status;
  const bool told = status.expiresAt && status.pausedAt && *status.expiresAt <= *status.pausedAt;
  return (isKept(sandbox.spec) || told) && since >= std::chrono::floor<seconds>(end);
}

}  // namespace

Time expiryOf(const api::Sandbox& sandbox, const Resolved& resolved, std::optional<Time> startedAt,
              const Standstill& standstill) {
  if (!sandbox.unreadable.empty() && sandbox.status.expiresAt) return *sandbox.status.expiresAt;
  Time expiry = sandbox.metadata.creationTimestamp + resolved.maxLifetime;
  if (startedAt) {
    const Time end = *startedAt + resolved.ttl + standstill.total;
    if (!standstill.since || hasRunOut(sandbox, end, *standstill.since)) expiry = std::min(expiry, end);
  }
  if (sandbox.spec.lifecycle.expiresAt) expiry = std::min(expiry, *sandbox.spec.lifecycle.expiresAt);
  return expiry;
}

}  // namespace cloister::sandbox
