#include "tests/generated/oracles.h"

#include <array>

#include "api/sandbox.h"

namespace cloister::generated {
namespace {

using json::find;
using json::findString;
using json::object;
using json::value;

// Nothing that is generated lies between: what is to end soon does so within a test, the rest never.
constexpr Duration soon = seconds(5);

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
  // There is neither a template nor a pool.
  constexpr std::array known{"Unsupported", "NotAllowed", "TemplateNotFound", "PoolNotFound"};
  if (std::ranges::find(known, reason) == known.end()) return "it is refused for no known reason: " + reason;
  const std::string path = message.substr(0, message.find(':'));
  const bool named =
      path.starts_with("spec.") && find(view.spec, path.substr(std::string_view("spec.").size())) != nullptr;
  return named ? "" : "the refusal names no field of the spec: " + message;
}

// What the schema would have refused, had it been asked.
std::string unsettledUnreadable(const View& view) {
  if (conditionOf(*view.sandbox, "Accepted", "reason") != "Unreadable") return "it is not told as unreadable";
  const std::string message = conditionOf(*view.sandbox, "Accepted", "message");
  return message.contains(".spec") ? "" : "what is unreadable is not named: " + message;
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

// Where a refusal of the property at PATH may stand: there, or at those beside it for a rule about several,
// or at the list that was made up around it.
std::string around(const std::string& path) {
  std::vector<std::string> steps = stepsOf(path.substr(0, path.find_first_of("[{")));
  if (steps.size() > 1) steps.pop_back();
  std::string place = "spec";
  for (const std::string& step : steps) place += "." + step;
  return place;
}

std::string unclear(const Answer& refusal, const std::string& path) {
  const std::string message = findString(refusal.body, "message");
  if (refusal.status != 422) return std::to_string(refusal.status) + ": " + message;
  const value* causes = find(refusal.body, "details.causes");
  if (causes == nullptr || causes->get_array().empty()) return "no cause is given: " + message;
  // What can't be changed is told of the whole field.
  const std::vector<std::string> steps = stepsOf(path);
  const std::string place =
      message.contains("can't be changed") && !steps.empty() ? "spec." + steps.front() : around(path);
  // The rule's own words do where it could not be evaluated: then the server tells it of the spec as a whole.
  const bool named = std::ranges::any_of(causes->get_array(), [&](const value& cause) {
    return findString(cause, "field").starts_with(place) || findString(cause, "message").contains(place);
  });
  return named ? "" : "no cause is at " + place + ": " + message;
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
  if (!fixed.is_object()) return fixed;
  for (const char* field : {"lifecycle", "network", "desiredState"}) fixed.as_object().erase(field);
  return fixed;
}

std::string unsettled(const View& view) {
  const bool readable = isReadable(view.spec);
  // What cannot be read ends as was told before.
  std::string end = readable ? unsettledEnd(view) : "";
  if (!end.empty() || !view.sandbox) return end;
  const value& sandbox = *view.sandbox;
  if (integer(sandbox, "status.observedGeneration") != integer(sandbox, "metadata.generation"))
    return "its generation was not observed";
  const std::string accepted = conditionOf(sandbox, "Accepted", "status");
  if (accepted == "False") return readable ? unsettledRefusal(view) : unsettledUnreadable(view);
  if (accepted != "True") return "it is neither accepted nor refused";
  return unsettledReady(view);
}

std::string misjudged(const Answer& answer, const Schema& schema, const std::string& path,
                      const value& spec) {
  const auto violation = schema.violation(spec);
  if (answer.accepted) {
    if (violation) return "taken, although " + violation->path + " breaks " + violation->why;
    const value* stored = find(answer.body, "spec");
    const auto read = json::decode<api::SandboxSpec>(stored != nullptr ? *stored : value(object()));
    return read ? "" : "taken, yet the operator cannot read it: " + read.error().message;
  }
  const std::string message = findString(answer.body, "message");
  if (violation && !message.contains(violation->path))
    return "the refusal does not name " + violation->path + ": " + message;
  return unclear(answer, path);
}

}  // namespace cloister::generated
