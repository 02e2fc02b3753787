// The pod that a pool makes now. Pure.
#pragma once

#include <expected>
#include <string>

#include "api/pool.h"
#include "api/template.h"
#include "operator/policy/profile.h"
#include "operator/sandbox/resolve.h"

namespace cloister::pool {

struct Design {
  json::value pod;       // whole but for its name
  std::string shape;     // sandbox::shapeOf it
  std::string revision;  // the ControllerRevision of what the template says now
  policy::NetworkProfile profile;
  std::string runtimeClassName;
};

// What POOL makes of TEMPLATE, which may be null; or why it makes none.
std::expected<Design, sandbox::Refusal> designOf(const api::SandboxPool& pool,
                                                 const api::SandboxTemplate* template_, const Config& config);

// POOL-xxxxxxxx-, where the x come from the pool's uid; a number follows. Two operators that both believe
// they lead make pods of the same names.
std::string slotPrefix(const api::SandboxPool& pool);

// What DESIGN's pod may use.
api::ContainerLimits limitsOf(const Design& design);

// DESIGN's pod, to be created under NAME.
json::value podNamed(const Design& design, const std::string& name);

}  // namespace cloister::pool
