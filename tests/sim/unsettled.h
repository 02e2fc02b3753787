// Whether a cluster is as its users want it.
#pragma once

#include "operator/config.h"
#include "tests/support/apiserver/api_server.h"

namespace cloister::sim {

// What is not yet as users want it, or will not be at the time UNTIL, or was not at SINCE (none: clocks were
// set); or empty.
std::string unsettled(const test::ApiServer& server, const Config& config, std::optional<Time> since,
                      Time until);

// The network policies of ours that no pod relies on, but those that stay.
std::vector<test::ObjectId> unusedPolicies(const test::ApiServer& server, const Config& config);

}  // namespace cloister::sim
