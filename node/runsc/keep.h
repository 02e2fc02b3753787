// The process that stays behind when a container's start was answered without starting it. It has the
// container's standard streams, which runsc takes from whoever starts it, waits for cloister-node's word, and
// then calls runsc.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "node/runsc/decide.h"
#include "node/runsc/held.h"

namespace cloister::node {

struct Keep {
  RunscConfig config;
  std::vector<std::string> args;  // that start the container
  Hold hold;
  Duration retryPeriod = seconds(1);
};

// Returns when the container runs and cloister-node has been told, or the sandbox has ended. Else it ends the
// sandbox itself, and the last words on standard error, which is the container's, are the reason.
void keep(const Keep& container);

// Makes a process of its own that does that, without the descriptors above standard error but LOCK's.
Result<void> stayBehind(const Keep& container, const Descriptor& lock);

}  // namespace cloister::node
