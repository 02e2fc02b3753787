// What the API server itself has of a Sandbox that is suspended, or is to be: asked where the stores could
// mislead, and its memory be lost.
#pragma once

#include "operator/sandbox/reconciler.h"

namespace cloister::sandbox {

// Answers the questions of ASK that are about that.
Task<Result<void>> confirmSuspension(Parts& parts, Questions ask, Observed& seen);

}  // namespace cloister::sandbox
