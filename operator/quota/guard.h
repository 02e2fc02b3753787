// The ResourceQuotas that stand behind a SandboxQuota: the API server itself holds them, whatever the
// operator does. Pure.
#pragma once

#include <memory>
#include <variant>
#include <vector>

#include "api/quota.h"
#include "operator/config.h"

namespace cloister::quota {

inline constexpr std::string_view objectsGuard = "cloister-sandboxes";  // how many Sandboxes there are
inline constexpr std::string_view podsGuard = "cloister-sandbox-pods";  // what their pods use

struct CreateGuard {
  api::ResourceQuota guard;
};
struct RepairGuard {
  std::shared_ptr<const api::ResourceQuota> present;
  api::ResourceQuotaSpec spec;
};
struct RemoveGuard {
  std::shared_ptr<const api::ResourceQuota> present;
};
using GuardStep = std::variant<CreateGuard, RepairGuard, RemoveGuard>;

// What has to be done until PRESENT, ResourceQuotas of ours in the namespace, are those of QUOTA. Null: it is
// gone, and they are not left to the garbage collector, since they hold up who may start now.
std::vector<GuardStep> planGuards(const api::SandboxQuota* quota,
                                  const std::vector<std::shared_ptr<const api::ResourceQuota>>& present,
                                  const Config& config);

// QUOTA bounds pods, and the configuration tells no class by which sandboxes' pods could be known.
bool lacksPriorityClass(const api::SandboxQuota& quota, const Config& config);

}  // namespace cloister::quota
