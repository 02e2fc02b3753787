// What must be so of a pod.
#include "tests/generated/oracles.h"

namespace cloister::generated {
namespace {

using json::find;
using json::findString;
using json::object;
using json::value;

// TEXT without what is different for each Sandbox.
std::string anonymous(std::string text, const View& view) {
  for (const std::string& name :
       {view.pod ? findString(*view.pod, "metadata.name") : "", findString(*view.sandbox, "status.nodeName"),
        findString(*view.sandbox, "metadata.name")}) {
    if (name.empty()) continue;
    for (size_t at = 0; (at = text.find(name, at)) != std::string::npos; ++at)
      text.replace(at, name.size(), "$");
  }
  return text;
}

value conditionsOf(const value& sandbox, const std::vector<std::string_view>& types) {
  object out;
  for (std::string_view type : types) {
    const value* found = findCondition(sandbox, type);
    if (found == nullptr) continue;
    out[type] = object{{"status", findString(*found, "status")},
                       {"reason", findString(*found, "reason")},
                       {"message", findString(*found, "message")}};
  }
  return out;
}

// A pod as its Sandbox made it: without the scheduler's and the server's word. Its DNS is that of its first
// network: it cannot be changed (docs/reliability.md).
value podEssence(const value& pod) {
  object spec = pod.at("spec").as_object();
  for (const char* field : {"nodeName", "dnsPolicy", "dnsConfig"}) spec.erase(field);
  object labels;
  if (const value* given = find(pod, "metadata.labels")) labels = given->as_object();
  const value* annotations = find(pod, "metadata.annotations");
  return {{"labels", std::move(labels)},
          {"annotations", annotations != nullptr ? *annotations : value(object())},
          {"spec", std::move(spec)}};
}

// Each of WANTED's members is in GIVEN; the server leaves out those that are empty.
bool contains(const value* given, const value* wanted) {
  if (wanted == nullptr || wanted->get_object().empty()) return true;
  if (given == nullptr) return false;
  return std::ranges::all_of(wanted->get_object(), [&](const auto& member) {
    const value* found = given->get_object().if_contains(member.key());
    return found != nullptr ? *found == member.value() : member.value() == value("");
  });
}

// Each of WANTED's items is in GIVEN; of objects, each of their members.
bool containsAll(const value* given, const value* wanted) {
  if (wanted == nullptr || wanted->get_array().empty()) return true;
  if (given == nullptr) return false;
  return std::ranges::all_of(wanted->get_array(), [&](const value& item) {
    return std::ranges::any_of(given->get_array(), [&](const value& one) {
      return item.is_object() ? contains(&one, &item) : one == item;
    });
  });
}

std::string textOf(const value* quantity) {
  if (quantity == nullptr) return {};
  return quantity->is_string() ? std::string(quantity->get_string()) : json::print(*quantity);
}

bool isLimit(const value& pod, const char* resource, const value* wanted) {
  const value* limit = find(pod, std::string("spec.containers.0.resources.limits.") + resource);
  return wanted == nullptr || parseMilli(textOf(limit)) == parseMilli(textOf(wanted));
}

std::string unreflectedNetwork(const View& view) {
  const value* network = find(view.spec, "network");
  if (network == nullptr) return view.policy ? "network" : "";
  const std::string mode = findString(*network, "egress.mode");
  const value* expose = find(*network, "expose");
  const bool exposes = expose != nullptr && !expose->get_array().empty();
  const bool opens = mode == "Internet" || mode == "Allow";
  if (!opens && !exposes) return view.policy ? "network" : "";
  if (!view.policy) return "network";
  const std::string policy = json::print(*view.policy);
  const auto missing = [&](const char* path, const char* field) {
    const value* list = find(*network, path);
    if (list == nullptr) return false;
    return std::ranges::any_of(list->get_array(), [&](const value& item) {
      const value& wanted = field == nullptr ? item : item.at(field);
      return !policy.contains(json::print(wanted));
    });
  };
  if (missing("egress.cidrs", nullptr)) return "network.egress.cidrs";
  if (missing("egress.ports", "port")) return "network.egress.ports";
  if (missing("expose", "port")) return "network.expose";
  return "";
}

}  // namespace

const value* findCondition(const value& object, std::string_view type) {
  const value* list = find(object, "status.conditions");
  if (list == nullptr || !list->is_array()) return nullptr;
  for (const value& one : list->get_array()) {
    if (findString(one, "type") == type) return &one;
  }
  return nullptr;
}

std::string conditionOf(const value& object, std::string_view type, std::string_view field) {
  const value* found = findCondition(object, type);
  return found != nullptr ? findString(*found, field) : std::string();
}

std::string unreflected(const View& view) {
  const value& spec = view.spec;
  const value& pod = *view.pod;
  const value& container = *find(pod, "spec.containers.0");
  for (const char* field : {"image", "imagePullPolicy", "workingDir"}) {
    const std::string wanted = findString(spec, field);
    if (!wanted.empty() && findString(container, field) != wanted) return field;
  }
  for (const char* field : {"command", "args"}) {
    const value* wanted = find(spec, field);
    if (wanted == nullptr || wanted->get_array().empty()) continue;
    if (const value* given = find(container, field); given == nullptr || *given != *wanted) return field;
  }
  if (!containsAll(find(container, "env"), find(spec, "env"))) return "env";
  for (const char* resource : {"cpu", "memory"}) {
    if (!isLimit(pod, resource, find(spec, std::string("resources.") + resource))) return resource;
  }
  for (const char* field : {"tolerations", "imagePullSecrets"}) {
    if (!containsAll(find(pod, std::string("spec.") + field), find(spec, field))) return field;
  }
  if (!contains(find(pod, "spec.nodeSelector"), find(spec, "nodeSelector"))) return "nodeSelector";
  for (const char* field : {"labels", "annotations"}) {
    const value* wanted = find(spec, std::string("podMetadata.") + field);
    if (!contains(find(pod, std::string("metadata.") + field), wanted)) return field;
  }
  if (findString(pod, "spec.priorityClassName") != findString(spec, "priorityClassName"))
    return "priorityClassName";
  const std::string runtime = findString(spec, "runtime");
  if (!runtime.empty() && findString(pod, "spec.runtimeClassName") != runtime) return "runtime";
  return unreflectedNetwork(view);
}

std::string unfenced(const View& view) {
  const value& pod = *view.pod;
  const object& labels = find(pod, "metadata.labels")->as_object();
  if (labels.at("cloister.dev/sandbox") != value(findString(*view.sandbox, "metadata.name")))
    return "metadata.labels[cloister.dev/sandbox]";
  if (labels.at("app.kubernetes.io/managed-by") != value("cloister-operator"))
    return "metadata.labels[app.kubernetes.io/managed-by]";
  const value* wanted = find(view.spec, "podMetadata.annotations");
  const value* given = find(pod, "metadata.annotations");
  if (wanted != nullptr && wanted->is_object() && given != nullptr) {
    for (const auto& [key, text] : wanted->get_object()) {
      const value* reached = key.starts_with("dev.gvisor.") ? given->get_object().if_contains(key) : nullptr;
      if (reached != nullptr && *reached == text) return "metadata.annotations[" + std::string(key) + "]";
    }
  }
  for (const char* field : {"hostNetwork", "hostPID", "hostIPC", "serviceAccountToken"}) {
    if (pod.at("spec").as_object().contains(field)) return std::string("spec.") + field;
  }
  const value* token = find(pod, "spec.automountServiceAccountToken");
  if (token == nullptr || *token != value(false)) return "spec.automountServiceAccountToken";
  const value* grows = find(pod, "spec.containers.0.securityContext.allowPrivilegeEscalation");
  const bool root = findString(view.spec, "securityProfile") == "Baseline";
  if (!root && (grows == nullptr || *grows != value(false))) return "allowPrivilegeEscalation";
  return "";
}

std::string essence(const View& view, bool whole) {
  object out{{"word", conditionsOf(*view.sandbox, {"Accepted"})}};
  if (whole) {
    out["conditions"] = conditionsOf(*view.sandbox, {"PodScheduled", "Ready", "NetworkFenced", "Stalled"});
    out["phase"] = findString(*view.sandbox, "status.phase");
    out["runtime"] = findString(*view.sandbox, "status.runtime");
    if (view.pod) out["pod"] = podEssence(*view.pod);
    if (view.policy) out["policy"] = view.policy->at("spec");
  }
  return anonymous(json::printSorted(out), view);
}

}  // namespace cloister::generated
