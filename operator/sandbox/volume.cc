#include "operator/sandbox/volume.h"

#include "base/hash.h"
#include "operator/owner.h"

namespace cloister::sandbox {

std::string volumeName(const api::Sandbox& sandbox) {
  return sandbox.metadata.name + "-" + shortHash(sandbox.metadata.uid, 8);
}

json::value volumeFor(const api::Sandbox& sandbox, const Resolved& resolved) {
  return {{"apiVersion", "v1"},
          {"kind", "PersistentVolumeClaim"},
          {"metadata",
           {{"name", volumeName(sandbox)},
            {"namespace", sandbox.metadata.namespace_},
            {"labels", {{api::managedByLabel, api::managedBy}, {api::sandboxLabel, sandbox.metadata.name}}},
            {"ownerReferences", json::array{json::encode(ownerReference(sandbox.metadata, "Sandbox"))}}}},
          {"spec",
           {{"accessModes", {"ReadWriteOnce"}},
            {"storageClassName", resolved.workspaceClass},
            {"resources", {{"requests", {{"storage", std::to_string(resolved.workspaceBytes)}}}}}}}};
}

bool isVolumeOf(const std::string& uid, const json::value& claim) {
  const json::value* owners = json::find(claim, "metadata.ownerReferences");
  return owners != nullptr && owners->is_array() &&
         std::ranges::any_of(owners->get_array(),
                             [&](const json::value& owner) { return json::findString(owner, "uid") == uid; });
}

}  // namespace cloister::sandbox
