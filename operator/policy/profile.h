// NetworkPolicies: one permanent default-deny per namespace, and one per distinct network profile that only
// adds.
#pragma once

#include <string>
#include <vector>

#include "api/sandbox.h"
#include "operator/config.h"

namespace cloister::policy {

inline constexpr std::string_view defaultDenyName = "cloister-default-deny";

struct NetworkProfile {
  std::string
      name;  // the value of the pods' network label; empty: default-deny says it all, no policy is needed
  json::object spec;  // a NetworkPolicy's spec
};

// The profile's name is a hash of its rules, so equal wishes share a policy and a changed one is another
// policy.
NetworkProfile networkProfile(const api::SandboxNetwork& network, const NetworkConfig& config);

// The name of a profile's NetworkPolicy object.
std::string policyName(std::string_view profile);

json::object defaultDenySpec();

// A NetworkPolicy that is not there yet.
struct CreatePolicy {
  std::string namespace_;
  std::string name;
  json::object spec;
};
// Those that the pods of PROFILE in NAMESPACE rely on and that are not among PRESENT, the names of the
// policies there: default-deny first.
std::vector<CreatePolicy> missing(const std::string& namespace_, const NetworkProfile& profile,
                                  const std::vector<std::string>& present);

// True when SPEC, as read back, is what the policy NAME should hold: a profile's name is the hash of its
// rules.
bool isIntact(std::string_view name, const json::object& spec);

// A whole NetworkPolicy, to be created.
json::value networkPolicy(std::string_view namespace_, std::string_view name, const json::object& spec);

}  // namespace cloister::policy
