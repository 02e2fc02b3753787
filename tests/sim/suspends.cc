#include "tests/sim/suspends.h"

#include "node/agent/image.h"
#include "tests/sim/cluster.h"
#include "tests/sim/golden.h"
#include "tests/sim/invariants.h"
#include "tests/sim/network.h"
#include "tests/sim/objects.h"
#include "tests/sim/steps.h"

namespace cloister::sim {
namespace {

using json::findString;

constexpr const char* actorAgent = "node-agent";
constexpr const char* snapshots = "sandboxsnapshots";

test::Object sandboxOf(const test::ApiServer& server, const json::value& snapshot) {
  return server.storage().get(
      {"sandboxes",
       {findString(snapshot, "metadata.namespace"), findString(snapshot, "spec.sandboxRef.name")}});
}

test::Object ownerOfSnapshot(const test::ApiServer& server, const json::value& snapshot) {
  test::Object sandbox = sandboxOf(server, snapshot);
  const std::string uid = findString(snapshot, "metadata.ownerReferences.0.uid");
  return sandbox && findString(sandbox->json, "metadata.uid") == uid ? sandbox : nullptr;
}

bool hasOwner(const json::value& snapshot) {
  return !findString(snapshot, "metadata.ownerReferences.0.uid").empty();
}

bool isScheduled(const json::value& snapshot) {
  return !annotationOf(snapshot, api::scheduledForAnnotation).empty();
}

// A schedule has made SNAPSHOT, and a later one for the same Sandbox, which can be restored; or as little as
// SNAPSHOT itself, and tells why.
bool hasSuccessor(const test::ApiServer& server, const json::value& snapshot) {
  const std::string moment = annotationOf(snapshot, api::scheduledForAnnotation);
  const std::string uid = findString(snapshot, "metadata.ownerReferences.0.uid");
  const bool failed = findString(snapshot, "status.phase") == "Failed";
  const auto succeeds = [&](const json::value& other) {
    const std::string phase = findString(other, "status.phase");
    return findString(other, "metadata.ownerReferences.0.uid") == uid &&
           (phase == "Ready" || (failed && phase == "Failed")) &&
           annotationOf(other, api::scheduledForAnnotation) > moment;
  };
  return std::ranges::any_of(server.storage().list(snapshots, findString(snapshot, "metadata.namespace")),
                             [&](const auto& other) { return succeeds(other->json); });
}

// The pod of UID, or null.
test::Object podOf(const test::ApiServer& server, const std::string& namespace_, const std::string& uid) {
  for (const test::Object& pod : server.storage().list("pods", namespace_)) {
    if (findString(pod->json, "metadata.uid") == uid) return pod;
  }
  return nullptr;
}

// The pod whose memory there is to save, or null.
test::Object podToSave(const test::ApiServer& server, const json::value& snapshot) {
  const test::Object sandbox = sandboxOf(server, snapshot);
  if (!sandbox) return nullptr;
  const std::string phase = findString(sandbox->json, "status.phase");
  if (phase != "Running" && phase != "Paused") return nullptr;
  test::Object pod =
      podOf(server, findString(snapshot, "metadata.namespace"), findString(sandbox->json, "status.podUID"));
  const bool runs = pod && !isLeaving(pod->json) && !hasEnded(pod->json);
  return runs ? pod : nullptr;
}

void tell(json::value& snapshot, std::string_view phase, std::string_view reason) {
  json::object& status = snapshot.as_object()["status"].as_object();
  status["phase"] = phase;
  status["conditions"] = json::array{{{"type", "Ready"},
                                      {"status", phase == "Ready" ? "True" : "False"},
                                      {"reason", reason},
                                      {"lastTransitionTime", "2026-01-01T00:00:00Z"},
                                      {"message", "as its agent says"}}};
}

// POD's agent has stopped it for SNAPSHOT, whoever wants it to go on by now.
bool standsStillFor(const json::value& pod, const std::string& snapshot) {
  return conditionOf(pod, api::frozenCondition, "status") == "True" &&
         conditionOf(pod, api::frozenCondition, "message") == snapshot;
}

}  // namespace

std::string suspendedAs(const json::value& sandbox) {
  return findString(sandbox, "status.suspension.snapshotName");
}

bool isResuming(const json::value& sandbox) {
  const std::string phase = findString(sandbox, "status.phase");
  return !suspendedAs(sandbox).empty() && (phase == "Pending" || phase == "Queued");
}

bool isReleased(const test::ApiServer& server, const json::value& sandbox) {
  const test::Object snapshot =
      server.storage().get({snapshots, {findString(sandbox, "metadata.namespace"), suspendedAs(sandbox)}});
  return snapshot && !hasOwner(snapshot->json) && findString(snapshot->json, "status.phase") == "Ready";
}

void takeSnapshot(test::ApiServer& server, const Step& step) {
  const test::ObjectId id = snapshotOf(step);
  const test::Object home = server.storage().get({"namespaces", {"", id.key.namespace_}});
  if (!home || findString(home->json, "status.phase") == "Terminating" || server.storage().get(id)) return;
  json::object spec{{"sandboxRef", {{"name", sandboxOf(step).key.name}}}};
  if (step.span != Duration{}) spec["ttl"] = formatDuration(step.span);
  server.create("user", snapshots,
                {{"apiVersion", api::apiVersion},
                 {"kind", "SandboxSnapshot"},
                 {"metadata", {{"name", id.key.name}, {"namespace", id.key.namespace_}}},
                 {"spec", std::move(spec)}});
}

Savers::Savers(test::SimClock& clock, test::ApiServer& server, const Kubelets& kubelets, uint64_t seed)
    : clock_(clock), server_(server), kubelets_(kubelets), dice_(seed, 5) {
  server_.storage().onChange([this](const test::Change& change) {
    if (change.id.plural == snapshots && !change.before)
      later(milliseconds(20), milliseconds(900), &Savers::claim, change.id);
  });
}

void Savers::later(Duration least, Duration most, void (Savers::*what)(const test::ObjectId&),
                   test::ObjectId id) {
  clock_.at(clock_.instant() + dice_.between(least, most), [this, what, id] { (this->*what)(id); });
}

void Savers::claim(const test::ObjectId& id) {
  const test::Object snapshot = server_.storage().get(id);
  if (!snapshot || json::find(snapshot->json, "status.nodeName") != nullptr) return;
  const test::Object pod = podToSave(server_, snapshot->json);
  if (!pod || !kubelets_.isUp(findString(pod->json, "spec.nodeName")))
    return later(seconds(1), seconds(2), &Savers::claim, id);
  const node::Image image = node::runningImage(pod->json, api::containerName);
  server_.edit(actorAgent, id, [&](json::value& object) {
    object.as_object()["status"] = {{"nodeName", findString(pod->json, "spec.nodeName")},
                                    {"podUID", findString(pod->json, "metadata.uid")},
                                    {"image", image.name},
                                    {"imageID", image.id}};
    tell(object, "Running", "Taking");
  });
  later(milliseconds(20), seconds(3), &Savers::finish, id);
}

void Savers::finish(const test::ObjectId& id) {
  const test::Object snapshot = server_.storage().get(id);
  // A namesake may have taken its place, which nobody has begun to take; or it has failed already.
  if (!snapshot || json::find(snapshot->json, "status.nodeName") == nullptr ||
      findString(snapshot->json, "status.phase") == "Failed")
    return;
  if (!kubelets_.isUp(findString(snapshot->json, "status.nodeName")))
    return later(seconds(1), seconds(2), &Savers::finish, id);
  const test::Object pod = podToSave(server_, snapshot->json);
  const bool there =
      pod && findString(pod->json, "metadata.uid") == findString(snapshot->json, "status.podUID");
  server_.edit(actorAgent, id, [&](json::value& object) {
    tell(object, there ? "Ready" : "Failed", there ? "Taken" : "PodLost");
    const auto ttl = parseDuration(findString(object, "spec.ttl"));
    if (there && ttl) object.at("status").as_object()["expiresAt"] = formatTime(clock_.now() + *ttl);
  });
}

SuspendRules::SuspendRules(test::ApiServer& server) : server_(server) {
  server_.storage().onChange([this](const test::Change& change) {
    if (change.id.plural == snapshots) snapshotChanged(change);
    if (change.id.plural == "pods") podChanged(change);
    if (change.id.plural == "sandboxes" && change.before && change.after)
      sandboxChanged(change.before->json, change.after->json);
  });
}

void SuspendRules::violate(std::string what) {
  if (!violation_) violation_ = std::move(what);
}

void SuspendRules::snapshotChanged(const test::Change& change) {
  const json::value& snapshot = (change.after ? change.after : change.before)->json;
  const std::string uid = findString(snapshot, "metadata.uid");
  const std::string name = findString(snapshot, "metadata.name");
  const bool claimed =
      change.after && (!change.before || findString(change.before->json, "status.podUID").empty());
  const std::string of = findString(snapshot, "status.podUID");
  if (claimed && !of.empty()) {
    const test::Object pod = podOf(server_, findString(snapshot, "metadata.namespace"), of);
    if (pod && standsStillFor(pod->json, name)) still_.insert(uid);
    of_[uid] = of;
  }
  if (change.before && change.after) released(change.before->json, change.after->json);
  if (change.after || !server_.actor().starts_with(operatorPrefix)) return;
  const test::Object sandbox = ownerOfSnapshot(server_, snapshot);
  if (sandbox && isScheduled(snapshot) && !hasSuccessor(server_, snapshot))
    violate("the last one of a schedule was deleted: " + keyOf(snapshot));
  if (!hasOwner(snapshot) && json::find(snapshot, "status.expiresAt") == nullptr)
    violate("a user's snapshot was deleted: " + keyOf(snapshot));
  if (sandbox && suspendedAs(sandbox->json) == name)
    violate("what a Sandbox is kept in was deleted: " + keyOf(snapshot));
}

// Only what a Sandbox is kept in that is about to be deleted. What is carried out late may meet another
// world.
void SuspendRules::released(const json::value& before, const json::value& after) {
  if (!hasOwner(before) || hasOwner(after) || server_.actor().ends_with(lateSuffix)) return;
  const test::Object sandbox = ownerOfSnapshot(server_, before);
  if (!sandbox) return;
  if (findString(sandbox->json, "status.phase") != "Suspended" ||
      suspendedAs(sandbox->json) != findString(before, "metadata.name"))
    violate("what no Sandbox is kept in was released: " + keyOf(before));
}

// The decision, and its end.
void SuspendRules::sandboxChanged(const json::value& before, const json::value& after) {
  const std::string was = findString(before, "status.phase");
  if (findString(after, "status.phase") != "Suspended" || was == "Suspended") return;
  const std::string name = suspendedAs(after);
  const test::Object snapshot =
      server_.storage().get({snapshots, {findString(after, "metadata.namespace"), name}});
  if (!snapshot || conditionOf(snapshot->json, "Ready", "status") != "True")
    return violate("suspended in what is not there: " + keyOf(after));
  if (isResuming(before)) return;
  const std::string uid = findString(snapshot->json, "metadata.uid");
  if (!still_.contains(uid)) violate("saved while it ran: " + keyOf(after));
  if (of_[uid] != findString(before, "status.podUID")) violate("suspended as another pod: " + keyOf(after));
  const test::Object pod = podOf(server_, findString(after, "metadata.namespace"), of_[uid]);
  if (pod && !standsStillFor(pod->json, name)) violate("it ran on since it was saved: " + keyOf(after));
}

void SuspendRules::podChanged(const test::Change& change) {
  if (!change.after) return;
  const json::value& pod = change.after->json;
  const test::Object sandbox = ownerOf(server_, pod);
  if (!sandbox) return;
  if (!change.before) {
    const bool late = server_.actor().ends_with(lateSuffix);
    if (isResuming(sandbox->json) && !late && restartOf(pod) == numberOf(sandbox->json) &&
        annotationOf(pod, api::restoreAnnotation) != suspendedAs(sandbox->json))
      violate("started anew in place of going on: " + keyOf(sandbox->json));
    return;
  }
  const std::string name = suspendedAs(sandbox->json);
  const bool own = findString(sandbox->json, "status.podUID") == findString(pod, "metadata.uid");
  if (own && findString(sandbox->json, "status.phase") == "Suspended" && !hasEnded(pod) &&
      standsStillFor(change.before->json, name) && !standsStillFor(pod, name))
    violate("it goes on after it was suspended: " + keyOf(pod));
}

std::string unsettledSuspended(const test::ApiServer& server, const json::value& sandbox) {
  const test::Object kept =
      server.storage().get({snapshots, {findString(sandbox, "metadata.namespace"), suspendedAs(sandbox)}});
  if (!kept) return "what it is kept in is gone";
  if (json::find(sandbox, "status.pausedAt") == nullptr) return "since when it stands still is not told";
  const std::string why = conditionOf(sandbox, "Ready", "reason");
  return why == "Suspended" || (isKept(sandbox) && why == "Expired") ? ""
                                                                     : "it is not told that it is suspended";
}

std::string unsettledSnapshot(const test::ApiServer& server, Time until) {
  for (const test::Object& object : server.storage().list(snapshots, "")) {
    const json::value& snapshot = object->json;
    if (hasOwner(snapshot)) continue;
    const auto end = parseTime(findString(snapshot, "status.expiresAt"));
    if (end && *end <= until) return "soon deleted: " + keyOf(snapshot);
    if (findString(snapshot, "status.phase") == "Running") return "it is being taken: " + keyOf(snapshot);
    if (json::find(snapshot, "status.nodeName") != nullptr) continue;
    if (podToSave(server, snapshot)) return "it is about to be taken: " + keyOf(snapshot);
    const bool there = sandboxOf(server, snapshot) != nullptr;
    if (conditionOf(snapshot, "Ready", "reason") != (there ? "SandboxNotRunning" : "SandboxNotFound"))
      return "it is not told why it waits: " + keyOf(snapshot);
  }
  return {};
}

std::string unusedSnapshot(const test::ApiServer& server) {
  for (const test::Object& snapshot : server.storage().list(snapshots, "")) {
    const test::Object sandbox = ownerOfSnapshot(server, snapshot->json);
    if (!hasOwner(snapshot->json) || (sandbox && isScheduled(snapshot->json))) continue;
    if (isOfTemplate(snapshot->json)) continue;  // GoldenRules
    if (!sandbox || suspendedAs(sandbox->json) != findString(snapshot->json, "metadata.name"))
      return keyOf(snapshot->json);
  }
  return {};
}

}  // namespace cloister::sim
