// What can become of a single call of a reconciler.
#pragma once

#include "tests/unit/operator/world.h"

namespace cloister::test {

enum class Mishap {
  Refused,
  LostAnswer,
  Silent,
  Conflict,
  Quota,
  ServerError,
  Throttled,
  CrashBefore,
  CrashAfter
};

inline constexpr Mishap mishaps[] = {Mishap::Refused,   Mishap::LostAnswer,  Mishap::Silent,
                                     Mishap::Conflict,  Mishap::Quota,       Mishap::ServerError,
                                     Mishap::Throttled, Mishap::CrashBefore, Mishap::CrashAfter};

std::string nameOf(Mishap mishap);

// The call that is the CALL-th from now on fails.
void arrange(World& world, Mishap mishap, size_t call);

}  // namespace cloister::test
