#include "operator/sandbox/restore.h"

#include "operator/sandbox/reasons.h"

namespace cloister::sandbox {
namespace {

constexpr const char* requiredTerms = "requiredDuringSchedulingIgnoredDuringExecution";
constexpr const char* preferredTerms = "preferredDuringSchedulingIgnoredDuringExecution";

json::array withLabels(const std::map<std::string, std::string>& labels) {
  json::array out;
  for (const auto& [name, value] : labels)
    out.push_back({{"key", name}, {"operator", "In"}, {"values", {value}}});
  return out;
}

}  // namespace

std::optional<Refusal> refuseRestore(const api::SandboxSpec& spec, const api::SandboxSnapshot* snapshot,
                                     const api::SandboxPool* pool) {
  const std::string field = "spec.restoreFrom: ";
  if (pool != nullptr && !pool->spec.hold.value_or(false)) {
    return Refusal{reason::unsupported,
                   field + "the pods of the pool \"" + spec.poolRef->name +
                       "\" have begun already; remove the field or poolRef, or set hold in the pool"};
  }
  const std::string named = "SandboxSnapshot \"" + spec.restoreFrom->name + "\"";
  if (snapshot == nullptr) {
    return Refusal{reason::snapshotNotFound,
                   field + "the namespace has no " + named + "; create it, or name another one"};
  }
  if (pool != nullptr && api::isOfFiles(*snapshot)) {
    return Refusal{reason::unsupported,
                   field + "the " + named + " is of files alone, which no pod of the pool \"" +
                       spec.poolRef->name +
                       "\" can be given; name its template (templateRef) in place of poolRef"};
  }
  if (snapshot->metadata.deletionTimestamp) {
    return Refusal{reason::snapshotNotFound,
                   field + "the " + named + " is being deleted; create another one, or name it"};
  }
  const auto phase = snapshot->status.phase.value_or(api::SnapshotPhase::Pending);
  if (phase == api::SnapshotPhase::Failed) {
    return Refusal{reason::snapshotNotReady,
                   field + "the " + named + " has failed; its condition Ready tells why. Name another one"};
  }
  if (phase != api::SnapshotPhase::Ready || snapshot->status.nodeName.empty())
    return Refusal{reason::snapshotNotReady, field + "the " + named + " is not Ready yet; it is waited for"};
  return std::nullopt;
}

namespace {

// The very image that the saved one ran, whatever its name stands for by now. What says no name, or was
// started under one already, has that of the saved one: the operator's default may have changed since.
void pinImage(const api::SandboxSnapshotStatus& saved, bool keepsName, json::value& pod) {
  json::object& container = pod.at("spec").at("containers").at(0).as_object();
  const std::string name =
      keepsName && !saved.image.empty() ? saved.image : std::string(container.at("image").as_string());
  annotate(pod, api::imageAnnotation, name);
  container["image"] = saved.imageID;
  // It came from no registry: one that is asked for it would know another one by that name, if any.
  if (saved.imageID.starts_with("sha256:")) container["imagePullPolicy"] = "Never";
}

json::object onNodeOf(const api::SandboxSnapshot& snapshot) {
  json::object onNode{{"key", "metadata.name"}, {"operator", "In"}, {"values", {snapshot.status.nodeName}}};
  return {{"matchFields", json::array{std::move(onNode)}}};
}

json::object preferred(json::object term) {
  return {{preferredTerms, json::array{{{"weight", 100}, {"preference", std::move(term)}}}}};
}

}  // namespace

void restoreFrom(const api::Sandbox& sandbox, const api::SandboxSnapshot& snapshot,
                 const SnapshotsConfig& config, json::value& pod) {
  annotate(pod, api::restoreAnnotation, snapshot.metadata.name);
  const bool keepsName = sandbox.spec.image.empty() || !api::suspendedAs(sandbox).empty();
  if (!snapshot.status.imageID.empty()) pinImage(snapshot.status, keepsName, pod);
  json::object keeper = onNodeOf(snapshot);
  json::object affinity;
  if (!api::isStored(snapshot)) {
    affinity = {{requiredTerms, {{"nodeSelectorTerms", json::array{std::move(keeper)}}}}};
  } else {
    // Another node's agent has to fetch it first.
    affinity = preferred(std::move(keeper));
    if (auto labels = withLabels(config.nodeSelector); !labels.empty())
      affinity[requiredTerms] = {
          {"nodeSelectorTerms", json::array{{{"matchExpressions", std::move(labels)}}}}};
  }
  pod.as_object()["spec"].as_object()["affinity"] = {{"nodeAffinity", std::move(affinity)}};
}

void beginFrom(const api::SandboxSnapshot& snapshot, json::value& pod) {
  annotate(pod, api::restoreAnnotation, std::string(api::goldenPrefix) + snapshot.metadata.name);
  if (!snapshot.status.imageID.empty()) pinImage(snapshot.status, false, pod);
  pod.as_object()["spec"].as_object()["affinity"] = {{"nodeAffinity", preferred(onNodeOf(snapshot))}};
}

}  // namespace cloister::sandbox
