#include "operator/pool/design.h"

#include "base/hash.h"
#include "operator/owner.h"
#include "operator/sandbox/pod.h"
#include "operator/sandbox/reasons.h"
#include "operator/template/revision.h"

namespace cloister::pool {
namespace {

using sandbox::Refusal;

Refusal unreadable(const std::string& what, const std::string& why) {
  return {sandbox::reason::unreadable, "This version cannot read " + what + ": " + why + ". Correct it."};
}

sandbox::PodIdentity identityIn(const api::SandboxPool& pool, const std::string& revision) {
  return {.name = {},
          .namespace_ = pool.metadata.namespace_,
          .owner = ownerReference(pool.metadata, "SandboxPool"),
          .labels = {{std::string(api::sandboxLabel), ""},
                     {std::string(api::poolLabel), pool.metadata.name},
                     {std::string(api::revisionLabel), revision}}};
}

bool holds(const api::SandboxPool& pool) {
  return pool.spec.hold.value_or(false);
}

// Where its node's agent can hold it.
void makeHeld(const SnapshotsConfig& config, json::value& pod) {
  sandbox::annotate(pod, api::holdAnnotation, "true");
  sandbox::selectNodes(config.nodeSelector, pod);
}

}  // namespace

std::expected<Design, Refusal> designOf(const api::SandboxPool& pool, const api::SandboxTemplate* template_,
                                        const Config& config) {
  if (!pool.unreadable.empty()) return std::unexpected(unreadable("the object", pool.unreadable));
  const std::string name = "the SandboxTemplate " + pool.spec.templateRef.name;
  if (template_ == nullptr) {
    return std::unexpected(Refusal{sandbox::reason::templateNotFound,
                                   "There is no SandboxTemplate " + pool.spec.templateRef.name +
                                       " in this namespace: create it, or correct spec.templateRef."});
  }
  if (!template_->unreadable.empty()) return std::unexpected(unreadable(name, template_->unreadable));
  const api::SandboxSpec& spec = template_->spec.sandbox;
  const sandbox::Resolved resolved = sandbox::resolve(spec, config);
  if (resolved.refusal) {
    return std::unexpected(
        Refusal{resolved.refusal->reason, "In " + name + ": " + resolved.refusal->message});
  }
  if (!resolved.workspaceClass.empty()) {
    return std::unexpected(Refusal{sandbox::reason::unsupported,
                                   "In " + name +
                                       ": spec.workspace.storageClass: a pod that waits in a pool has no "
                                       "volume of its own; remove the field, or the pool"});
  }
  if (holds(pool) && !(config.snapshots.enabled && resolved.runtime == api::Runtime::gvisor)) {
    return std::unexpected(Refusal{
        sandbox::reason::unsupported,
        "spec.hold: only a cloister-node can hold a pod, and only under gvisor; ask the administrator to "
        "run cloister-node and set snapshots.enabled, or remove the field"});
  }
  Design out{.pod = {},
             .shape = {},
             .revision = templates::revisionName(*template_),
             .profile = policy::networkProfile(spec.network, config.network),
             .runtimeClassName = resolved.runtimeClassName};
  out.pod =
      sandbox::podFor(identityIn(pool, out.revision), spec, resolved, config.requests, out.profile.name);
  // What is compared with the Sandbox's own: that is not held.
  out.shape = sandbox::shapeOf(out.pod);
  if (holds(pool)) makeHeld(config.snapshots, out.pod);
  sandbox::annotate(out.pod, api::shapeAnnotation, out.shape);
  return out;
}

std::string slotPrefix(const api::SandboxPool& pool) {
  return pool.metadata.name + "-" + shortHash(pool.metadata.uid, 8) + "-";
}

api::ContainerLimits limitsOf(const Design& design) {
  return json::decode<api::PodSpec>(design.pod.at("spec"))->containers;
}

json::value podNamed(const Design& design, const std::string& name) {
  json::value pod = design.pod;
  pod.at("metadata").as_object()["name"] = name;
  return pod;
}

}  // namespace cloister::pool
