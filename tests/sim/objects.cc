#include "tests/sim/objects.h"

namespace cloister::sim {

using json::findString;

bool isLeaving(const json::value& object) {
  return json::find(object, "metadata.deletionTimestamp") != nullptr;
}

std::string keyOf(const json::value& object) {
  return findString(object, "metadata.namespace") + "/" + findString(object, "metadata.name");
}

namespace {

std::string markOf(const json::value& object, const char* where, std::string_view key) {
  const json::value* all = json::find(object, where);
  const json::value* found = all != nullptr ? all->as_object().if_contains(key) : nullptr;
  return found != nullptr ? std::string(found->as_string()) : std::string();
}

}  // namespace

std::string labelOf(const json::value& object, std::string_view label) {
  return markOf(object, "metadata.labels", label);
}

std::string annotationOf(const json::value& object, std::string_view annotation) {
  return markOf(object, "metadata.annotations", annotation);
}

bool isFrozen(const json::value& pod) {
  const std::string wish = annotationOf(pod, api::freezeAnnotation);
  return !wish.empty() && !isLeaving(pod) && !hasEnded(pod) &&
         conditionOf(pod, api::frozenCondition, "status") == "True" &&
         conditionOf(pod, api::frozenCondition, "message") == wish;
}

bool isStopped(const json::value& pod) {
  return conditionOf(pod, api::frozenCondition, "status") == "True";
}

bool isToSuspend(const json::value& sandbox) {
  return findString(sandbox, "spec.desiredState") == "Suspended";
}

bool isMadeToBeHeld(const json::value& pod) {
  return !annotationOf(pod, api::holdAnnotation).empty();
}

bool isUsable(const json::value& pod) {
  if (conditionOf(pod, "Ready", "status") != "True") return false;
  return !isMadeToBeHeld(pod) ||
         conditionOf(pod, api::heldCondition, "status") == (isIdle(pod) ? "True" : "False");
}

std::optional<Time> usableSince(const json::value& pod) {
  const bool held = isMadeToBeHeld(pod);
  const std::string_view type = held ? api::heldCondition : "Ready";
  if (conditionOf(pod, type, "status") != (held ? "False" : "True")) return std::nullopt;
  return parseTime(conditionOf(pod, type, "lastTransitionTime")).value();
}

std::string restoresFrom(const json::value& sandbox) {
  return findString(sandbox, "spec.restoreFrom.name");
}

bool isKept(const json::value& sandbox) {
  const std::string end = findString(sandbox, "spec.lifecycle.onExpiry");
  return end == "Suspend" || end == "Snapshot";
}

bool isOurs(const json::value& pod) {
  const json::value* labels = json::find(pod, "metadata.labels");
  return labels != nullptr && labels->as_object().contains(api::sandboxLabel) &&
         labelOf(pod, api::managedByLabel) == api::managedBy;
}

bool isIdle(const json::value& pod) {
  return isOurs(pod) && labelOf(pod, api::sandboxLabel).empty();
}

bool reliesOn(const json::value& pod, const std::string& policy) {
  const std::string profile = labelOf(pod, api::networkLabel);
  return isOurs(pod) && !profile.empty() && policy::policyName(profile) == policy;
}

std::string conditionOf(const json::value& object, std::string_view type, std::string_view field) {
  const json::value* list = json::find(object, "status.conditions");
  if (list == nullptr || !list->is_array()) return {};
  for (const json::value& condition : list->get_array()) {
    if (findString(condition, "type") == type) return findString(condition, field);
  }
  return {};
}

int64_t restartOf(const json::value& pod) {
  const std::string text = labelOf(pod, api::restartLabel);
  return text.empty() ? 0 : std::stoll(text);
}

int64_t numberOf(const json::value& sandbox) {
  return integer(sandbox, "status.restarts") + integer(sandbox, "status.resumes");
}

int64_t integer(const json::value& object, std::string_view path) {
  const json::value* found = json::find(object, path);
  return found != nullptr && found->is_number() ? found->to_number<int64_t>() : 0;
}

bool hasEnded(const json::value& object) {
  const std::string phase = findString(object, "status.phase");
  // The kubelet tells the end of a container before that of its pod.
  return phase == "Succeeded" || phase == "Failed" ||
         json::find(object, "status.containerStatuses.0.state.terminated") != nullptr;
}

test::Object ownerOf(const test::ApiServer& server, const json::value& pod) {
  const test::Object sandbox = server.storage().get(
      {"sandboxes", {findString(pod, "metadata.namespace"), labelOf(pod, api::sandboxLabel)}});
  const std::string uid = findString(pod, "metadata.ownerReferences.0.uid");
  return sandbox && findString(sandbox->json, "metadata.uid") == uid ? sandbox : nullptr;
}

std::vector<test::Object> podsOf(const test::ApiServer& server, const json::value& sandbox) {
  std::vector<test::Object> found;
  for (const auto& pod : server.storage().list("pods", findString(sandbox, "metadata.namespace"))) {
    if (findString(pod->json, "metadata.ownerReferences.0.uid") == findString(sandbox, "metadata.uid"))
      found.push_back(pod);
  }
  return found;
}

bool isGarbled(const json::value& sandbox) {
  return findString(sandbox, "spec.resources.memory") == garbled;
}

bool lacksRevision(const test::ApiServer& server, const json::value& sandbox) {
  const std::string pinned = findString(sandbox, "status.templateRevision");
  const kube::ObjectKey key{findString(sandbox, "metadata.namespace"), pinned};
  return !pinned.empty() && !server.storage().get({"controllerrevisions", key});
}

Duration pausedFor(const json::value& sandbox) {
  return parseDuration(findString(sandbox, "status.pausedFor")).value_or(Duration{});
}

namespace {

// It is stopped, and its ttl, which was over at END, was not before that.
bool standsBefore(const json::value& sandbox, Time end) {
  const auto stopped = parseTime(findString(sandbox, "status.pausedAt"));
  if (!stopped) return false;
  const auto told = parseTime(findString(sandbox, "status.expiresAt"));
  const bool over = isKept(sandbox) || (told && *told <= *stopped);
  return !over || *stopped < std::chrono::floor<seconds>(end);
}

}  // namespace

Time expiryOf(const test::ApiServer& server, const Config& config, const json::value& sandbox) {
  // What cannot be read keeps the expiry that was told before. So does what has lost its template's revision
  // once it has begun, and what ended without a pod: for its pool had none.
  const bool known = isGarbled(sandbox) || conditionOf(sandbox, "Accepted", "reason") == "Unreadable";
  const bool lost = lacksRevision(server, sandbox);
  const bool never = hasEnded(sandbox) && findString(sandbox, "status.podUID").empty();
  const auto told = parseTime(findString(sandbox, "status.expiresAt"));
  const bool begun = json::find(sandbox, "status.startedAt") != nullptr;
  if (told && ((lost && begun) || never || (known && !json::decode<api::Sandbox>(sandbox)))) return *told;
  const auto lifetime = parseDuration(findString(sandbox, "spec.lifecycle.maxLifetime"));
  const Time created = *parseTime(findString(sandbox, "metadata.creationTimestamp"));
  Time expiry = created + std::min(lifetime.value_or(Duration::max()), config.lifecycle.maxLifetime);
  if (const auto moment = parseTime(findString(sandbox, "spec.lifecycle.expiresAt")))
    expiry = std::min(expiry, *moment);
  if (lost && told) expiry = *told;
  std::optional<Time> started = parseTime(findString(sandbox, "status.startedAt"));
  for (const auto& pod : podsOf(server, sandbox)) {
    // A pod of a pool was ready before there was a Sandbox.
    const auto since = usableSince(pod->json);
    if (!started && since) started = std::max(created, *since);
  }
  const auto ttl = parseDuration(findString(sandbox, "spec.lifecycle.ttl"));
  if (!started) return expiry;
  const Time end = *started + ttl.value_or(config.lifecycle.defaultTtl) + pausedFor(sandbox);
  return standsBefore(sandbox, end) ? expiry : std::min(expiry, end);
}

bool wasOver(const json::value& sandbox, Time expiry) {
  const auto shows = [&](const std::string& field) {
    const auto time = parseTime(findString(sandbox, field));
    return time && *time >= std::chrono::floor<seconds>(expiry);
  };
  if (conditionOf(sandbox, "Ready", "reason") == "Expired" && shows("status.expiresAt")) return true;
  return shows("status.pausedAt") || shows("status.suspension.startedAt") ||
         shows("status.suspension.failedAt");
}

}  // namespace cloister::sim
