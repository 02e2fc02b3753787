#include "tests/sim/pools.h"

#include "tests/sim/golden.h"
#include "tests/sim/holds.h"
#include "tests/sim/invariants.h"
#include "tests/sim/network.h"
#include "tests/sim/objects.h"
#include "tests/sim/quotas.h"
#include "tests/sim/ways.h"
#include "tests/support/apiserver/patch.h"

namespace cloister::sim {
namespace {

using json::findString;

constexpr const char* administrator = "admin";

std::string ownerUid(const json::value& pod) {
  return findString(pod, "metadata.ownerReferences.0.uid");
}

// That live in a pod of POOL.
std::vector<test::Object> takenFrom(const test::ApiServer& server, const json::value& pool) {
  auto pods = server.storage().list("pods", findString(pool, "metadata.namespace"));
  std::erase_if(pods, [&](const test::Object& pod) {
    return !isOurs(pod->json) || isIdle(pod->json) ||
           labelOf(pod->json, api::poolLabel) != findString(pool, "metadata.name");
  });
  return pods;
}

int64_t claimedOf(const test::ApiServer& server, const json::value& pool) {
  return std::ranges::count_if(takenFrom(server, pool), [](const test::Object& pod) {
    const std::string phase = findString(pod->json, "status.phase");
    return !isLeaving(pod->json) && phase != "Succeeded" && phase != "Failed";
  });
}

// The number at PATH, or what counts without it.
int64_t integerOr(const json::value& object, std::string_view path, int64_t otherwise) {
  return json::find(object, path) == nullptr ? otherwise : integer(object, path);
}

bool followsDemand(const json::value& pool) {
  return json::find(pool, "spec.minIdle") != nullptr;
}

constexpr int64_t unbounded = 10'000;

int64_t mostTotal(const json::value& pool) {
  return followsDemand(pool) ? integerOr(pool, "spec.maxTotal", unbounded) : unbounded;
}

// Sandboxes that say they wait for POOL.
int64_t waitingFor(const test::ApiServer& server, const json::value& pool) {
  const auto sandboxes = server.storage().list("sandboxes", findString(pool, "metadata.namespace"));
  return std::ranges::count_if(sandboxes, [&](const test::Object& sandbox) {
    return findString(sandbox->json, "spec.poolRef.name") == findString(pool, "metadata.name") &&
           conditionOf(sandbox->json, "Ready", "reason") == "PoolEmpty" && !isLeaving(sandbox->json) &&
           !hasEnded(sandbox->json);
  });
}

// How many pods POOL is to hold NOW. Deliberately not operator/pool/view.cc.
int64_t wantedBy(const test::ApiServer& server, const json::value& pool, Time now) {
  if (!followsDemand(pool)) return integerOr(pool, "spec.replicas", 1);
  const int64_t recent = std::ranges::count_if(takenFrom(server, pool), [&](const test::Object& pod) {
    const test::Object sandbox = server.storage().get(
        {"sandboxes", {findString(pod->json, "metadata.namespace"), labelOf(pod->json, api::sandboxLabel)}});
    return sandbox && *parseTime(findString(sandbox->json, "metadata.creationTimestamp")) > now - seconds(60);
  });
  const int64_t wanted = std::max({integer(pool, "spec.minIdle"), recent, waitingFor(server, pool)});
  return std::clamp<int64_t>(mostTotal(pool) - claimedOf(server, pool), 0, wanted);
}

std::string unsettledPool(const test::ApiServer& server, const json::value& pool, std::optional<Time> since,
                          Time until) {
  if (isLeaving(pool)) return "about to go";
  const auto held = heldBy(server, pool);
  const int64_t wanted = since ? wantedBy(server, pool, *since)
                               : std::clamp(std::ssize(held), wantedBy(server, pool, Time::max()),
                                            wantedBy(server, pool, Time{}));
  if (since && wanted != wantedBy(server, pool, until)) return "the demand passes";
  const bool quota = !server.storage().list("sandboxquotas", findString(pool, "metadata.namespace")).empty();
  const bool heldBack = quota && std::ssize(held) < wanted && isHeldBack(pool);
  if (std::ssize(held) != wanted && !heldBack) return "it does not hold what it should";
  for (const test::Object& pod : held) {
    if (!isUsable(pod->json)) return "its pods are not ready";
    if (isMadeToBeHeld(pod->json) != holds(pool)) return "its pods have begun, or wait, as they shall not";
  }
  if (integer(pool, "status.readyReplicas") != std::ssize(held)) return "its status does not count them";
  if (integer(pool, "status.observedGeneration") != integer(pool, "metadata.generation"))
    return "the generation was not observed";
  return heldBack || conditionOf(pool, "Ready", "status") == "True" ? "" : "it is not Ready";
}

void make(test::ApiServer& server, const char* kind, const test::ObjectId& id, json::value spec,
          const Way& way) {
  if (server.storage().get(id)) return;
  test::applyMergePatch(spec, *json::parse(way.patch));
  server.create(administrator, id.plural,
                {{"apiVersion", api::apiVersion},
                 {"kind", kind},
                 {"metadata", {{"name", id.key.name}, {"namespace", id.key.namespace_}}},
                 {"spec", std::move(spec)}});
}

}  // namespace

std::vector<test::Object> heldBy(const test::ApiServer& server, const json::value& pool) {
  auto pods = server.storage().list("pods", findString(pool, "metadata.namespace"));
  std::erase_if(pods, [&](const test::Object& pod) {
    return !isIdle(pod->json) || isLeaving(pod->json) ||
           ownerUid(pod->json) != findString(pool, "metadata.uid");
  });
  return pods;
}

void makePool(test::ApiServer& server, const std::string& namespace_, const Setup& setup) {
  if (setup.pool == 0) return;
  constexpr const char* whenEmpty[] = {"Cold", "Wait", "Fail"};
  // All that wishes.h knows.
  const json::array overridable{
      "runtime",   "imagePullPolicy", "command",           "args",        "workingDir",  "env",
      "resources", "securityProfile", "lifecycle",         "network",     "workspace",   "imagePullSecrets",
      "image",     "nodeSelector",    "priorityClassName", "podMetadata", "tolerations", "restartPolicy"};
  json::object template_{{"sandbox", {{"image", "runs"}}}, {"overridable", overridable}};
  if (setup.golden) template_["golden"] = goldenSpec(0);
  make(server, "SandboxTemplate", {"sandboxtemplates", {namespace_, "template"}}, std::move(template_),
       templateWays()[size_t(setup.templateWay)]);
  json::object spec{{"templateRef", {{"name", "template"}}},
                    {"replicas", setup.idle},
                    {"whenEmpty", whenEmpty[(setup.pool - 1) % 3]}};
  if (setup.hold) spec["hold"] = true;
  make(server, "SandboxPool", {"sandboxpools", {namespace_, "pool"}}, std::move(spec),
       poolWays()[size_t(setup.poolWay)]);
}

std::string unsettledPools(const test::ApiServer& server, std::optional<Time> since, Time until) {
  for (const test::Object& pool : server.storage().list("sandboxpools", "")) {
    if (auto what = unsettledPool(server, pool->json, since, until); !what.empty())
      return what + ": pool " + keyOf(pool->json);
  }
  return {};
}

std::string unusedRevision(const test::ApiServer& server) {
  for (const test::Object& revision : server.storage().list("controllerrevisions", "")) {
    const std::string namespace_ = findString(revision->json, "metadata.namespace");
    const std::string name = findString(revision->json, "metadata.name");
    if (ownerUid(revision->json).empty()) continue;  // somebody else's
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
  const json::value& pool = change.after->json;
  Bounds& most = most_[findString(pool, "metadata.uid")];
  most.total = std::max(most.total, mostTotal(pool));
  most.idle =
      std::max(most.idle, followsDemand(pool) ? mostTotal(pool) : integerOr(pool, "spec.replicas", 1));
}

void PoolRules::podChanged(const test::Change& change) {
  if (!change.after) return;
  if (!server_.actor().starts_with(operatorPrefix)) {
    if (!change.before) forged_.insert(findString(change.after->json, "metadata.uid"));
    return;
  }
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
  const int64_t held = std::ssize(heldBy(server_, pool->json));
  const Bounds& most = most_[ownerUid(pod)];
  if (!another && (held > most.idle || held + claimedOf(server_, pool->json) > most.total))
    violate("more pods than the pool was ever to hold: " + keyOf(pool->json));
}

void PoolRules::podTaken(const json::value& before, const json::value& after) {
  const std::string was = labelOf(before, api::sandboxLabel);
  const std::string is = labelOf(after, api::sandboxLabel);
  if (was == is && ownerUid(before) == ownerUid(after)) return;
  if (!isIdle(before)) return violate("given to another one: pod " + keyOf(after));
  if (forged_.contains(findString(after, "metadata.uid")))
    violate("taken although no pool made it: pod " + keyOf(after));
  if (isLeaving(before) || !isUsable(before)) violate("taken although it is not ready: pod " + keyOf(after));
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
