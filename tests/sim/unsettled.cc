#include "tests/sim/unsettled.h"

#include <algorithm>

#include "operator/policy/profile.h"
#include "operator/sandbox/pod.h"
#include "tests/sim/images.h"
#include "tests/sim/objects.h"
#include "tests/sim/pools.h"
#include "tests/sim/quotas.h"
#include "tests/sim/wishes.h"
#include "tests/support/apiserver/patch.h"

namespace cloister::sim {
namespace {

using json::findString;

// What its image tells (images.h) has not come true yet.
bool isOnItsWay(const json::value& pod) {
  const Image& image = imageOf(pod);
  const std::string phase = findString(pod, "status.phase");
  if (phase == "Running") return !image.end.empty();
  if (phase != "Pending") return false;
  if (image.name == "unschedulable" || image.name == "gated")
    return conditionOf(pod, "PodScheduled", "status").empty();
  return image.starts || findString(pod, "status.containerStatuses.0.state.waiting.reason").empty();
}

bool isRefused(const json::value& sandbox) {
  const std::string wanted = findString(sandbox, "spec.desiredState");
  return !labelOf(sandbox, refusedLabel).empty() || (!wanted.empty() && wanted != "Running");
}

std::map<std::string, json::object> policiesFor(const Config& config, const api::Sandbox& sandbox) {
  const auto profile = policy::networkProfile(sandbox.spec.network, config.network);
  std::map<std::string, json::object> wanted{
      {std::string(policy::defaultDenyName), policy::defaultDenySpec()}};
  if (!profile.name.empty()) wanted[policy::policyName(profile.name)] = profile.spec;
  return wanted;
}

// A stranger's pod has the name of its pod.
bool isSquatted(const test::ApiServer& server, const Config& config, const json::value& sandbox) {
  const auto decoded = json::decode<api::Sandbox>(sandbox);
  const std::string& home = decoded->metadata.namespace_;
  // Its next try brings back what somebody dropped.
  for (const auto& [name, spec] : policiesFor(config, *decoded)) {
    if (server.storage().get({"networkpolicies", {home, name}}) == nullptr) return false;
  }
  return conditionOf(sandbox, "Ready", "reason") == "PodNameTaken" &&
         server.storage().get({"pods", {home, sandbox::podName(*decoded)}}) != nullptr;
}

// Its pool has no pod and may make none, and it is to wait for one.
bool waitsForPool(const test::ApiServer& server, const json::value& sandbox) {
  const test::Object pool = server.storage().get(
      {"sandboxpools",
       {findString(sandbox, "metadata.namespace"), findString(sandbox, "spec.poolRef.name")}});
  return pool && isHeldBack(pool->json) && integer(pool->json, "status.readyReplicas") == 0 &&
         conditionOf(sandbox, "Ready", "reason") == "PoolEmpty";
}

std::string unsettledPolicies(const test::ApiServer& server, const Config& config, const json::value& sandbox,
                              const json::value& pod) {
  const auto decoded = json::decode<api::Sandbox>(sandbox);
  if (labelOf(pod, api::networkLabel) != policy::networkProfile(decoded->spec.network, config.network).name)
    return "its pod has another network profile";
  for (const auto& [name, spec] : policiesFor(config, *decoded)) {
    const test::Object found =
        server.storage().get({"networkpolicies", {decoded->metadata.namespace_, name}});
    if (!found) return "there is no NetworkPolicy " + name;
    if (!test::isSame(found->json.at("spec"), json::value(spec))) return "NetworkPolicy " + name + " is bent";
  }
  return {};
}

// Of the Sandbox's own, by the name in its pod.
bool lacksVolume(const test::ApiServer& server, const json::value& sandbox, const json::value& pod) {
  for (const json::value& volume : json::find(pod, "spec.volumes")->as_array()) {
    const std::string claim = findString(volume, "persistentVolumeClaim.claimName");
    if (claim.empty()) continue;
    const test::Object found =
        server.storage().get({"persistentvolumeclaims", {findString(sandbox, "metadata.namespace"), claim}});
    return !found ||
           findString(found->json, "metadata.ownerReferences.0.uid") != findString(sandbox, "metadata.uid");
  }
  return !findString(sandbox, "spec.workspace.storageClass").empty();
}

std::string unsettledStatus(const json::value& sandbox, const json::value& pod) {
  const bool ready = conditionOf(sandbox, "Ready", "status") == "True";
  if (hasEnded(sandbox)) return "its pod lives, yet it has ended";
  if (conditionOf(sandbox, "Ready", "reason") == "Restarting") return "its pod is there, yet another follows";
  if (ready != (conditionOf(pod, "Ready", "status") == "True")) return "Ready is not what its pod is";
  if (ready && findString(sandbox, "status.podName") != findString(pod, "metadata.name"))
    return "another pod is named";
  return findString(sandbox, "status.phase") == findString(pod, "status.phase")
             ? ""
             : "the phase is not its pod's";
}

std::string unsettledSandbox(const test::ApiServer& server, const Config& config, Time until,
                             const json::value& sandbox) {
  if (isLeaving(sandbox)) return "about to go";
  if (until >= expiryOf(server, config, sandbox)) return "soon expired";
  if (integer(sandbox, "status.observedGeneration") != integer(sandbox, "metadata.generation"))
    return "the generation was not observed";
  if (conditionOf(sandbox, "Accepted", "status") != (isRefused(sandbox) ? "False" : "True"))
    return "wrongly accepted or refused";
  const auto pods = podsOf(server, sandbox);
  if (pods.empty()) {
    const bool rightly = hasEnded(sandbox) || isRefused(sandbox) || isSquatted(server, config, sandbox) ||
                         isQueued(sandbox) || waitsForPool(server, sandbox);
    isQueued(sandbox) || waitsForPool(server, sandbox);
    return rightly ? "" : "it has no pod";
  }
  const json::value& pod = pods.front()->json;
  if (hasEnded(pod)) {
    return findString(sandbox, "status.phase") == findString(pod, "status.phase") ? "" : "its pod has ended";
  }
  if (auto what = unsettledPolicies(server, config, sandbox, pod); !what.empty()) return what;
  if (lacksVolume(server, sandbox, pod)) return "its workspace is not there";
  return unsettledStatus(sandbox, pod);
}

std::string unsettledPod(const test::ApiServer& server, const json::value& pod) {
  if (isLeaving(pod)) return "about to go";
  if (isOurs(pod) && !isIdle(pod) && !ownerOf(server, pod)) return "nobody's";
  if (isOnItsWay(pod)) return "on its way";
  return {};
}

// Its pod will need POLICY, should it get one.
bool waitsFor(const Config& config, const json::value& sandbox, const std::string& policy) {
  if (isLeaving(sandbox) || hasEnded(sandbox) || isRefused(sandbox)) return false;
  const auto decoded = json::decode<api::Sandbox>(sandbox);
  const auto profile = policy::networkProfile(decoded->spec.network, config.network);
  return !profile.name.empty() && policy::policyName(profile.name) == policy;
}

}  // namespace

std::string unsettled(const test::ApiServer& server, const Config& config, Time until) {
  for (const auto& namespace_ : server.storage().list("namespaces", "")) {
    if (isLeaving(namespace_->json)) return "the namespace is there: " + keyOf(namespace_->json);
  }
  for (const auto& sandbox : server.storage().list("sandboxes", "")) {
    if (auto what = unsettledSandbox(server, config, until, sandbox->json); !what.empty())
      return what + ": " + keyOf(sandbox->json);
  }
  if (auto what = unsettledPools(server); !what.empty()) return what;
  if (auto what = unsettledQuotas(server); !what.empty()) return what;
  for (const auto& pod : server.storage().list("pods", "")) {
    if (auto what = unsettledPod(server, pod->json); !what.empty()) return what + ": pod " + keyOf(pod->json);
  }
  return {};
}

std::vector<test::ObjectId> unusedPolicies(const test::ApiServer& server, const Config& config) {
  std::vector<test::ObjectId> unused;
  for (const auto& policy : server.storage().list("networkpolicies", "")) {
    const test::ObjectId id{
        "networkpolicies",
        {findString(policy->json, "metadata.namespace"), findString(policy->json, "metadata.name")}};
    const auto relies = [&](const test::Object& pod) { return reliesOn(pod->json, id.key.name); };
    const auto waits = [&](const test::Object& sandbox) {
      return waitsFor(config, sandbox->json, id.key.name);
    };
    const bool stays = id.key.name == policy::defaultDenyName ||
                       labelOf(policy->json, api::managedByLabel) != api::managedBy;
    if (!stays && std::ranges::none_of(server.storage().list("pods", id.key.namespace_), relies) &&
        std::ranges::none_of(server.storage().list("sandboxes", id.key.namespace_), waits))
      unused.push_back(id);
  }
  return unused;
}

}  // namespace cloister::sim
