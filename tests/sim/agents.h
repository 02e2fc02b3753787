// What the agents of simulated nodes decide: as node/agent/start.cc does, on what the API server has.
#pragma once

#include "node/protocol.h"
#include "tests/support/apiserver/api_server.h"

namespace cloister::sim {

struct Asker {
  bool isRoot = false;       // the pod's root container
  bool rootStarted = false;  // ... was started, and not restored
};

// What POD's container is told when it asks at STAGE, with the snapshots that are Ready on its node there.
// None: something that has to be known can't be read.
std::optional<node::StartAnswer> answerOf(const test::ApiServer& server, const json::value& pod,
                                          node::StartStage stage, Asker asker = {});

}  // namespace cloister::sim
