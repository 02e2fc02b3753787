// What a SandboxTemplate says at one time, as a ControllerRevision: sandboxes are pinned to one, so that an
// edit touches nothing that runs.
#pragma once

#include <string>

#include "api/template.h"

namespace cloister::templates {

// NAME-xxxxxxxxxx, where the x come from the template's uid and spec: of its present revision.
std::string revisionName(const api::SandboxTemplate& from);

// The present revision, to be created.
json::value revisionOf(const api::SandboxTemplate& from);

// Its data is what its name was made from: nobody has changed it.
bool isIntact(const api::ControllerRevision& revision);

}  // namespace cloister::templates
