// A pod that was to begin from its template's golden snapshot and cannot: another one starts without it,
// once. Pure.
#pragma once

#include "operator/sandbox/situation.h"

namespace cloister::sandbox {

// AT's pod is to begin from a golden snapshot, and its container ended before it ran, or cannot get its
// image.
bool couldNotBegin(const Situation& at);

// ... and AT's status says so: it goes, if it has not begun after all.
bool isToldNotToBegin(const Situation& at);

}  // namespace cloister::sandbox
