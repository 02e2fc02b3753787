// A Sandbox's own spec and its template's, made one. Pure.
#pragma once

#include <string>
#include <vector>

#include "api/template.h"
#include "base/result.h"

namespace cloister::templates {

// What a Sandbox may set itself when its template does not say.
inline constexpr std::string_view defaultOverridable[] = {"env", "lifecycle", "podMetadata"};

// Names of the members of OWN that are set and fill gaps of, or replace, the template's: templateRef,
// poolRef, restoreFrom and desiredState are not among them.
std::vector<std::string> overrides(const api::SandboxSpec& own);

// The error names the member of OWN that FROM does not let a Sandbox set.
Result<void> checkOverrides(const api::SandboxSpec& own, const api::SandboxTemplateSpec& from);

// FROM's spec with what OWN sets in its place: env by variable; resources, lifecycle, network, workspace and
// podMetadata by member. What FROM does not let a Sandbox set has no effect.
api::SandboxSpec effective(const api::SandboxSpec& own, const api::SandboxTemplateSpec& from);

}  // namespace cloister::templates
