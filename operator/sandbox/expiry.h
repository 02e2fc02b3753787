// When a Sandbox's time is over. Pure functions of what the object says.
#pragma once

#include <optional>

#include "operator/sandbox/pause.h"

namespace cloister::sandbox {

// The earliest of: STARTED_AT plus the ttl and the time of STANDSTILL (once started, and while it runs or if
// it had run out before), spec.lifecycle.expiresAt, creation plus the maximal lifetime. What cannot be read
// keeps the expiry that it was given before.
Time expiryOf(const api::Sandbox& sandbox, const Resolved& resolved, std::optional<Time> startedAt,
              const Standstill& standstill);

}  // namespace cloister::sandbox
