#include "tests/sim/holds.h"

#include "node/agent/image.h"
#include "tests/sim/invariants.h"
#include "tests/sim/network.h"
#include "tests/sim/objects.h"
#include "tests/sim/suspends.h"

namespace cloister::sim {
namespace {

using json::findString;

// The pool whose POD is, or null.
test::Object poolOf(const test::ApiServer& server, const json::value& pod) {
  if (findString(pod, "metadata.ownerReferences.0.kind") != "SandboxPool") return nullptr;
  test::Object pool = server.storage().get(
      {"sandboxpools",
       {findString(pod, "metadata.namespace"), findString(pod, "metadata.ownerReferences.0.name")}});
  const std::string uid = findString(pod, "metadata.ownerReferences.0.uid");
  return pool && findString(pool->json, "metadata.uid") == uid ? pool : nullptr;
}

// The SandboxSnapshot that SANDBOX's next pod continues from, which may be there.
test::ObjectId snapshotOf(const json::value& sandbox) {
  const std::string own = suspendedAs(sandbox);
  return {"sandboxsnapshots",
          {findString(sandbox, "metadata.namespace"), own.empty() ? restoresFrom(sandbox) : own}};
}

bool isSaidToRun(const json::value& sandbox) {
  const std::string phase = findString(sandbox, "status.phase");
  return phase == "Running" || phase == "Paused" || conditionOf(sandbox, "Ready", "status") == "True" ||
         (numberOf(sandbox) == 0 && json::find(sandbox, "status.startedAt") != nullptr);
}

}  // namespace

bool holds(const json::value& pool) {
  const json::value* hold = json::find(pool, "spec.hold");
  return hold != nullptr && hold->as_bool();
}

bool fitsSnapshot(const json::value& snapshot, const json::value& pod) {
  const node::Image image = node::runningImage(pod, api::containerName);
  return findString(pod, "spec.nodeName") == findString(snapshot, "status.nodeName") &&
         image.name == findString(snapshot, "status.image") &&
         image.id == findString(snapshot, "status.imageID");
}

HoldRules::HoldRules(const Clock& clock, test::ApiServer& server) : clock_(clock), server_(server) {
  server_.storage().onChange([this](const test::Change& change) {
    if (!change.after) return;
    const bool byOperator = server_.actor().starts_with(operatorPrefix);
    if (change.id.plural == "sandboxpools") poolChanged(change);
    if (change.id.plural == "sandboxsnapshots" && !change.before) ++savedAs_[change.id];
    if (change.id.plural == "sandboxes" && change.before && byOperator) sandboxTold(change.after->json);
    if (change.id.plural != "pods" || !byOperator) return;
    if (!change.before) return podCreated(change.after->json);
    if (isIdle(change.before->json)) podTaken(change.before->json, change.after->json);
  });
}

void HoldRules::violate(std::string what) {
  if (!violation_) violation_ = std::move(what);
}

// Whoever does not know of a change yet may act on what was before.
void HoldRules::poolChanged(const test::Change& change) {
  const json::value& pool = change.after->json;
  const std::string uid = findString(pool, "metadata.uid");
  if (!holds(pool)) {
    holding_.erase(uid);
  } else {
    holding_.try_emplace(uid, change.before ? clock_.instant() + underWay : Instant::min());
  }
}

void HoldRules::podCreated(const json::value& pod) {
  const test::Object pool = poolOf(server_, pod);
  if (!pool || isMadeToBeHeld(pod) || server_.actor().ends_with(lateSuffix)) return;
  const auto since = holding_.find(findString(pool->json, "metadata.uid"));
  if (since != holding_.end() && clock_.instant() >= since->second)
    violate("begins although its pool holds its pods: pod " + keyOf(pod));
}

// An older snapshot of that name may be the one that was looked at.
void HoldRules::podTaken(const json::value& before, const json::value& after) {
  const test::Object sandbox = ownerOf(server_, after);
  if (!sandbox || restoresFrom(sandbox->json).empty() || !suspendedAs(sandbox->json).empty()) return;
  if (!isMadeToBeHeld(before)) return violate("taken to continue in, and it has begun: pod " + keyOf(after));
  const test::ObjectId id = snapshotOf(sandbox->json);
  const test::Object snapshot = server_.storage().get(id);
  if (snapshot && savedAs_[id] == 1 && !fitsSnapshot(snapshot->json, before))
    violate("taken for a snapshot that does not fit it: pod " + keyOf(after));
}

void HoldRules::sandboxTold(const json::value& sandbox) {
  if (!isSaidToRun(sandbox)) return;
  for (const test::Object& pod : podsOf(server_, sandbox)) {
    if (findString(pod->json, "metadata.uid") != findString(sandbox, "status.podUID")) continue;
    if (isMadeToBeHeld(pod->json) && conditionOf(pod->json, api::heldCondition, "status") != "False")
      violate("said to run before its node says that it has begun: " + keyOf(sandbox));
  }
}

void HoldRules::began(const json::value& pod, bool restored) {
  const test::Object pool = poolOf(server_, pod);
  if (pool && holds(pool->json)) violate("begins in its pool: pod " + keyOf(pod));
  if (const test::Object sandbox = ownerOf(server_, pod)) beganAs(sandbox->json, pod, restored);
  begun_.insert(findString(pod, "metadata.uid"));
}

void HoldRules::beganAs(const json::value& sandbox, const json::value& pod, bool restored) {
  const std::string uid = findString(pod, "metadata.uid");
  if (isLeaving(pod) || isLeaving(sandbox)) violate("begins on its way out: pod " + keyOf(pod));
  if (findString(sandbox, "status.podUID") != uid)
    violate("begins before its Sandbox names it: pod " + keyOf(pod));
  for (const test::Object& other : podsOf(server_, sandbox)) {
    const std::string first = findString(other->json, "metadata.uid");
    if (first != uid && begun_.contains(first) && restartOf(other->json) == restartOf(pod) &&
        !hasEnded(other->json))
      violate("two held pods have begun for one Sandbox: " + keyOf(sandbox));
  }
  const bool goesOn = !snapshotOf(sandbox).key.name.empty();
  if (!restored && goesOn) violate("begins anew in place of going on: pod " + keyOf(pod));
  if (!restored || !goesOn) return;  // from a golden one: GoldenRules
  const test::Object snapshot = server_.storage().get(snapshotOf(sandbox));
  const bool fits =
      snapshot && findString(snapshot->json, "status.phase") == "Ready" && fitsSnapshot(snapshot->json, pod);
  if (!fits) violate("goes on from what it does not fit: pod " + keyOf(pod));
}

}  // namespace cloister::sim
