// Sandboxes that users write and pods that kubelets describe, and what the operator makes of them. The input
// is a Sandbox, and on the next line a pod of its. The CRD keeps most of such Sandboxes out; the operator
// must not depend on which CRD is installed.
#include "fuzz.h"
#include "operator/sandbox/plan.h"

using namespace cloister;
using fuzz::require;

namespace {

const Config config;
const Time now = *parseTime("2026-01-02T03:04:05Z");

// What the API server says of an object, whoever wrote it.
void identify(api::ObjectMeta& meta, std::string_view name) {
  meta.namespace_ = "team";
  meta.name = name;
  meta.uid = "uid-of-" + std::string(name);
  meta.creationTimestamp = now - std::chrono::minutes(1);
}

sandbox::Observed observe(const json::value& sandbox, const std::optional<json::value>& pod) {
  sandbox::Observed out;
  auto read = json::decode<api::Sandbox>(sandbox);
  if (!read) return out;
  identify(read->metadata, "a");
  out.sandbox = std::make_shared<const api::Sandbox>(*read);
  out.podConfirmedGone = true;
  if (!pod) return out;
  auto given = json::decode<api::Pod>(*pod);
  if (!given) return out;
  identify(given->metadata, "a-pod");
  given->metadata.ownerReferences = {{.apiVersion = {},
                                      .kind = {},
                                      .name = {},
                                      .uid = read->metadata.uid,
                                      .controller = true,
                                      .blockOwnerDeletion = {}}};
  out.pods = {std::make_shared<const api::Pod>(*given)};
  out.podConfirmedGone = false;
  return out;
}

// A status is written once: read back, nothing is left to say.
void staysSaid(sandbox::Observed observed, const api::SandboxStatus& status) {
  const json::value written = json::encode(status);
  auto readBack = json::decode<api::SandboxStatus>(written);
  require(readBack.has_value(), "a status reads back: " + json::print(written));
  api::Sandbox next = *observed.sandbox;
  next.status = *readBack;
  observed.sandbox = std::make_shared<const api::Sandbox>(next);
  const auto again = sandbox::plan(observed, config, now);
  if (again.status)
    require(false, json::print(written) + " and then " + json::print(json::encode(*again.status)));
}

// Whatever was asked for, a pod is one of this Sandbox under a runtime that isolates.
void isFenced(const json::value& pod) {
  const std::string text = json::print(pod);
  const auto says = [&](std::string_view path, const json::value& wanted) {
    const json::value* found = json::find(pod, path);
    require(found != nullptr && *found == wanted, std::string(path) + " in " + text);
  };
  const std::string runtime = json::findString(pod, "spec.runtimeClassName");
  require(runtime == "gvisor" || runtime == "kata", "an isolating runtime: " + text);
  says("spec.automountServiceAccountToken", false);
  says("spec.securityContext.runAsNonRoot", true);
  says("spec.containers.0.securityContext.privileged", false);
  says("spec.containers.0.securityContext.allowPrivilegeEscalation", false);
  for (const char* shared : {"spec.hostNetwork", "spec.hostPID", "spec.hostIPC", "spec.serviceAccountName"}) {
    require(json::find(pod, shared) == nullptr, std::string(shared) + " in " + text);
  }
  const auto& labels = pod.at("metadata").at("labels").get_object();
  const json::value* label = labels.if_contains(api::sandboxLabel);
  require(label != nullptr && *label == "a", "the label of its Sandbox: " + text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto lines = fuzz::split(fuzz::textOf(data, size), "\n", 2);
  const auto sandbox = json::parse(lines[0]);
  if (!sandbox) return 0;
  const auto pod = lines.size() == 2 ? json::parse(lines[1]) : json::value();
  const auto observed = observe(*sandbox, pod ? std::optional(*pod) : std::nullopt);
  if (observed.sandbox == nullptr) return 0;
  (void)sandbox::questions(observed, now);
  const auto plan = sandbox::plan(observed, config, now);
  for (const auto& action : plan.actions) {
    if (const auto* create = std::get_if<sandbox::CreatePod>(&action)) isFenced(create->pod);
  }
  if (plan.status) staysSaid(observed, *plan.status);
  return 0;
}
