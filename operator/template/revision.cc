#include "operator/template/revision.h"

#include "base/hash.h"
#include "operator/owner.h"

namespace cloister::templates {
namespace {

std::string nameOf(const std::string& name, const std::string& uid, const api::SandboxTemplateSpec& spec) {
  return name + "-" + shortHash(uid + json::printSorted(json::encode(spec)), 10);
}

}  // namespace

std::string revisionName(const api::SandboxTemplate& from) {
  return nameOf(from.metadata.name, from.metadata.uid, from.spec);
}

json::value revisionOf(const api::SandboxTemplate& from) {
  return {
      {"apiVersion", "apps/v1"},
      {"kind", "ControllerRevision"},
      {"metadata",
       {{"name", revisionName(from)},
        {"namespace", from.metadata.namespace_},
        {"labels", {{api::managedByLabel, api::managedBy}}},
        {"ownerReferences", json::array{json::encode(ownerReference(from.metadata, "SandboxTemplate"))}}}},
      {"data", json::encode(from.spec)},
      {"revision", from.metadata.generation}};
}

bool isIntact(const api::ControllerRevision& revision) {
  const api::OwnerReference* owner = api::controllerOf(revision.metadata);
  return owner != nullptr && revision.metadata.name == nameOf(owner->name, owner->uid, revision.data);
}

}  // namespace cloister::templates
