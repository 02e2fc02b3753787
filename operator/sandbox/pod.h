// The pod that a Sandbox runs in.
#pragma once

#include <string>

#include "operator/sandbox/resolve.h"

namespace cloister::sandbox {

inline constexpr std::string_view containerName = "sandbox";
inline constexpr std::string_view workspacePath = "/workspace";

// NAME-xxxxxxxx, where the x come from the Sandbox's uid: a new Sandbox never meets its deleted namesake's
// pod.
std::string podName(const api::Sandbox& sandbox);

// The whole pod, to be created: Pod Security `restricted` unless the profile says otherwise, no
// service-account token, no service links, a constant hostname, no probes and no restarts. PROFILE is the
// network profile's name, or empty.
json::value podFor(const api::Sandbox& sandbox, const Resolved& resolved, const RequestsConfig& requests,
                   std::string_view profile);

}  // namespace cloister::sandbox
