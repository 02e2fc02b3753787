#include "tests/support/apiserver/admission.h"

#include "base/quantity.h"
#include "tests/support/apiserver/api_server.h"

namespace cloister::test {
namespace {

net::Response forbidden(const json::value& pod, const std::string& why) {
  return refusal(403, "Forbidden",
                 "pods \"" + json::findString(pod, "metadata.name") + "\" is forbidden: " + why);
}

// Pods that have not ended.
int64_t livingPods(const Storage& storage, const std::string& namespace_) {
  return std::ranges::count_if(storage.list("pods", namespace_), [](const Object& pod) {
    const std::string phase = json::findString(pod->json, "status.phase");
    return phase != "Succeeded" && phase != "Failed";
  });
}

// The names of the containers that do not limit RESOURCE.
std::string unlimited(const json::value& pod, std::string_view resource) {
  std::string names;
  for (const json::value& container : pod.at("spec").at("containers").as_array()) {
    const json::value* limits = json::find(container, "resources.limits");
    if (limits != nullptr && limits->as_object().contains(resource)) continue;
    names += (names.empty() ? "" : ",") + json::findString(container, "name");
  }
  return names;
}

std::optional<std::string> overQuota(const Storage& storage, const json::value& quota,
                                     const std::string& namespace_, const json::value& pod) {
  constexpr std::string_view limits = "limits.";
  const std::string name = json::findString(quota, "metadata.name");
  for (const auto& [resource, most] : quota.at("spec").at("hard").as_object()) {
    const std::string text(most.as_string());
    if (resource == "pods" && livingPods(storage, namespace_) >= parseUnits(text)) {
      return "exceeded quota: " + name +
             ", requested: pods=1, used: pods=" + std::to_string(livingPods(storage, namespace_)) +
             ", limited: pods=" + text;
    }
    if (!std::string_view(resource).starts_with(limits)) continue;
    const std::string lacking = unlimited(pod, std::string_view(resource).substr(limits.size()));
    if (!lacking.empty())
      return "failed quota: " + name + ": must specify " + std::string(resource) + " for: " + lacking;
  }
  return std::nullopt;
}

}  // namespace

std::optional<net::Response> refusePod(const Storage& storage, const std::string& namespace_,
                                       const json::value& pod) {
  const std::string runtimeClass = json::findString(pod, "spec.runtimeClassName");
  if (!runtimeClass.empty() && !storage.get({"runtimeclasses", {"", runtimeClass}})) {
    return forbidden(pod, "pod rejected: RuntimeClass \"" + runtimeClass + "\" not found");
  }
  for (const Object& quota : storage.list("resourcequotas", namespace_)) {
    if (const auto why = overQuota(storage, quota->json, namespace_, pod)) return forbidden(pod, *why);
  }
  return std::nullopt;
}

}  // namespace cloister::test
