// The reasons that a SandboxQuota's conditions carry besides those of operator/sandbox/reasons.h.
#pragma once

#include <array>
#include <string_view>

namespace cloister::quota {

namespace condition {
inline constexpr std::string_view ready = "Ready";      // the limits are in force
inline constexpr std::string_view guarded = "Guarded";  // ResourceQuotas stand behind it
}  // namespace condition

namespace reason {
// Ready
inline constexpr std::string_view inForce = "InForce";
// Guarded
inline constexpr std::string_view resourceQuotas = "ResourceQuotas";
inline constexpr std::string_view noPriorityClass = "NoPriorityClass";
inline constexpr std::string_view guardFailed = "GuardFailed";

inline constexpr std::array all{inForce, resourceQuotas, noPriorityClass, guardFailed};
}  // namespace reason

}  // namespace cloister::quota
