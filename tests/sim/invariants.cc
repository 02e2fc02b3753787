#include "tests/sim/invariants.h"

#include "operator/policy/profile.h"
#include "operator/sandbox/pod.h"

namespace cloister::sim {
namespace {

using json::findString;

bool isLeaving(const json::value& object) {
  return json::find(object, "metadata.deletionTimestamp") != nullptr;
}

std::string keyOf(const json::value& object) {
  return findString(object, "metadata.namespace") + "/" + findString(object, "metadata.name");
}

std::string labelOf(const json::value& object, std::string_view label) {
  const json::value* labels = json::find(object, "metadata.labels");
  const json::value* found = labels != nullptr ? labels->as_object().if_contains(label) : nullptr;
  return found != nullptr ? std::string(found->as_string()) : std::string();
}

// Only our own service account can write these labels: without them a pod is somebody else's.
bool isOurs(const json::value& pod) {
  return labelOf(pod, api::managedByLabel) == api::managedBy && !labelOf(pod, api::sandboxLabel).empty();
}

std::string conditionOf(const json::value& object, std::string_view type, std::string_view field) {
  const json::value* list = json::find(object, "status.conditions");
  if (list == nullptr || !list->is_array()) return {};
  for (const json::value& condition : list->get_array()) {
    if (findString(condition, "type") == type) return findString(condition, field);
  }
  return {};
}

int64_t integer(const json::value& object, std::string_view path) {
  const json::value* found = json::find(object, path);
  return found != nullptr && found->is_number() ? found->to_number<int64_t>() : 0;
}

bool hasEnded(const std::string& phase) {
  return phase == "Succeeded" || phase == "Failed";
}

// Its fate (cluster.h) is not fulfilled yet.
bool isOnItsWay(const json::value& pod) {
  const std::string image = findString(pod, "spec.containers.0.image");
  const std::string phase = findString(pod, "status.phase");
  if (phase == "Running") return image == "crashes" || image == "completes";
  if (phase != "Pending") return false;
  if (image == "unschedulable") return conditionOf(pod, "PodScheduled", "status").empty();
  return findString(pod, "status.containerStatuses.0.state.waiting.reason") != "ImagePullBackOff";
}

bool isRefused(const json::value& sandbox) {
  const std::string wanted = findString(sandbox, "spec.desiredState");
  return !wanted.empty() && wanted != "Running";
}

}  // namespace

Invariants::Invariants(const Clock& clock, test::ApiServer& server, const Config& config)
    : clock_(clock), server_(server), config_(config) {
  server_.onWrite = [this](const test::Write& write) { wrote(write); };
  server_.storage().onChange([this](const test::Change& change) { changed(change); });
}

void Invariants::violate(std::string what) {
  if (!violation_) violation_ = std::move(what);
}

void Invariants::wrote(const test::Write& write) {
  if (write.target.id.plural == "leases") return;
  ++writes_;
  if (write.changed) ++changes_;
  if (write.target.id.plural == "sandboxes" && write.status == 200 && !write.changed) {
    violate("a write that changes nothing: " + write.target.text() + " of " + toString(write.target.id.key));
  }
}

void Invariants::changed(const test::Change& change) {
  if (change.id.plural == "pods") podChanged(change);
  if (change.id.plural == "sandboxes") sandboxChanged(change);
}

test::Object Invariants::ownerOf(const json::value& pod) const {
  const test::Object sandbox = server_.storage().get(
      {"sandboxes", {findString(pod, "metadata.namespace"), labelOf(pod, api::sandboxLabel)}});
  const std::string uid = findString(pod, "metadata.ownerReferences.0.uid");
  return sandbox && findString(sandbox->json, "metadata.uid") == uid ? sandbox : nullptr;
}

std::vector<test::Object> Invariants::podsOf(const json::value& sandbox) const {
  std::vector<test::Object> found;
  for (const auto& pod : server_.storage().list("pods", findString(sandbox, "metadata.namespace"))) {
    if (findString(pod->json, "metadata.ownerReferences.0.uid") == findString(sandbox, "metadata.uid"))
      found.push_back(pod);
  }
  return found;
}

void Invariants::podChanged(const test::Change& change) {
  const bool byOperator = server_.actor().starts_with(operatorPrefix);
  if (change.after && conditionOf(change.after->json, "Ready", "status") == "True")
    firstReady_.try_emplace(findString(change.after->json, "metadata.ownerReferences.0.uid"),
                            *parseTime(conditionOf(change.after->json, "Ready", "lastTransitionTime")));
  if (byOperator && change.before && !isOurs(change.before->json))
    violate("a stranger's pod was touched: " + keyOf(change.before->json));
  if (byOperator && change.before && (!change.after || isLeaving(change.after->json)))
    checkDeletedPod(change.before->json);
  if (change.before) return;
  const json::value& pod = change.after->json;
  const test::Object owner = ownerOf(pod);
  if (!owner || !byOperator) return;
  if (podsOf(owner->json).size() > 1) violate("two pods for one Sandbox: " + keyOf(owner->json));
  if (json::find(owner->json, "status.startedAt") != nullptr)
    violate("started a second time behind its owner's back: " + keyOf(owner->json));
}

void Invariants::checkDeletedPod(const json::value& pod) {
  const test::Object owner = ownerOf(pod);
  if (owner && !isLeaving(owner->json) && clockOf(server_.actor()) < earliestEnd(owner->json))
    violate("the pod of a living Sandbox was deleted: " + keyOf(pod));
}

void Invariants::sandboxChanged(const test::Change& change) {
  if (!change.before || !server_.actor().starts_with(operatorPrefix)) return;
  const json::value& before = change.before->json;
  if (!change.after) {
    if (clockOf(server_.actor()) < earliestEnd(before)) violate("deleted before its time: " + keyOf(before));
    return;
  }
  const json::value& after = change.after->json;
  const int64_t observed = integer(after, "status.observedGeneration");
  if (observed < integer(before, "status.observedGeneration"))
    violate("the status went back to an older generation: " + keyOf(after));
  if (observed > integer(after, "metadata.generation"))
    violate("the status is of a generation that never was: " + keyOf(after));
  const std::string started = findString(before, "status.startedAt");
  if (!started.empty() && started != findString(after, "status.startedAt"))
    violate("startedAt was changed: " + keyOf(after));
  if (hasEnded(findString(before, "status.phase")) && !hasEnded(findString(after, "status.phase")))
    violate("it came back from its end: " + keyOf(after));
}

// Deliberately not operator/sandbox/expiry.cc: this is what its documentation promises.
Time Invariants::expiryOf(const json::value& sandbox) const {
  const auto lifetime = parseDuration(findString(sandbox, "spec.lifecycle.maxLifetime"));
  const Time created = *parseTime(findString(sandbox, "metadata.creationTimestamp"));
  Time expiry = created + std::min(lifetime.value_or(Duration::max()), config_.lifecycle.maxLifetime);
  if (const auto moment = parseTime(findString(sandbox, "spec.lifecycle.expiresAt")))
    expiry = std::min(expiry, *moment);
  std::optional<Time> started = parseTime(findString(sandbox, "status.startedAt"));
  for (const auto& pod : podsOf(sandbox)) {
    if (!started && conditionOf(pod->json, "Ready", "status") == "True")
      started = parseTime(conditionOf(pod->json, "Ready", "lastTransitionTime"));
  }
  const auto ttl = parseDuration(findString(sandbox, "spec.lifecycle.ttl"));
  if (started) expiry = std::min(expiry, *started + ttl.value_or(config_.lifecycle.defaultTtl));
  return expiry;
}

// ... if the operator alone knows that it was Ready for a while.
Time Invariants::earliestEnd(const json::value& sandbox) const {
  const Time expiry = expiryOf(sandbox);
  const auto ready = firstReady_.find(findString(sandbox, "metadata.uid"));
  if (ready == firstReady_.end()) return expiry;
  const auto ttl = parseDuration(findString(sandbox, "spec.lifecycle.ttl"));
  return std::min(expiry, ready->second + ttl.value_or(config_.lifecycle.defaultTtl));
}

void Invariants::tick(Duration step, std::optional<Time> leader) {
  std::map<std::string, Duration> overdue;
  for (const auto& object : server_.storage().list("pods", "")) {
    const json::value& pod = object->json;
    if (!isOurs(pod) || isLeaving(pod)) continue;
    const test::Object owner = ownerOf(pod);
    if (owner && leader && *leader <= expiryOf(owner->json)) continue;
    const std::string uid = findString(pod, "metadata.uid");
    Duration& late = overdue[uid];
    late = overdue_[uid] + (leader ? step : Duration{});
    // What was overdue for the whole of the first step cannot be told: it does not count.
    if (late <= (owner ? expiryBound : strayBound) + step) continue;
    violate((owner ? "runs after its expiry: " : "runs without a Sandbox: ") + keyOf(pod));
  }
  overdue_ = std::move(overdue);
}

std::string Invariants::unsettled(Time until) const {
  for (const auto& namespace_ : server_.storage().list("namespaces", "")) {
    if (isLeaving(namespace_->json)) return "the namespace is there: " + keyOf(namespace_->json);
  }
  for (const auto& sandbox : server_.storage().list("sandboxes", "")) {
    if (auto what = unsettledSandbox(sandbox->json, until); !what.empty())
      return what + ": " + keyOf(sandbox->json);
  }
  for (const auto& pod : server_.storage().list("pods", "")) {
    if (auto what = unsettledPod(pod->json); !what.empty()) return what + ": pod " + keyOf(pod->json);
  }
  return {};
}

std::string Invariants::unsettledPod(const json::value& pod) const {
  if (isLeaving(pod)) return "about to go";
  if (isOurs(pod) && !ownerOf(pod)) return "nobody's";
  if (isOnItsWay(pod)) return "on its way";
  return {};
}

std::string Invariants::unsettledSandbox(const json::value& sandbox, Time until) const {
  if (isLeaving(sandbox)) return "about to go";
  if (until >= expiryOf(sandbox)) return "soon expired";
  if (integer(sandbox, "status.observedGeneration") != integer(sandbox, "metadata.generation"))
    return "the generation was not observed";
  if (conditionOf(sandbox, "Accepted", "status") != (isRefused(sandbox) ? "False" : "True"))
    return "wrongly accepted or refused";
  const std::string phase = findString(sandbox, "status.phase");
  const auto pods = podsOf(sandbox);
  const bool ready = conditionOf(sandbox, "Ready", "status") == "True";
  if (pods.empty()) {
    return hasEnded(phase) || isRefused(sandbox) || isSquatted(sandbox) ? "" : "it has no pod";
  }
  const json::value& pod = pods.front()->json;
  const std::string podPhase = findString(pod, "status.phase");
  if (hasEnded(podPhase)) return phase == podPhase ? "" : "its pod has ended";
  if (auto what = unsettledPolicies(sandbox, pod); !what.empty()) return what;
  if (hasEnded(phase)) return "its pod lives, yet it has ended";
  if (ready != (conditionOf(pod, "Ready", "status") == "True")) return "Ready is not what its pod is";
  if (ready && findString(sandbox, "status.podName") != findString(pod, "metadata.name"))
    return "another pod is named";
  return phase == podPhase ? "" : "the phase is not its pod's";
}

// A stranger's pod has the name of its pod.
bool Invariants::isSquatted(const json::value& sandbox) const {
  const std::string name = sandbox::podName(*json::decode<api::Sandbox>(sandbox));
  const std::string home = findString(sandbox, "metadata.namespace");
  // Its next try brings back a policy that somebody dropped.
  const bool fenced =
      server_.storage().get({"networkpolicies", {home, std::string(policy::defaultDenyName)}}) != nullptr;
  return fenced && conditionOf(sandbox, "Ready", "reason") == "PodNameTaken" &&
         server_.storage().get({"pods", {home, name}}) != nullptr;
}

std::string Invariants::unsettledPolicies(const json::value& sandbox, const json::value& pod) const {
  const auto decoded = json::decode<api::Sandbox>(sandbox);
  const auto profile = policy::networkProfile(decoded->spec.network, config_.network);
  if (labelOf(pod, api::networkLabel) != profile.name) return "its pod has another network profile";
  std::vector<std::string> names{std::string(policy::defaultDenyName)};
  if (!profile.name.empty()) names.push_back(policy::policyName(profile.name));
  for (const std::string& name : names) {
    const test::Object found =
        server_.storage().get({"networkpolicies", {decoded->metadata.namespace_, name}});
    if (!found) return "there is no NetworkPolicy " + name;
    if (!policy::isIntact(name, found->json.at("spec").as_object()))
      return "NetworkPolicy " + name + " is bent";
  }
  return {};
}

}  // namespace cloister::sim
