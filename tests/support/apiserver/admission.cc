#include "tests/support/apiserver/admission.h"

#include <algorithm>

#include "base/quantity.h"
#include "tests/support/apiserver/api_server.h"

namespace cloister::test {
namespace {

constexpr std::string_view limits = "limits.";

net::Response forbidden(const json::value& pod, const std::string& why) {
  return refusal(403, "Forbidden",
                 "pods \"" + json::findString(pod, "metadata.name") + "\" is forbidden: " + why);
}

// QUOTA counts pods of some PriorityClasses alone, and POD is of none of them.
bool isOutOfScope(const json::value& quota, const json::value& pod) {
  const json::value* classes = json::find(quota, "spec.scopeSelector.matchExpressions.0.values");
  if (classes == nullptr) return false;
  const json::value own(json::findString(pod, "spec.priorityClassName"));
  return std::ranges::find(classes->as_array(), own) == classes->as_array().end();
}

// The names of the containers that do not limit RESOURCE.
std::string unlimited(const json::value& pod, std::string_view resource) {
  std::string names;
  for (const json::value& container : pod.at("spec").at("containers").as_array()) {
    const json::value* given = json::find(container, "resources.limits");
    if (given != nullptr && given->as_object().contains(resource)) continue;
    names += (names.empty() ? "" : ",") + json::findString(container, "name");
  }
  return names;
}

// Of "pods" or "limits.X", in thousandths.
int64_t use(const json::value& pod, std::string_view resource) {
  if (!resource.starts_with(limits)) return 1000;
  int64_t sum = 0;
  for (const json::value& container : pod.at("spec").at("containers").as_array()) {
    const json::value* given = json::find(container, "resources.limits");
    if (given != nullptr)
      sum += parseMilli(json::findString(*given, resource.substr(limits.size()))).value_or(0);
  }
  return sum;
}

// By pods that have not ended.
int64_t used(const Storage& storage, const json::value& quota, const std::string& namespace_,
             std::string_view resource) {
  int64_t sum = 0;
  for (const Object& pod : storage.list("pods", namespace_)) {
    const std::string phase = json::findString(pod->json, "status.phase");
    const bool counts = phase != "Succeeded" && phase != "Failed" && !isOutOfScope(quota, pod->json);
    if (counts) sum += use(pod->json, resource);
  }
  return sum;
}

std::string inUnits(int64_t milli) {
  return std::to_string(milli / 1000);
}

std::optional<std::string> overQuota(const Storage& storage, const json::value& quota,
                                     const std::string& namespace_, const json::value& pod) {
  if (isOutOfScope(quota, pod)) return std::nullopt;
  const std::string name = json::findString(quota, "metadata.name");
  for (const auto& [key, most] : quota.at("spec").at("hard").as_object()) {
    const std::string resource(key);
    if (resource != "pods" && !resource.starts_with(limits)) continue;
    if (resource != "pods") {
      const std::string lacking = unlimited(pod, resource.substr(limits.size()));
      if (!lacking.empty())
        return "failed quota: " + name + ": must specify " + resource + " for: " + lacking;
    }
    const std::string text(most.as_string());
    const int64_t before = used(storage, quota, namespace_, resource);
    const int64_t more = use(pod, resource);
    if (before + more > parseMilli(text)) {
      return "exceeded quota: " + name + ", requested: " + resource + "=" + inUnits(more) +
             ", used: " + resource + "=" + inUnits(before) + ", limited: " + resource + "=" + text;
    }
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
