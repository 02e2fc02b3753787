#include "tests/sim/pools.h"

#include "tests/sim/invariants.h"
#include "tests/sim/network.h"
#include "tests/sim/objects.h"
#include "tests/sim/quotas.h"

namespace cloister::sim {
namespace {

using json::findString;

constexpr const char* administrator = "admin";

std::string ownerUid(const json::value& pod) {
  return findString(pod, "metadata.ownerReferences.0.uid");
}

// Idle pods of the pool that nobody is deleting.
std::vector<test::Object> heldBy(const test::ApiServer& server, const json::value& pool) {
  auto pods = server.storage().list("pods", findString(pool, "metadata.namespace"));
  std::erase_if(pods, [&](const test::Object& pod) {
    return !isIdle(pod->json) || isLeaving(pod->json) ||
           ownerUid(pod->json) != findString(pool, "metadata.uid");
  });
  return pods;
}

}  // namespace

void makePool(test::ApiServer& server, const std::string& namespace_, const Setup& setup) {
  if (setup.pool == 0) return;
  constexpr const char* whenEmpty[] = {"Cold", "Wait"};
  // All that wishes.h knows.
  const json::array overridable{
      "runtime",   "imagePullPolicy", "command",           "args",        "workingDir",  "env",
      "resources", "securityProfile", "lifecycle",         "network",     "workspace",   "imagePullSecrets",
      "image",     "nodeSelector",    "priorityClassName", "podMetadata", "tolerations", "restartPolicy"};
  server.create(administrator, "sandboxtemplates",
                {{"apiVersion", api::apiVersion},
                 {"kind", "SandboxTemplate"},
                 {"metadata", {{"name", "template"}, {"namespace", namespace_}}},
                 {"spec", {{"sandbox", {{"image", "runs"}}}, {"overridable", overridable}}}});
  server.create(administrator, "sandboxpools",
                {{"apiVersion", api::apiVersion},
                 {"kind", "SandboxPool"},
                 {"metadata", {{"name", "pool"}, {"namespace", namespace_}}},
                 {"spec",
                  {{"templateRef", {{"name", "template"}}},
                   {"replicas", setup.idle},
                   {"whenEmpty", whenEmpty[(setup.pool - 1) % 2]}}}});
}

std::string unsettledPools(const test::ApiServer& server) {
  for (const test::Object& pool : server.storage().list("sandboxpools", "")) {
    const int64_t wanted = integer(pool->json, "spec.replicas");
    const std::string key = ": pool " + keyOf(pool->json);
    const auto held = heldBy(server, pool->json);
    const bool heldBack = std::ssize(held) < wanted && isHeldBack(pool->json);
    if (std::ssize(held) != wanted && !heldBack) return "it does not hold what it should" + key;
    const auto isReady = [](const auto& pod) { return conditionOf(pod->json, "Ready", "status") == "True"; };
    if (!std::ranges::all_of(held, isReady)) return "its pods are not ready" + key;
    if (integer(pool->json, "status.readyReplicas") != std::ssize(held))
      return "its status does not count them" + key;
    if (integer(pool->json, "status.observedGeneration") != integer(pool->json, "metadata.generation"))
      return "the generation was not observed" + key;
    if (!heldBack && conditionOf(pool->json, "Ready", "status") != "True") return "it is not Ready" + key;
  }
  return {};
}

std::string unusedRevision(const test::ApiServer& server) {
  for (const test::Object& revision : server.storage().list("controllerrevisions", "")) {
    const std::string namespace_ = findString(revision->json, "metadata.namespace");
    const std::string name = findString(revision->json, "metadata.name");
    const auto names = [&](const char* plural, auto&& field) {
      return std::ranges::any_of(server.storage().list(plural, namespace_),
                                 [&](const test::Object& object) { return field(object->json) == name; });
    };
    const bool used =
        names("sandboxtemplates", [](const auto& object) { return findString(object, "status.revision"); }) ||
        names("sandboxes",
              [](const auto& object) { return findString(object, "status.templateRevision"); }) ||
        names("pods", [](const auto& object) { return labelOf(object, api::revisionLabel); });
    if (!used) return keyOf(revision->json);
  }
  return {};
}

PoolRules::PoolRules(const Clock& clock, test::ApiServer& server) : clock_(clock), server_(server) {
  server.storage().onChange([this](const test::Change& change) {
    if (change.id.plural == "sandboxpools") poolChanged(change);
    if (change.id.plural == "pods") podChanged(change);
  });
}

void PoolRules::violate(std::string what) {
  if (!violation_) violation_ = std::move(what);
}

void PoolRules::poolChanged(const test::Change& change) {
  if (!change.after) return;
  int64_t& most = mostWanted_[findString(change.after->json, "metadata.uid")];
  most = std::max(most, integer(change.after->json, "spec.replicas"));
}

void PoolRules::podChanged(const test::Change& change) {
  if (!change.after || !server_.actor().starts_with(operatorPrefix)) return;
  if (!change.before) return podCreated(change.after->json);
  podTaken(change.before->json, change.after->json);
}

void PoolRules::expectOldViews() {
  oldViewsUntil_ = clock_.instant() + underWay;
}

// Another replica, which believes that it leads as well, has made a pod of POOL a short while ago: what was
// decided before and is carried out now, after a pause, say, cannot know of it. Neither can a process that
// lists what was before its predecessor's work. The surplus goes at once.
bool PoolRules::isAnotherAtWork(const std::string& pool) {
  const std::string& process = server_.actor();
  const std::string replica = process.substr(0, process.find('.') + 1);
  const bool old = clock_.instant() < oldViewsUntil_;
  std::vector<Creator>& creators = creators_[pool];
  const bool another = std::ranges::any_of(creators, [&](const Creator& creator) {
    const bool knows = old ? creator.process == process : creator.process.starts_with(replica);
    return !knows && clock_.instant() < creator.at + underWay;
  });
  creators.push_back({process, clock_.instant()});
  return another;
}

// Whatever view it rests on, a pool is not overfilled.
void PoolRules::podCreated(const json::value& pod) {
  if (!isIdle(pod)) return podGiven(pod);
  const test::Object pool = server_.storage().get(
      {"sandboxpools", {findString(pod, "metadata.namespace"), labelOf(pod, api::poolLabel)}});
  // A request that is carried out late may meet another world.
  if (!pool || ownerUid(pod) != findString(pool->json, "metadata.uid") ||
      server_.actor().ends_with(lateSuffix))
    return;
  const bool another = isAnotherAtWork(ownerUid(pod));
  if (!another && std::ssize(heldBy(server_, pool->json)) > mostWanted_[ownerUid(pod)])
    violate("more pods than the pool was ever to hold: " + keyOf(pool->json));
}

void PoolRules::podTaken(const json::value& before, const json::value& after) {
  const std::string was = labelOf(before, api::sandboxLabel);
  const std::string is = labelOf(after, api::sandboxLabel);
  if (was == is && ownerUid(before) == ownerUid(after)) return;
  if (!isIdle(before)) return violate("given to another one: pod " + keyOf(after));
  if (isLeaving(before) || conditionOf(before, "Ready", "status") != "True")
    violate("taken although it is not ready: pod " + keyOf(after));
  podGiven(after);
}

// A second process cannot know of the first one's, nor who gave up a request of what it does late, if one of
// them is of a pool: that pod goes. One process gives one, and all would make the one of the same name.
void PoolRules::podGiven(const json::value& pod) {
  const test::Object sandbox = ownerOf(server_, pod);
  if (!sandbox) return;
  const std::string uid = findString(pod, "metadata.uid");
  for (const auto& other : podsOf(server_, sandbox->json)) {
    const std::string first = findString(other->json, "metadata.uid");
    if (restartOf(other->json) != restartOf(pod)) continue;  // Invariants::checkAlone
    const bool made = labelOf(pod, api::poolLabel).empty() && labelOf(other->json, api::poolLabel).empty();
    if (first != uid && (made || givenBy_[first] == server_.actor()))
      violate("two pods for one Sandbox: " + keyOf(sandbox->json));
  }
  givenBy_[uid] = server_.actor();
}

}  // namespace cloister::sim
