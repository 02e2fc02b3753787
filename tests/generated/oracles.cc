#include "tests/generated/oracles.h"

#include "api/sandbox.h"

namespace cloister::generated {
namespace {

using json::find;
using json::findString;
using json::object;
using json::value;

// Nothing that is generated lies between: what is to end soon does so within a test, the rest never.
constexpr Duration soon = seconds(5);

const value* condition(const value& object, std::string_view type) {
  const value* list = find(object, "status.conditions");
  if (list == nullptr || !list->is_array()) return nullptr;
  for (const value& one : list->get_array()) {
    if (findString(one, "type") == type) return &one;
  }
  return nullptr;
}

std::string conditionOf(const value& object, std::string_view type, std::string_view field) {
  const value* found = condition(object, type);
  return found != nullptr ? findString(*found, field) : std::string();
}

int64_t integer(const value& object, std::string_view path) {
  const value* found = find(object, path);
  return found != nullptr && found->is_number() ? found->to_number<int64_t>() : 0;
}

bool isShort(const value& spec, const char* path) {
  const auto duration = parseDuration(findString(spec, path));
  return duration && *duration <= soon;
}

bool hasPassed(const value& spec, Time since) {
  const auto moment = parseTime(findString(spec, "lifecycle.expiresAt"));
  return moment && *moment <= since;
}

// Deliberately not operator/sandbox/expiry.cc: what the CRD and docs/configuration.md promise.
Time expiryOf(const value& sandbox, const value& spec) {
  constexpr Duration defaultTtl = std::chrono::hours(1);
  constexpr Duration largestLifetime = std::chrono::hours(24 * 7);
  const Duration lifetime =
      parseDuration(findString(spec, "lifecycle.maxLifetime")).value_or(largestLifetime);
  Time expiry = *parseTime(findString(sandbox, "metadata.creationTimestamp")) + lifetime;
  const Duration ttl = parseDuration(findString(spec, "lifecycle.ttl")).value_or(defaultTtl);
  if (const auto started = parseTime(findString(sandbox, "status.startedAt")))
    expiry = std::min(expiry, *started + ttl);
  if (const auto moment = parseTime(findString(spec, "lifecycle.expiresAt")))
    expiry = std::min(expiry, *moment);
  return expiry;
}

std::string unsettledEnd(const View& view) {
  if (!view.sandbox) {
    const bool over = isShort(view.spec, "lifecycle.maxLifetime") || isShort(view.spec, "lifecycle.ttl") ||
                      hasPassed(view.spec, Time(std::chrono::sys_days(std::chrono::year(2100) / 1 / 1)));
    return over ? "" : "it is gone before its time";
  }
  const value& sandbox = *view.sandbox;
  if (find(sandbox, "metadata.deletionTimestamp") != nullptr) return "it is about to go";
  const Time created = *parseTime(findString(sandbox, "metadata.creationTimestamp"));
  const bool over = isShort(view.spec, "lifecycle.maxLifetime") || hasPassed(view.spec, created) ||
                    (find(sandbox, "status.startedAt") != nullptr && isShort(view.spec, "lifecycle.ttl"));
  return over ? "it is there after its end" : "";
}

std::string unsettledRefusal(const View& view) {
  const std::string reason = conditionOf(*view.sandbox, "Accepted", "reason");
  const std::string message = conditionOf(*view.sandbox, "Accepted", "message");
  if (reason != "Unsupported" && reason != "NotAllowed")
    return "it is refused for no known reason: " + reason;
  const std::string path = message.substr(0, message.find(':'));
  const bool named =
      path.starts_with("spec.") && find(view.spec, path.substr(std::string_view("spec.").size())) != nullptr;
  return named ? "" : "the refusal names no field of the spec: " + message;
}

std::string unsettledReady(const View& view) {
  const value& sandbox = *view.sandbox;
  const std::string reason = conditionOf(sandbox, "Ready", "reason");
  const std::string message = conditionOf(sandbox, "Ready", "message");
  // The cluster's word, not the CRD's: there is no such PriorityClass.
  if (reason == "AdmissionRefused" && message.contains("no PriorityClass with name")) return "";
  if (conditionOf(sandbox, "Ready", "status") != "True") return "Ready is " + reason + ": " + message;
  if (!view.pod || conditionOf(*view.pod, "Ready", "status") != "True") return "it is Ready without its pod";
  if (findString(sandbox, "status.podName") != findString(*view.pod, "metadata.name"))
    return "another pod is named";
  const auto told = parseTime(findString(sandbox, "status.expiresAt"));
  const Duration off = told ? *told - expiryOf(sandbox, view.spec) : seconds(60);
  if (off > seconds(1) || off < -seconds(1)) return "status.expiresAt is wrong";
  return "";
}

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
    const value* found = condition(sandbox, type);
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

// Each of WANTED's members is in GIVEN.
bool contains(const value* given, const value* wanted) {
  if (wanted == nullptr || wanted->get_object().empty()) return true;
  if (given == nullptr) return false;
  return std::ranges::all_of(wanted->get_object(), [&](const auto& member) {
    const value* found = given->get_object().if_contains(member.key());
    return found != nullptr && *found == member.value();
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

bool isReadable(const value& spec) {
  return json::decode<api::SandboxSpec>(spec.is_null() ? value(object()) : spec).has_value();
}

bool isAccepted(const View& view) {
  return view.sandbox && conditionOf(*view.sandbox, "Accepted", "status") == "True";
}

value fixedPart(const value& spec) {
  value fixed = spec.is_null() ? value(object()) : spec;
  for (const char* field : {"lifecycle", "network", "desiredState"}) fixed.as_object().erase(field);
  return fixed;
}

std::string unsettled(const View& view) {
  if (std::string end = unsettledEnd(view); !end.empty() || !view.sandbox) return end;
  const value& sandbox = *view.sandbox;
  if (integer(sandbox, "status.observedGeneration") != integer(sandbox, "metadata.generation"))
    return "its generation was not observed";
  const std::string accepted = conditionOf(sandbox, "Accepted", "status");
  if (accepted == "False") return unsettledRefusal(view);
  if (accepted != "True") return "it is neither accepted nor refused";
  return unsettledReady(view);
}

std::string unclear(const Answer& refusal, const std::string& path) {
  const std::string message = findString(refusal.body, "message");
  if (refusal.status != 422) return std::to_string(refusal.status) + ": " + message;
  std::string near = "spec";
  const std::vector<std::string> steps = stepsOf(path);
  // A rule about several fields may stand at any of those beside it.
  for (size_t i = 0; i + 1 < steps.size(); ++i) {
    if (steps[i] == "{}") break;
    near += steps[i] == "[]" ? "[0]" : "." + steps[i];
  }
  if (steps.size() == 1) near += "." + steps.front();
  const value* causes = find(refusal.body, "details.causes");
  if (causes == nullptr || causes->get_array().empty()) return "no cause is given: " + message;
  for (const value& cause : causes->get_array()) {
    // The server tells once that it could not try the rules.
    if (findString(cause, "field").starts_with(near)) return "";
  }
  return "none of the causes is at " + near + ": " + message;
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

std::string essence(const View& view, bool whole) {
  if (!view.sandbox) return "gone";
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
