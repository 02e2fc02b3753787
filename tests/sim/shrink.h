// The smallest script that still fails in the same way.
#pragma once

#include <functional>

#include "tests/sim/script.h"

namespace cloister::sim {

// FAILS says whether a script does. Leaves out steps, and all that is unusual in the setup.
Script shrink(Script script, const std::function<bool(const Script&)>& fails);

}  // namespace cloister::sim
