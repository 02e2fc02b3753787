// Whether a cluster is as its users want it.
#pragma once

#include "operator/config.h"
#include "tests/support/apiserver/api_server.h"

namespace cloister::sim {

// A look at one part of the cluster: what is not yet as users want it, or will not be at the time UNTIL, or
// was not at SINCE (none: clocks were set); or empty.
using Look = std::function<std::string(std::optional<Time> since, Time until)>;
// At all parts, in the order in which to tell of them.
std::vector<Look> looks(const test::ApiServer& server, const Config& config);

// The network policies of ours that no pod relies on, but those that stay.
std::vector<test::ObjectId> unusedPolicies(const test::ApiServer& server, const Config& config);

}  // namespace cloister::sim
