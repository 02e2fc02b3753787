#include "operator/sandbox/situation.h"

#include "operator/sandbox/expiry.h"
#include "operator/sandbox/own.h"
#include "operator/sandbox/reasons.h"
#include "operator/sandbox/restart.h"
#include "operator/sandbox/restore.h"
#include "operator/sandbox/status.h"

namespace cloister::sandbox {
namespace {

std::optional<Refusal> refusalOfFrozen(const Observed& observed, const Completed& whole) {
  if (!observed.sandbox->unreadable.empty()) {
    return Refusal{reason::unreadable,
                   "This version cannot read the object: " + observed.sandbox->unreadable + ". Correct it."};
  }
  const std::string pinned = pinnedRevision(*observed.sandbox, ownPod(observed).get());
  if (!whole.lost || pinned.empty()) return std::nullopt;
  return Refusal{
      reason::templateNotFound,
      "The ControllerRevision \"" + pinned +
          "\", from which the sandbox was made, is gone: it goes on as it is, to status.expiresAt, and "
          "changes of its spec have no effect."};
}

// AT's of a Sandbox whose template's ttl and maximal lifetime are lost: what was told of them stays. Before
// the first start no ttl was part of that: then it is the Sandbox's own, or the default.
Time expiryWhenLost(const Situation& at) {
  const api::SandboxStatus& status = at.sandbox.status;
  if (!status.expiresAt) return at.expiresAt;
  if (status.startedAt || !at.startedAt) return *status.expiresAt;
  return std::min(*status.expiresAt, *at.startedAt + at.resolved.ttl);
}

}  // namespace

Situation situationOf(const Observed& observed, api::Sandbox& sandbox, const Config& config, Time now) {
  auto pod = ownPod(observed);
  Completed whole = complete(observed, pod.get());
  sandbox.spec = std::move(whole.spec);
  Situation at{.observed = observed,
               .sandbox = sandbox,
               .pod = std::move(pod),
               .resolved = resolve(sandbox.spec, config),
               .profile = policy::networkProfile(sandbox.spec.network, config.network),
               .startedAt = {},
               .standstill = {},
               .expiresAt = {}};
  if (whole.refusal) at.resolved.refusal = std::move(whole.refusal);
  at.frozen = whole.lost || !observed.sandbox->unreadable.empty();
  if (auto refusal = refusalOfFrozen(observed, whole)) at.resolved.refusal = std::move(refusal);
  at.startedAt = firstReady(sandbox, at.pod.get());
  at.quotaLifetime = quotaLifetime(observed);
  if (at.quotaLifetime) at.resolved.maxLifetime = std::min(at.resolved.maxLifetime, *at.quotaLifetime);
  at.standstill = standstillOf(sandbox.status, at.pod != nullptr && standsStill(*at.pod), now);
  at.expiresAt = expiryOf(sandbox, at.resolved, at.startedAt, at.standstill);
  if (whole.lost) at.expiresAt = expiryWhenLost(at);
  at.begun = hasBegun(sandbox.status) || (at.pod != nullptr && hasRun(sandbox, *at.pod));
  // A sandbox that once ran is not started again behind its owner's back: its memory and files are gone.
  const bool over = at.begun || hasEnded(sandbox.status);
  at.waits = at.pod == nullptr && isToRestart(sandbox) && !(observed.newest && mayRestart(observed, now));
  const bool begins = at.pod == nullptr && !at.resolved.refusal && !over && !at.waits;
  if (begins && sandbox.spec.restoreFrom)
    at.resolved.refusal = refuseRestore(sandbox.spec, observed.snapshot.get());
  if (begins && !at.resolved.refusal) {
    at.start = chooseStart(observed, sandbox.spec, at.resolved, config);
    at.request = requestOf(observed, *at.start, at.resolved);
  }
  return at;
}

}  // namespace cloister::sandbox
