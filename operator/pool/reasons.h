// The reasons that a SandboxPool's conditions and events carry besides those of its pods
// (operator/sandbox/reasons.h).
#pragma once

#include <array>
#include <string_view>

namespace cloister::pool {

namespace condition {
inline constexpr std::string_view ready = "Ready";              // it holds as many ready pods as it should
inline constexpr std::string_view progressing = "Progressing";  // it gets there, or is there
inline constexpr std::string_view guarded = "Guarded";          // nobody can slip a pod into it
inline constexpr std::string_view stalled = "Stalled";          // kstatus: it will not get there by itself
}  // namespace condition

namespace reason {
// Ready
inline constexpr std::string_view filled = "Filled";
inline constexpr std::string_view filling = "Filling";
// Progressing
inline constexpr std::string_view updating = "Updating";
inline constexpr std::string_view upToDate = "UpToDate";
inline constexpr std::string_view progressDeadlineExceeded = "ProgressDeadlineExceeded";

// Guarded
inline constexpr std::string_view admissionPolicy = "AdmissionPolicy";
inline constexpr std::string_view noAdmissionPolicy = "NoAdmissionPolicy";

inline constexpr std::array all{
    filled, filling, updating, upToDate, progressDeadlineExceeded, admissionPolicy, noAdmissionPolicy};
}  // namespace reason

}  // namespace cloister::pool
