// The condition GoldenReady of a SandboxTemplate, and the reasons that it carries besides Unsupported
// (operator/sandbox/reasons.h). Documented in docs/conditions.md; a test holds the two together.
#pragma once

#include <array>
#include <string_view>

namespace cloister::templates {

namespace condition {
inline constexpr std::string_view goldenReady = "GoldenReady";  // Sandboxes begin from a golden snapshot
}  // namespace condition

namespace reason {
inline constexpr std::string_view golden = "Golden";
inline constexpr std::string_view building = "Building";
inline constexpr std::string_view builderFailed = "BuilderFailed";
inline constexpr std::string_view snapshotFailed = "SnapshotFailed";
inline constexpr std::array all{golden, building, builderFailed, snapshotFailed};
}  // namespace reason

}  // namespace cloister::templates
