#include "operator/quota/gate.h"

namespace cloister::quota {
namespace {

bool countsStarts(const api::SandboxQuotaSpec& spec) {
  return spec.creationsPerMinute || spec.sandboxHoursPerDay;
}

}  // namespace

bool countsForSandbox(const api::SandboxQuota& quota, const Request& request) {
  if (!quota.unreadable.empty() || countsStarts(quota.spec)) return true;
  return !request.pod.empty() && boundsRoom(quota.spec);
}

bool countsForPool(const api::SandboxQuota& quota) {
  return !quota.unreadable.empty() || boundsRoom(quota.spec);
}

bool covers(const api::QuotaGrant& grant, const Request& request) {
  if (grant.restart != request.restart || api::isWithdrawn(grant)) return false;
  if (request.pod.empty()) return true;
  const Amount granted = amountOf(grant);
  return grant.pod == request.pod && granted.limits.cpuMilli >= request.need.limits.cpuMilli &&
         granted.limits.memoryBytes >= request.need.limits.memoryBytes &&
         granted.limits.diskBytes >= request.need.limits.diskBytes;
}

bool isGranted(const api::SandboxQuota& quota, const std::string& uid, const Request& request) {
  return std::ranges::any_of(quota.status.grants, [&](const api::QuotaGrant& grant) {
    return grant.uid == uid && covers(grant, request);
  });
}

bool holdsGrant(const api::SandboxQuota& quota, const std::string& uid) {
  return std::ranges::find(quota.status.grants, uid, &api::QuotaGrant::uid) != quota.status.grants.end();
}

std::string explain(const api::SandboxQuota& quota, const std::optional<Answer>& answer) {
  if (!quota.unreadable.empty()) {
    return "This version cannot read the namespace's SandboxQuota: " + quota.unreadable +
           ". Nothing new starts until it is corrected.";
  }
  if (!answer) return "The namespace's SandboxQuota has not answered yet.";
  if (!answer->limit) return "Sandboxes that wait come first.";
  const std::string limit = nameOf(*answer->limit) + ": " + valueOf(*answer->limit, quota.spec);
  if (answer->tooSmall) {
    return "It needs more than the namespace's SandboxQuota allows in all (" + limit +
           "). Ask for less, or have the quota raised.";
  }
  if (*answer->limit == Limit::Creations)
    return "The namespace's SandboxQuota lets no more start in a minute (" + limit + "). It comes in turn.";
  if (*answer->limit == Limit::Hours) {
    return "The hours that the namespace's SandboxQuota allows in a day are used up (" + limit +
           "). It starts after midnight UTC, or when the quota is raised.";
  }
  return "The namespace's SandboxQuota has no room for it, or for those that have waited longer (" + limit +
         "). It comes in turn: delete what is not needed, or have the quota raised.";
}

}  // namespace cloister::quota
