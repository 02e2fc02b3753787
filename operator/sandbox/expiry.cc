#include "operator/sandbox/expiry.h"

namespace cloister::sandbox {

Time expiryOf(const api::Sandbox& sandbox, const Resolved& resolved, std::optional<Time> startedAt,
              const Standstill& standstill) {
  if (!sandbox.unreadable.empty() && sandbox.status.expiresAt) return *sandbox.status.expiresAt;
  Time expiry = sandbox.metadata.creationTimestamp + resolved.maxLifetime;
  if (startedAt && !standstill.since) expiry = std::min(expiry, *startedAt + resolved.ttl + standstill.total);
  if (sandbox.spec.lifecycle.expiresAt) expiry = std::min(expiry, *sandbox.spec.lifecycle.expiresAt);
  return expiry;
}

}  // namespace cloister::sandbox
