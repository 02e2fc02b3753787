#include "tests/sim/unsettled.h"

#include <algorithm>

#include "operator/policy/profile.h"
#include "operator/sandbox/pod.h"
#include "tests/sim/golden.h"
#include "tests/sim/holds.h"
#include "tests/sim/images.h"
#include "tests/sim/objects.h"
#include "tests/sim/pools.h"
#include "tests/sim/quotas.h"
#include "tests/sim/suspends.h"
#include "tests/sim/wishes.h"
#include "tests/support/apiserver/patch.h"

namespace cloister::sim {
namespace {

using json::findString;

// What its image tells (images.h) has not come true yet.
bool isOnItsWay(const json::value& pod) {
  const Image& image = imageOf(pod);
  const std::string phase = findString(pod, "status.phase");
  // What stands still does not end by itself, nor what waits in a pool.
  if (phase == "Running")
    return !image.end.empty() && !isStopped(pod) && !(isIdle(pod) && isMadeToBeHeld(pod));
  if (phase != "Pending") return false;
  if (image.name == "unschedulable" || image.name == "gated")
    return conditionOf(pod, "PodScheduled", "status").empty();
  return image.starts || findString(pod, "status.containerStatuses.0.state.waiting.reason").empty();
}

// What SANDBOX was made from, or would be now: a template's spec; null without one, or when it ended without
// a pod.
const json::value* templateOf(const test::ApiServer& server, const json::value& sandbox) {
  const std::string namespace_ = findString(sandbox, "metadata.namespace");
  if (const std::string pinned = findString(sandbox, "status.templateRevision"); !pinned.empty()) {
    const test::Object revision = server.storage().get({"controllerrevisions", {namespace_, pinned}});
    return revision ? json::find(revision->json, "data") : nullptr;
  }
  if (hasEnded(sandbox) && findString(sandbox, "status.podUID").empty()) return nullptr;
  std::string name = findString(sandbox, "spec.templateRef.name");
  const test::Object pool =
      server.storage().get({"sandboxpools", {namespace_, findString(sandbox, "spec.poolRef.name")}});
  if (pool) name = findString(pool->json, "spec.templateRef.name");
  const test::Object found = server.storage().get({"sandboxtemplates", {namespace_, name}});
  return found ? json::find(found->json, "spec") : nullptr;
}

bool setsMoreThan(const json::value& template_, const json::value& sandbox) {
  const json::value* listed = json::find(template_, "overridable");
  const json::array may = listed ? listed->as_array() : json::array{"env", "lifecycle", "podMetadata"};
  constexpr std::string_view own[] = {"desiredState", "templateRef", "poolRef", "restoreFrom"};
  return std::ranges::any_of(sandbox.at("spec").as_object(), [&](const auto& member) {
    return std::ranges::find(own, std::string_view(member.key())) == std::end(own) &&
           std::ranges::find(may, json::value(member.key())) == may.end();
  });
}

bool isScheduled(const json::value& sandbox) {
  return json::find(sandbox, "spec.snapshotSchedule") != nullptr;
}

bool isToPause(const json::value& sandbox) {
  return findString(sandbox, "spec.desiredState") == "Paused";
}

bool mayPause(const test::ApiServer& server, const Config& config, const json::value& sandbox) {
  std::string runtime = findString(sandbox, "spec.runtime");
  const json::value* template_ = templateOf(server, sandbox);
  if (runtime.empty() && template_ != nullptr) runtime = findString(*template_, "sandbox.runtime");
  return config.snapshots.enabled && (runtime.empty() || runtime == "gvisor");
}

// By its own word, or its template's.
bool hasVolume(const test::ApiServer& server, const json::value& sandbox) {
  const json::value* template_ = templateOf(server, sandbox);
  return !findString(sandbox, "spec.workspace.storageClass").empty() ||
         (template_ != nullptr && !findString(*template_, "sandbox.workspace.storageClass").empty());
}

bool maySuspend(const test::ApiServer& server, const Config& config, const json::value& sandbox) {
  return mayPause(server, config, sandbox) && !hasVolume(server, sandbox);
}

test::Object poolOf(const test::ApiServer& server, const json::value& sandbox) {
  return server.storage().get(
      {"sandboxpools",
       {findString(sandbox, "metadata.namespace"), findString(sandbox, "spec.poolRef.name")}});
}

test::Object snapshotFor(const test::ApiServer& server, const json::value& sandbox) {
  return server.storage().get(
      {"sandboxsnapshots", {findString(sandbox, "metadata.namespace"), restoresFrom(sandbox)}});
}

// Its next pod is to continue from a user's snapshot, and cannot.
bool lacksSnapshot(const test::ApiServer& server, const json::value& sandbox) {
  if (restoresFrom(sandbox).empty() || !suspendedAs(sandbox).empty() || hasEnded(sandbox) ||
      !podsOf(server, sandbox).empty())
    return false;
  const test::Object pool = poolOf(server, sandbox);
  const bool held = pool && holds(pool->json);
  if (json::find(sandbox, "spec.poolRef") != nullptr && !held) return true;
  const test::Object snapshot = snapshotFor(server, sandbox);
  return !snapshot || isLeaving(snapshot->json) || findString(snapshot->json, "status.phase") != "Ready";
}

bool isEverRefused(const test::ApiServer& server, const Config& config, const json::value& sandbox) {
  if (!labelOf(sandbox, refusedLabel).empty() || (isToPause(sandbox) && !mayPause(server, config, sandbox)) ||
      ((isToSuspend(sandbox) || isKept(sandbox) || isScheduled(sandbox)) &&
       !maySuspend(server, config, sandbox)))
    return true;
  // Its end was moved when that had been given away.
  if (findString(sandbox, "status.phase") == "Suspended" && isReleased(server, sandbox)) return true;
  if (lacksRevision(server, sandbox)) return true;
  const json::value* template_ = templateOf(server, sandbox);
  return template_ != nullptr && setsMoreThan(*template_, sandbox);
}

bool isRefused(const test::ApiServer& server, const Config& config, const json::value& sandbox) {
  return isEverRefused(server, config, sandbox) || lacksSnapshot(server, sandbox);
}

// Of SANDBOX with what its template fills in.
api::SandboxNetwork networkOf(const test::ApiServer& server, const json::value& sandbox) {
  const json::value* template_ = templateOf(server, sandbox);
  const json::value* own = json::find(sandbox, "spec.network");
  const json::value* filled = template_ ? json::find(*template_, "sandbox.network") : nullptr;
  json::value network = filled ? *filled : json::value(json::object());
  if (own != nullptr && (template_ == nullptr || !setsMoreThan(*template_, sandbox))) {
    for (const auto& member : own->as_object()) network.as_object()[member.key()] = member.value();
  }
  return *json::decode<api::SandboxNetwork>(network);
}

// The one that every namespace has, and PROFILE's.
std::map<std::string, json::object> policiesFor(const policy::NetworkProfile& profile) {
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
  const auto profile = policy::networkProfile(networkOf(server, sandbox), config.network);
  for (const auto& [name, spec] : policiesFor(profile)) {
    if (server.storage().get({"networkpolicies", {home, name}}) == nullptr) return false;
  }
  return conditionOf(sandbox, "Ready", "reason") == "PodNameTaken" &&
         server.storage().get({"pods", {home, sandbox::podName(*decoded)}}) != nullptr;
}

// Its pool has no pod and may make none, and it is to wait for one.
bool waitsForPool(const test::ApiServer& server, const json::value& sandbox) {
  const test::Object pool = poolOf(server, sandbox);
  return pool && isHeldBack(pool->json) && integer(pool->json, "status.readyReplicas") == 0 &&
         conditionOf(sandbox, "Ready", "reason") == "PoolEmpty";
}

// Its pool may hold no pods, which is judged there, or none for its snapshot, and it is to wait for one.
bool waitsForRoom(const test::ApiServer& server, const json::value& sandbox) {
  const test::Object pool = poolOf(server, sandbox);
  if (!pool || findString(pool->json, "spec.whenEmpty") != "Wait" ||
      conditionOf(sandbox, "Ready", "reason") != "PoolEmpty")
    return false;
  const test::Object snapshot = snapshotFor(server, sandbox);
  return std::ranges::none_of(heldBy(server, pool->json), [&](const auto& pod) {
    return isUsable(pod->json) && (!snapshot || fitsSnapshot(snapshot->json, pod->json));
  });
}

std::string unsettledPolicies(const test::ApiServer& server, const Config& config, const json::value& sandbox,
                              const json::value& pod) {
  if (lacksRevision(server, sandbox)) return {};  // nobody knows any more what it was made for
  const auto profile = policy::networkProfile(networkOf(server, sandbox), config.network);
  if (labelOf(pod, api::networkLabel) != profile.name) return "its pod has another network profile";
  for (const auto& [name, spec] : policiesFor(profile)) {
    const test::Object found =
        server.storage().get({"networkpolicies", {findString(sandbox, "metadata.namespace"), name}});
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

// It stands still, or does not, as it is told and as it shall.
std::string unsettledPause(const test::ApiServer& server, const Config& config, const json::value& sandbox,
                           const json::value& pod) {
  const bool frozen = isFrozen(pod);
  if (frozen != (findString(sandbox, "status.phase") == "Paused"))
    return "whether it stands still is not told";
  if (frozen != (json::find(sandbox, "status.pausedAt") != nullptr))
    return "since when it stands still is not told";
  if (frozen && conditionOf(sandbox, "Ready", "status") == "True") return "it stands still, and is Ready";
  // It goes on as it is.
  if (isGarbled(sandbox) || lacksRevision(server, sandbox)) return {};
  const bool begun = json::find(sandbox, "status.startedAt") != nullptr;
  const bool runs = begun && findString(pod, "status.phase") == "Running";
  if (runs && isToSuspend(sandbox) && maySuspend(server, config, sandbox)) return "it is not suspended";
  const bool wanted = isToPause(sandbox) && mayPause(server, config, sandbox) && runs;
  return wanted == frozen ? "" : "it does not stand still as it shall, or does";
}

std::string unsettledStatus(const json::value& sandbox, const json::value& pod) {
  const bool ready = conditionOf(sandbox, "Ready", "status") == "True";
  if (hasEnded(sandbox)) return "its pod lives, yet it has ended";
  if (conditionOf(sandbox, "Ready", "reason") == "Restarting") return "its pod is there, yet another follows";
  if (!isFrozen(pod) && ready != isUsable(pod)) return "Ready is not what its pod is";
  if (ready && findString(sandbox, "status.podName") != findString(pod, "metadata.name"))
    return "another pod is named";
  return isFrozen(pod) || findString(sandbox, "status.phase") == findString(pod, "status.phase")
             ? ""
             : "the phase is not its pod's";
}

// Of one that is to be kept, and whose end has come.
std::string unsettledEnd(const test::ApiServer& server, const Config& config, const json::value& sandbox) {
  if (!podsOf(server, sandbox).empty()) return "its end has come, and it has a pod";
  const bool suspended = findString(sandbox, "status.phase") == "Suspended";
  const bool unsaved = hasEnded(sandbox) && json::find(sandbox, "status.suspension") != nullptr;
  if (unsaved)
    return conditionOf(sandbox, "Stalled", "status") == "True" ? "" : "it is not told that it has failed";
  if (findString(sandbox, "spec.lifecycle.onExpiry") == "Snapshot") return "soon deleted";
  if (hasEnded(sandbox) || isRefused(server, config, sandbox)) return {};
  if (suspended) return unsettledSuspended(server, sandbox);
  return conditionOf(sandbox, "Ready", "reason") == "Expired" ? "" : "it is not told that its end has come";
}

std::string unsettledSandbox(const test::ApiServer& server, const Config& config, Time until,
                             const json::value& sandbox) {
  if (isLeaving(sandbox)) return "about to go";
  const Time expiry = expiryOf(server, config, sandbox);
  const bool over = until >= expiry || (isKept(sandbox) && wasOver(sandbox, expiry));
  if (over && !isKept(sandbox)) return "soon expired";
  if (integer(sandbox, "status.observedGeneration") != integer(sandbox, "metadata.generation"))
    return "the generation was not observed";
  const bool refused = over ? isEverRefused(server, config, sandbox) : isRefused(server, config, sandbox);
  if (conditionOf(sandbox, "Accepted", "status") != (refused ? "False" : "True"))
    return "wrongly accepted or refused";
  // Noticed within a minute: nothing that runs depends on it.
  const bool lossTold = conditionOf(sandbox, "Accepted", "reason") == "TemplateNotFound";
  if (lacksRevision(server, sandbox) && !lossTold) return "the loss of its revision was not told";
  if (over) return unsettledEnd(server, config, sandbox);
  const auto pods = podsOf(server, sandbox);
  if (findString(sandbox, "status.phase") == "Suspended" && isToSuspend(sandbox))
    return pods.empty() ? unsettledSuspended(server, sandbox) : "it is suspended, and has a pod";
  if (pods.empty()) {
    const bool rightly = hasEnded(sandbox) || isRefused(server, config, sandbox) ||
                         isSquatted(server, config, sandbox) || isQueued(sandbox) ||
                         waitsForPool(server, sandbox) || waitsForRoom(server, sandbox);
    return rightly ? "" : "it has no pod";
  }
  const json::value& pod = pods.front()->json;
  if (hasEnded(pod)) {
    return findString(sandbox, "status.phase") == findString(pod, "status.phase") ? "" : "its pod has ended";
  }
  if (auto what = unsettledPolicies(server, config, sandbox, pod); !what.empty()) return what;
  if (lacksVolume(server, sandbox, pod)) return "its workspace is not there";
  if (auto what = unsettledPause(server, config, sandbox, pod); !what.empty()) return what;
  return unsettledStatus(sandbox, pod);
}

std::string unsettledPod(const test::ApiServer& server, const json::value& pod) {
  if (isLeaving(pod)) return "about to go";
  if (isOurs(pod) && !isIdle(pod) && !ownerOf(server, pod)) return "nobody's";
  if (isOnItsWay(pod)) return "on its way";
  return {};
}

// Its pod will need POLICY, should it get one.
bool waitsFor(const test::ApiServer& server, const Config& config, const json::value& sandbox,
              const std::string& policy) {
  if (isLeaving(sandbox) || hasEnded(sandbox) || isRefused(server, config, sandbox)) return false;
  const auto profile = policy::networkProfile(networkOf(server, sandbox), config.network);
  return !profile.name.empty() && policy::policyName(profile.name) == policy;
}

// A pool's template asks for POLICY, whether or not the pool holds pods now.
bool isAPools(const test::ApiServer& server, const Config& config, const test::ObjectId& policy) {
  return std::ranges::any_of(
      server.storage().list("sandboxpools", policy.key.namespace_), [&](const test::Object& pool) {
        const kube::ObjectKey key{policy.key.namespace_, findString(pool->json, "spec.templateRef.name")};
        const test::Object template_ = server.storage().get({"sandboxtemplates", key});
        if (!template_) return false;
        const json::value* network = json::find(template_->json, "spec.sandbox.network");
        if (network == nullptr) return false;
        const auto profile =
            policy::networkProfile(*json::decode<api::SandboxNetwork>(*network), config.network);
        return policy::policyName(profile.name) == policy.key.name;
      });
}

std::string unsettledNamespaces(const test::ApiServer& server) {
  for (const auto& namespace_ : server.storage().list("namespaces", "")) {
    if (isLeaving(namespace_->json)) return "the namespace is there: " + keyOf(namespace_->json);
  }
  return {};
}

std::string unsettledSandboxes(const test::ApiServer& server, const Config& config, Time until) {
  for (const auto& sandbox : server.storage().list("sandboxes", "")) {
    if (isOfTemplate(sandbox->json)) continue;  // GoldenRules
    if (auto what = unsettledSandbox(server, config, until, sandbox->json); !what.empty())
      return what + ": " + keyOf(sandbox->json);
  }
  return {};
}

std::string unsettledSnapshots(const test::ApiServer& server, Time until) {
  if (auto which = unusedSnapshot(server); !which.empty()) return "nobody's snapshot is there: " + which;
  return unsettledSnapshot(server, until);
}

std::string unsettledPods(const test::ApiServer& server) {
  for (const auto& pod : server.storage().list("pods", "")) {
    if (auto what = unsettledPod(server, pod->json); !what.empty()) return what + ": pod " + keyOf(pod->json);
  }
  return {};
}

}  // namespace

std::vector<Look> looks(const test::ApiServer& server, const Config& config) {
  return {[&](auto, Time) { return unsettledNamespaces(server); },
          [&](auto, Time until) { return unsettledSandboxes(server, config, until); },
          [&](auto, Time until) { return unsettledSnapshots(server, until); },
          [&](auto since, Time until) { return unsettledPools(server, since, until); },
          [&](auto, Time) { return unsettledQuotas(server); },
          [&](auto, Time) { return unsettledPods(server); }};
}

std::vector<test::ObjectId> unusedPolicies(const test::ApiServer& server, const Config& config) {
  std::vector<test::ObjectId> unused;
  for (const auto& policy : server.storage().list("networkpolicies", "")) {
    const test::ObjectId id{
        "networkpolicies",
        {findString(policy->json, "metadata.namespace"), findString(policy->json, "metadata.name")}};
    const auto relies = [&](const test::Object& pod) { return reliesOn(pod->json, id.key.name); };
    const auto waits = [&](const test::Object& sandbox) {
      return waitsFor(server, config, sandbox->json, id.key.name);
    };
    const bool stays = id.key.name == policy::defaultDenyName ||
                       labelOf(policy->json, api::managedByLabel) != api::managedBy ||
                       isAPools(server, config, id);
    if (!stays && std::ranges::none_of(server.storage().list("pods", id.key.namespace_), relies) &&
        std::ranges::none_of(server.storage().list("sandboxes", id.key.namespace_), waits))
      unused.push_back(id);
  }
  return unused;
}

}  // namespace cloister::sim
