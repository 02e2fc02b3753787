#include "operator/sandbox/pod.h"

#include "base/hash.h"
#include "operator/owner.h"
#include "operator/sandbox/volume.h"

namespace cloister::sandbox {
namespace {

using json::array;
using json::object;
using json::value;

constexpr int64_t userId = 1000;
// What a sandbox gets to save its work on deletion.
constexpr int terminationGraceSeconds = 5;
// The kubelet counts blocks, gVisor bytes: without this margin it would evict a pod that is merely full.
constexpr int64_t emptyDirMargin = 16 << 20;

std::string milli(int64_t thousandths) {
  return std::to_string(thousandths) + "m";
}
std::string bytes(int64_t count) {
  return std::to_string(count);
}

struct Scratch {
  std::string_view volume;
  std::string_view path;
  int64_t size;
  std::string_view mountOptions;  // for gVisor's tmpfs
};

constexpr std::string_view workspaceVolume = "workspace";

bool outlivesPod(const Resolved& resolved) {
  return !resolved.workspaceClass.empty();
}

// What lives with the pod.
std::vector<Scratch> scratchVolumes(const Resolved& resolved) {
  std::vector<Scratch> volumes{{"tmp", "/tmp", resolved.tmpBytes, "mode=1777"}};
  if (outlivesPod(resolved)) return volumes;
  volumes.insert(volumes.begin(),
                 {workspaceVolume, workspacePath, resolved.workspaceBytes, "mode=0755,uid=1000,gid=1000"});
  return volumes;
}

// gVisor reads these: volumes live inside the sandbox with a hard size, and so do the changes to the root
// file system. Source: gvisor.dev/docs/user_guide (mount hints, rootfs overlay); the runtime handler must
// pass "dev.gvisor.*" on.
void addRuntimeAnnotations(const Resolved& resolved, object& annotations) {
  if (resolved.runtime != api::Runtime::gvisor) return;
  for (const Scratch& scratch : scratchVolumes(resolved)) {
    const std::string hint = "dev.gvisor.spec.mount." + std::string(scratch.volume) + ".";
    // Not tmpfs: that would be memory, and a full workspace would get the sandbox killed. With bind, gVisor
    // keeps its tmpfs in a file in the emptyDir. Source: UpdateVolumeAnnotations in gVisor's
    // pkg/shim/v1/utils/volumes.go.
    annotations[hint + "type"] = "bind";
    annotations[hint + "share"] = "container";
    annotations[hint + "options"] =
        "rw,size=" + bytes(scratch.size) + "," + std::string(scratch.mountOptions);
  }
  annotations["dev.gvisor.flag.overlay2"] = "root:self,size=" + bytes(resolved.diskBytes);
}

object metadataOf(const PodIdentity& identity, const Resolved& resolved, std::string_view profile) {
  object labels = json::encode(resolved.podMetadata.labels).as_object();
  labels[api::managedByLabel] = api::managedBy;
  for (const auto& [key, value] : identity.labels) labels[key] = value;
  labels.erase(api::networkLabel);
  if (!profile.empty()) labels[api::networkLabel] = profile;
  object annotations = json::encode(resolved.podMetadata.annotations).as_object();
  addRuntimeAnnotations(resolved, annotations);
  // What a snapshot calls it, whatever admission makes of it.
  if (resolved.runtime == api::Runtime::gvisor) annotations[api::imageAnnotation] = resolved.image;
  if (resolved.processes != 0) annotations[api::processesAnnotation] = std::to_string(resolved.processes);
  object meta{{"name", identity.name},
              {"namespace", identity.namespace_},
              {"labels", std::move(labels)},
              {"ownerReferences", array{json::encode(identity.owner)}}};
  if (!annotations.empty()) meta["annotations"] = std::move(annotations);
  return meta;
}

object podSecurity(const Resolved& resolved) {
  const bool root = resolved.securityProfile == api::SecurityProfile::Baseline;
  object context{{"runAsNonRoot", !root},
                 {"runAsUser", root ? 0 : userId},
                 {"runAsGroup", root ? 0 : userId},
                 {"seccompProfile", {{"type", "RuntimeDefault"}}}};
  if (!root) context["fsGroup"] = userId;
  // Otherwise each restart would touch all files of the volume.
  if (!root && outlivesPod(resolved)) context["fsGroupChangePolicy"] = "OnRootMismatch";
  return context;
}

object containerSecurity(api::SecurityProfile profile) {
  // Baseline keeps the runtime's default capabilities, without which a package manager cannot change owners.
  if (profile == api::SecurityProfile::Baseline) return {{"privileged", false}};
  return {{"allowPrivilegeEscalation", false}, {"privileged", false}, {"capabilities", {{"drop", {"ALL"}}}}};
}

// At least 1, and without overflow.
int64_t share(int64_t total, int percent) {
  return std::max<int64_t>(1, total / 100 * percent + total % 100 * percent / 100);
}

object resourcesOf(const Resolved& resolved, const RequestsConfig& requests) {
  const api::ContainerLimits limits = limitsOf(resolved);
  return {{"limits",
           {{"cpu", milli(limits.cpuMilli)},
            {"memory", bytes(limits.memoryBytes)},
            {"ephemeral-storage", bytes(limits.diskBytes)}}},
          {"requests",
           {{"cpu", milli(share(resolved.cpuMilli, requests.cpuPercent))},
            {"memory", bytes(share(resolved.memoryBytes, requests.memoryPercent))},
            // Sandboxes rarely fill their disks: reserving it all would leave nodes empty.
            {"ephemeral-storage", bytes(std::min<int64_t>(limits.diskBytes, emptyDirMargin))}}}};
}

array environment(const std::vector<api::EnvVar>& env) {
  array list;
  if (std::ranges::find(env, "HOME", &api::EnvVar::name) == env.end()) {
    list.push_back({{"name", "HOME"}, {"value", workspacePath}});
  }
  for (const api::EnvVar& var : env) list.push_back({{"name", var.name}, {"value", var.value}});
  return list;
}

object containerOf(const api::SandboxSpec& spec, const Resolved& resolved, const RequestsConfig& requests) {
  object container{
      {"name", containerName},
      {"image", resolved.image},
      {"workingDir", spec.workingDir.empty() ? workspacePath : std::string_view(spec.workingDir)},
      {"env", environment(spec.env)},
      {"resources", resourcesOf(resolved, requests)},
      {"securityContext", containerSecurity(resolved.securityProfile)},
      {"terminationMessagePolicy", "FallbackToLogsOnError"}};
  array mounts;
  for (const Scratch& scratch : scratchVolumes(resolved)) {
    mounts.push_back({{"name", scratch.volume}, {"mountPath", scratch.path}});
  }
  if (outlivesPod(resolved)) mounts.push_back({{"name", workspaceVolume}, {"mountPath", workspacePath}});
  container["volumeMounts"] = std::move(mounts);
  if (!resolved.command.empty()) container["command"] = json::encode(resolved.command);
  if (!resolved.args.empty()) container["args"] = json::encode(resolved.args);
  if (!spec.imagePullPolicy.empty()) container["imagePullPolicy"] = spec.imagePullPolicy;
  return container;
}

array volumesOf(const Resolved& resolved, const std::string& claim) {
  const int64_t margin = resolved.runtime == api::Runtime::gvisor ? emptyDirMargin : 0;
  array volumes;
  for (const Scratch& scratch : scratchVolumes(resolved)) {
    volumes.push_back(
        {{"name", scratch.volume}, {"emptyDir", {{"sizeLimit", bytes(scratch.size + margin)}}}});
  }
  if (outlivesPod(resolved))
    volumes.push_back({{"name", workspaceVolume}, {"persistentVolumeClaim", {{"claimName", claim}}}});
  return volumes;
}

// Without egress there is no name server to ask: an answer at once beats a time-out of 20 s for each look-up.
void setDns(const api::SandboxEgress& egress, object& spec) {
  if (egress.mode.value_or(api::EgressMode::None) != api::EgressMode::None) return;
  spec["dnsPolicy"] = "None";
  spec["dnsConfig"] = {{"nameservers", {"127.0.0.1"}}};
}

}  // namespace

std::string podName(const api::Sandbox& sandbox) {
  const auto number = api::podNumber(sandbox.status);
  const std::string which = number ? "/" + std::to_string(*number) : "";
  return sandbox.metadata.name + "-" + shortHash(sandbox.metadata.uid + which, 8);
}

api::ContainerLimits limitsOf(const Resolved& resolved) {
  api::ContainerLimits limits{
      .cpuMilli = resolved.cpuMilli, .memoryBytes = resolved.memoryBytes, .diskBytes = resolved.diskBytes};
  for (const Scratch& scratch : scratchVolumes(resolved)) limits.diskBytes += scratch.size + emptyDirMargin;
  return limits;
}

PodIdentity identityOf(const api::Sandbox& sandbox) {
  PodIdentity identity{.name = podName(sandbox),
                       .namespace_ = sandbox.metadata.namespace_,
                       .owner = ownerReference(sandbox.metadata, "Sandbox"),
                       .labels = {{std::string(api::sandboxLabel), sandbox.metadata.name}},
                       .volume = volumeName(sandbox)};
  if (const auto number = api::podNumber(sandbox.status))
    identity.labels[std::string(api::restartLabel)] = std::to_string(*number);
  return identity;
}

value podFor(const PodIdentity& identity, const api::SandboxSpec& wanted, const Resolved& resolved,
             const RequestsConfig& requests, std::string_view profile) {
  object spec{{"containers", array{containerOf(wanted, resolved, requests)}},
              {"volumes", volumesOf(resolved, identity.volume)},
              {"restartPolicy", "Never"},
              {"hostname", "sandbox"},
              {"automountServiceAccountToken", false},
              {"enableServiceLinks", false},
              {"terminationGracePeriodSeconds", terminationGraceSeconds},
              {"securityContext", podSecurity(resolved)}};
  if (!resolved.runtimeClassName.empty()) spec["runtimeClassName"] = resolved.runtimeClassName;
  if (!resolved.priorityClassName.empty()) spec["priorityClassName"] = resolved.priorityClassName;
  if (!resolved.nodeSelector.empty()) spec["nodeSelector"] = json::encode(resolved.nodeSelector);
  if (!resolved.tolerations.empty()) spec["tolerations"] = json::encode(resolved.tolerations);
  if (!resolved.imagePullSecrets.empty()) spec["imagePullSecrets"] = json::encode(resolved.imagePullSecrets);
  setDns(wanted.network.egress, spec);
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata", metadataOf(identity, resolved, profile)},
          {"spec", std::move(spec)}};
}

void annotate(value& pod, std::string_view key, std::string_view text) {
  value& annotations = pod.at("metadata").as_object()["annotations"];
  if (annotations.is_null()) annotations = object();
  annotations.as_object()[key] = text;
}

void selectNodes(const std::map<std::string, std::string>& labels, value& pod) {
  value& selector = pod.at("spec").as_object()["nodeSelector"];
  if (selector.is_null()) selector = object();
  for (const auto& [label, wanted] : labels) selector.as_object()[label] = wanted;
}

std::string shapeOf(value pod) {
  object& meta = pod.at("metadata").as_object();
  for (const char* field : {"name", "namespace", "ownerReferences"}) meta.erase(field);
  object& labels = meta.at("labels").as_object();
  for (auto label = labels.begin(); label != labels.end();) {
    label = label->key().starts_with("cloister.dev/") ? labels.erase(label) : label + 1;
  }
  for (const char* field : {"apiVersion", "kind"}) pod.as_object().erase(field);
  return shortHash(json::printSorted(pod), 10);
}

}  // namespace cloister::sandbox
