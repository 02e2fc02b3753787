// The volume of a workspace that outlives its pods. Pure.
#pragma once

#include <string>

#include "operator/sandbox/resolve.h"

namespace cloister::sandbox {

// The PersistentVolumeClaim's: as podName() of the first pod.
std::string volumeName(const api::Sandbox& sandbox);

// The PersistentVolumeClaim, to be created: of the class and size in RESOLVED, and the Sandbox's, with which
// it goes.
json::value volumeFor(const api::Sandbox& sandbox, const Resolved& resolved);

// CLAIM, as the API server has it, is the Sandbox's of that UID.
bool isVolumeOf(const std::string& uid, const json::value& claim);

}  // namespace cloister::sandbox
