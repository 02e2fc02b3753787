#include "api/sandbox.h"
#include "tests/sim/agents.h"
#include "tests/sim/cluster.h"
#include "tests/sim/golden.h"
#include "tests/sim/images.h"
#include "tests/sim/objects.h"
#include "tests/sim/suspends.h"

namespace cloister::sim {
namespace {

constexpr const char* actorKubelet = "kubelet";

std::string nodeOf(const json::value& pod) {
  return json::findString(pod, "spec.nodeName");
}

bool isFinal(const json::value& pod) {
  const std::string phase = json::findString(pod, "status.phase");
  return phase == "Succeeded" || phase == "Failed";
}

// The one node that it asks for, or empty.
std::string pinnedNode(const json::value& pod) {
  return json::findString(pod,
                          "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."
                          "nodeSelectorTerms.0.matchFields.0.values.0");
}

std::string wishOf(const json::value& pod) {
  const json::value* all = json::find(pod, "metadata.annotations");
  const json::value* wish = all != nullptr ? all->as_object().if_contains(api::freezeAnnotation) : nullptr;
  return wish != nullptr ? std::string(wish->as_string()) : std::string();
}

json::object& statusOf(json::value& object) {
  json::value& status = object.as_object()["status"];
  return status.is_object() ? status.get_object() : status.emplace_object();
}

void setCondition(json::value& object, std::string_view type, std::string_view status, Time now,
                  std::string_view reason = {}, std::string_view message = {}) {
  json::value& list = statusOf(object)["conditions"];
  if (!list.is_array()) list.emplace_array();
  json::value next{{"type", type}, {"status", status}, {"reason", reason}, {"message", message}};
  for (json::value& condition : list.get_array()) {
    if (condition.at("type") != next.at("type")) continue;
    const bool same = condition.at("status") == next.at("status");
    next.as_object()["lastTransitionTime"] =
        same ? condition.at("lastTransitionTime") : json::value(formatTime(now));
    condition = std::move(next);
    return;
  }
  next.as_object()["lastTransitionTime"] = formatTime(now);
  list.get_array().push_back(std::move(next));
}

void setContainer(json::value& pod, bool ready, json::object state) {
  const std::string name = json::findString(pod, "spec.containers.0.name");
  json::object status{{"name", name}, {"ready", ready}};
  if (!state.contains("waiting")) status["imageID"] = imageIdOf(pod);
  status["state"] = std::move(state);
  statusOf(pod)["containerStatuses"] = json::array{std::move(status)};
}

// The kubelet asks whether its program is warm before it calls it Ready.
bool isProbed(const json::value& pod) {
  return json::find(pod, "spec.containers.0.startupProbe") != nullptr;
}

// Another container, put in by admission.
json::value proxy(bool runs) {
  json::object state;
  state[runs ? "running" : "waiting"] = json::object();
  return {{"name", "proxy"}, {"ready", runs}, {"state", std::move(state)}};
}

void addProxy(json::value& pod, bool runs) {
  json::array& list = statusOf(pod)["containerStatuses"].as_array();
  list.insert(list.begin(), proxy(runs));
}

void setEnded(json::value& pod, const End& end, Time now) {
  std::string began = json::findString(pod, "status.containerStatuses.0.state.running.startedAt");
  // The kubelet's word for never.
  if (end.neverRan && !end.words.empty()) began = formatTime(Time{});
  json::object terminated{
      {"exitCode", end.exitCode}, {"reason", end.reason}, {"finishedAt", formatTime(now)}};
  if (!end.words.empty()) terminated["message"] = end.words;
  if (!began.empty()) terminated["startedAt"] = began;
  setContainer(pod, false, {{"terminated", std::move(terminated)}});
  setCondition(pod, "Ready", "False", now, "PodFailed");
  statusOf(pod)["phase"] = end.phase;
  if (end.disruption.empty()) return;
  setCondition(pod, "DisruptionTarget", "True", now, end.disruption, "The node was low on memory.");
  if (end.how != "evicted") return;
  statusOf(pod)["reason"] = "Evicted";
  statusOf(pod)["message"] = "The node was low on resource: memory.";
}

}  // namespace

Kubelets::Kubelets(test::SimClock& clock, test::ApiServer& server, uint64_t seed)
    : clock_(clock), server_(server), dice_(seed, 2) {
  for (int node = 0; node < nodes; ++node) {
    server_.create(actorKubelet, "nodes", {{"metadata", {{"name", "node-" + std::to_string(node)}}}});
    setNodeReady(node, true);
  }
  server_.storage().onChange([this](const test::Change& change) { changed(change); });
}

void Kubelets::later(Duration least, Duration most, std::function<void()> what) {
  clock_.at(clock_.instant() + dice_.between(least, most), std::move(what));
}

// WHAT is about the pod that has the name now: a later one of that name has nothing to do with it.
void Kubelets::laterFor(const test::ObjectId& id, Duration least, Duration most, std::function<void()> what) {
  const auto uid = [this, id] {
    const test::Object pod = server_.storage().get(id);
    return pod ? json::findString(pod->json, "metadata.uid") : std::string();
  };
  later(least, most, [uid, what = std::move(what), before = uid()] {
    if (!before.empty() && uid() == before) what();
  });
}

void Kubelets::changed(const test::Change& change) {
  if (change.id.plural != "pods" || !change.after) return;
  const json::value& pod = change.after->json;
  const test::ObjectId id = change.id;
  if (!change.before) {
    laterFor(id, milliseconds(10), milliseconds(150), [this, id] { bind(id); });
  } else if (nodeOf(change.before->json).empty() && !nodeOf(pod).empty()) {
    const bool slow = imageOf(pod).name == "slow";
    laterFor(id, milliseconds(slow ? 4000 : 200), milliseconds(slow ? 9000 : 1500),
             [this, id] { start(id); });
  }
  if (change.before && wishOf(change.before->json) != wishOf(pod))
    laterFor(id, milliseconds(10), milliseconds(400), [this, id] { freeze(id); });
  heldChanged(change);
  if (isLeaving(pod) && change.before && !isLeaving(change.before->json))
    laterFor(id, milliseconds(50), milliseconds(4000), [this, id] { stop(id); });
}

void Kubelets::bind(const test::ObjectId& id) {
  std::string node = "node-" + std::to_string(dice_.roll(nodes));
  if (const test::Object pod = server_.storage().get(id); pod && !pinnedNode(pod->json).empty())
    node = pinnedNode(pod->json);
  if (cordoned_.contains(node)) return laterFor(id, milliseconds(100), seconds(1), [this, id] { bind(id); });
  server_.edit("scheduler", id, [&](json::value& pod) {
    if (!nodeOf(pod).empty()) return;
    const Image& image = imageOf(pod);
    if (image.name == "unschedulable") {
      setCondition(pod, "PodScheduled", "False", clock_.now(), "Unschedulable", "0/3 nodes are available.");
      return;
    }
    if (image.name == "gated")
      return setCondition(pod, "PodScheduled", "False", clock_.now(), "SchedulingGated");
    pod.at("spec").as_object()["nodeName"] = node;
    setCondition(pod, "PodScheduled", "True", clock_.now());
  });
}

void Kubelets::setCordoned(const std::string& node, bool cordoned) {
  if (cordoned == cordoned_.contains(node)) return;
  if (cordoned) {
    cordoned_.insert(node);
  } else {
    cordoned_.erase(node);
  }
  server_.edit("admin", {"nodes", {"", node}},
               [&](json::value& object) { object.as_object()["spec"] = {{"unschedulable", cordoned}}; });
}

void Kubelets::cordon(int node, Duration span) {
  const std::string name = "node-" + std::to_string(node);
  setCordoned(name, true);
  clock_.at(clock_.instant() + span, [this, name] { setCordoned(name, false); });
}

void Kubelets::uncordonAll() {
  for (int node = 0; node < nodes; ++node) setCordoned("node-" + std::to_string(node), false);
}

bool Kubelets::nodeIsUp(const test::ObjectId& id) const {
  const test::Object pod = server_.storage().get(id);
  return !pod || !lost_.contains(nodeOf(pod->json));
}

void Kubelets::start(const test::ObjectId& id) {
  if (!nodeIsUp(id)) return laterFor(id, seconds(1), seconds(2), [this, id] { start(id); });
  const Image* image = nullptr;
  server_.edit(actorKubelet, id, [&](json::value& pod) {
    if (hasEnded(pod) || isLeaving(pod)) return;
    image = &imageOf(pod);
    if (image->name == "refused") {
      statusOf(pod)["phase"] = "Failed";
      statusOf(pod)["reason"] = "OutOfcpu";
      statusOf(pod)["message"] = "Node didn't have enough resource: cpu";
    } else if (image->name == "unlisted") {
      statusOf(pod)["containerStatuses"] = json::array{proxy(true)};
      statusOf(pod)["phase"] = "Running";
    } else {
      setContainer(pod, false, {{"waiting", {{"reason", image->waiting}, {"message", image->words}}}});
      if (image->name == "sidecar") addProxy(pod, true);
      if (image->name == "overtaking") {
        setContainer(pod, true, {{"running", {{"startedAt", formatTime(clock_.now())}}}});
        addProxy(pod, false);
      }
    }
  });
  if (image == nullptr) return;
  const auto allowed = mayStart(id);
  if (!allowed) return laterFor(id, seconds(1), seconds(2), [this, id] { start(id); });
  if (!*allowed) return end(id, "startError");
  recordEvent(id, *image);
  const End* failure = findEnd(image->end);
  if (failure != nullptr && failure->neverRan) return end(id, std::string(image->end));
  if (image->starts) laterFor(id, milliseconds(10), milliseconds(300), [this, id] { run(id); });
}

// Of those that ask; none: to be asked again. Now and then no agent answers in time for what is to be held.
std::optional<bool> Kubelets::mayStart(const test::ObjectId& id) {
  const test::Object pod = server_.storage().get(id);
  if (!pod) return true;
  const bool held = isMadeToBeHeld(pod->json);
  if (!held && annotationOf(pod->json, api::restoreAnnotation).empty()) return true;
  if (held && !calm_ && dice_.oneIn(16)) return false;
  if (!held && isToBeginFromGolden(pod->json)) return mayBegin(pod->json);
  const auto answer = answerOf(server_, pod->json, node::StartStage::Start);
  if (!answer) return std::nullopt;
  // What differs from a user's snapshot, whose pods are refused for ever, comes to rest, too.
  const test::Object sandbox = ownerOf(server_, pod->json);
  const bool differs = sandbox && suspendedAs(sandbox->json).empty() && restartOf(pod->json) >= 2;
  return differs || answer->action != node::StartAction::Refuse;
}

// As the kubelet tells what it does for a container that is not there yet.
void Kubelets::recordEvent(const test::ObjectId& id, const Image& image) {
  const test::Object pod = server_.storage().get(id);
  if (!pod || image.eventReason.empty()) return;
  const std::string name = id.key.name + "." + std::to_string(server_.storage().revision());
  server_.create(actorKubelet, "events",
                 {{"metadata", {{"name", name}, {"namespace", id.key.namespace_}}},
                  {"involvedObject", {{"kind", "Pod"}, {"uid", pod->json.at("metadata").at("uid")}}},
                  {"type", image.eventType},
                  {"reason", image.eventReason},
                  {"message", image.eventMessage},
                  {"lastTimestamp", formatTime(clock_.now())}});
}

void Kubelets::run(const test::ObjectId& id) {
  if (!nodeIsUp(id)) return laterFor(id, seconds(1), seconds(2), [this, id] { run(id); });
  const Image* image = nullptr;
  server_.edit(actorKubelet, id, [&](json::value& pod) {
    if (hasEnded(pod) || isLeaving(pod)) return;
    image = &imageOf(pod);
    const bool waits = image->name == "unready" || isProbed(pod);
    const bool ready = !waits || json::findString(pod, "status.phase") == "Running";
    setContainer(pod, ready, {{"running", {{"startedAt", formatTime(clock_.now())}}}});
    statusOf(pod)["phase"] = "Running";
    statusOf(pod)["podIPs"] = json::array{{{"ip", "10.0.0.1"}}};
    setCondition(pod, "Ready", ready ? "True" : "False", clock_.now());
    // What does not get warm in time is ended.
    const bool fails = !ready && isProbed(pod) && !calm_ && dice_.oneIn(8);
    if (fails) laterFor(id, seconds(1), seconds(9), [this, id] { end(id, "crashed"); });
    if (!ready && !fails) laterFor(id, seconds(1), seconds(9), [this, id] { run(id); });
  });
  if (image == nullptr) return;
  const test::Object pod = server_.storage().get(id);
  if (isMadeToBeHeld(pod->json)) return hold(id, pod->json);
  endInTime(id, *image);
}

void Kubelets::endInTime(const test::ObjectId& id, const Image& image) {
  if (image.end.empty()) return;
  laterFor(id, milliseconds(100), seconds(9), [this, id, how = std::string(image.end)] { end(id, how); });
}

// What the node's agent does. Now and then it fails first.
void Kubelets::freeze(const test::ObjectId& id) {
  if (!nodeIsUp(id)) return laterFor(id, seconds(1), seconds(2), [this, id] { freeze(id); });
  server_.edit("node-agent", id, [&](json::value& pod) {
    if (hasEnded(pod) || isLeaving(pod)) return;
    const std::string wish = wishOf(pod);
    if (wish.empty()) {
      if (isStopped(pod)) endInTime(id, imageOf(pod));
      return setCondition(pod, api::frozenCondition, "False", clock_.now(), "NotAsked");
    }
    if (isFrozen(pod)) return;
    if (!dice_.oneIn(4)) return setCondition(pod, api::frozenCondition, "True", clock_.now(), "Asked", wish);
    setCondition(pod, api::frozenCondition, "False", clock_.now(), api::frozenFailed, "runsc failed");
    laterFor(id, milliseconds(50), seconds(2), [this, id] { freeze(id); });
  });
}

void Kubelets::tellHeld(const test::ObjectId& id, bool held) {
  server_.edit("node-agent", id, [&](json::value& pod) {
    setCondition(pod, api::heldCondition, held ? "True" : "False", clock_.now(), held ? "Waiting" : "Begun");
  });
}

void Kubelets::end(const test::ObjectId& id, const std::string& how) {
  if (!nodeIsUp(id)) return laterFor(id, seconds(1), seconds(2), [this, id, how] { end(id, how); });
  server_.edit(actorKubelet, id, [&](json::value& pod) {
    if (isFinal(pod) || nodeOf(pod).empty()) return;
    // What stands still does not end by itself, and what was held has not begun to.
    if (isStopped(pod) && (how == "completed" || how == "crashed" || how == "wordy")) return;
    if (waits(pod) && (how == "completed" || how == "wordy")) return;
    if (how == "spared") setCondition(pod, "DisruptionTarget", "False", clock_.now());
    const End* end = findEnd(how);
    if (end == nullptr) return;
    if (const json::value* before = json::find(pod, "status.containerStatuses.0.state.terminated")) {
      statusOf(pod)["phase"] = before->at("exitCode") == 0 ? "Succeeded" : "Failed";
      return;
    }
    setEnded(pod, *end, clock_.now());
    if (imageOf(pod).name != "outlived") return;
    statusOf(pod)["phase"] = "Running";
    statusOf(pod)["containerStatuses"].as_array().push_back(proxy(true));
    laterFor(id, seconds(1), seconds(9), [this, id, how] { this->end(id, how); });
  });
}

void Kubelets::stop(const test::ObjectId& id) {
  if (!nodeIsUp(id)) return laterFor(id, seconds(1), seconds(2), [this, id] { stop(id); });
  const test::Object pod = server_.storage().get(id);
  if (json::find(pod->json, "metadata.finalizers") == nullptr) server_.erase(actorKubelet, id);
}

void Kubelets::setNodeReady(int node, bool ready) {
  const std::string name = "node-" + std::to_string(node);
  server_.edit("nodes", {"nodes", {"", name}}, [&](json::value& object) {
    setCondition(object, "Ready", ready ? "True" : "Unknown", clock_.now());
  });
  for (const test::Object& pod : server_.storage().list("pods", "")) {
    if (nodeOf(pod->json) != name || json::findString(pod->json, "status.phase") != "Running") continue;
    const test::ObjectId id{
        "pods",
        {json::findString(pod->json, "metadata.namespace"), json::findString(pod->json, "metadata.name")}};
    server_.edit("nodes", id, [&](json::value& running) {
      setCondition(running, "Ready", ready ? "True" : "False", clock_.now());
    });
  }
}

void Kubelets::lose(int node, Duration span) {
  const std::string name = "node-" + std::to_string(node);
  if (!lost_.insert(name).second) return;
  constexpr Duration notice = seconds(4);
  if (span > notice) clock_.at(clock_.instant() + notice, [this, node] { setNodeReady(node, false); });
  clock_.at(clock_.instant() + span, [this, node, name] {
    lost_.erase(name);
    setNodeReady(node, true);
  });
}

}  // namespace cloister::sim
