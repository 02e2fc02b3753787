#include "tests/sim/cluster.h"

namespace cloister::sim {
namespace {

constexpr const char* actorKubelet = "kubelet";

std::string nodeOf(const json::value& pod) {
  return json::findString(pod, "spec.nodeName");
}

std::string imageOf(const json::value& pod) {
  return json::findString(pod, "spec.containers.0.image");
}

bool isLeaving(const json::value& object) {
  return json::find(object, "metadata.deletionTimestamp") != nullptr;
}

bool hasEnded(const json::value& pod) {
  const std::string phase = json::findString(pod, "status.phase");
  return phase == "Succeeded" || phase == "Failed";
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
  statusOf(pod)["containerStatuses"] =
      json::array{{{"name", name}, {"ready", ready}, {"state", std::move(state)}}};
}

struct End {
  std::string_view how;
  std::string_view phase;
  int exitCode;
  std::string_view reason;
};
constexpr End ends[] = {{"completed", "Succeeded", 0, "Completed"},
                        {"crashed", "Failed", 1, "Error"},
                        {"oom", "Failed", 137, "OOMKilled"},
                        {"evicted", "Failed", 137, "Error"}};

void setEnded(json::value& pod, const End& end, Time now) {
  const std::string began = json::findString(pod, "status.containerStatuses.0.state.running.startedAt");
  json::object terminated{
      {"exitCode", end.exitCode}, {"reason", end.reason}, {"finishedAt", formatTime(now)}};
  if (!began.empty()) terminated["startedAt"] = began;
  setContainer(pod, false, {{"terminated", std::move(terminated)}});
  setCondition(pod, "Ready", "False", now, "PodFailed");
  statusOf(pod)["phase"] = end.phase;
  if (end.how != "evicted") return;
  statusOf(pod)["reason"] = "Evicted";
  statusOf(pod)["message"] = "The node was low on resource: memory.";
  setCondition(pod, "DisruptionTarget", "True", now, "TerminationByKubelet", "The node was low on memory.");
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

void Kubelets::changed(const test::Change& change) {
  if (change.id.plural != "pods" || !change.after) return;
  const json::value& pod = change.after->json;
  const test::ObjectId id = change.id;
  if (!change.before) {
    later(milliseconds(10), milliseconds(150), [this, id] { bind(id); });
  } else if (nodeOf(change.before->json).empty() && !nodeOf(pod).empty()) {
    const bool slow = imageOf(pod) == "slow";
    later(milliseconds(slow ? 4000 : 200), milliseconds(slow ? 9000 : 1500), [this, id] { start(id); });
  }
  if (isLeaving(pod) && change.before && !isLeaving(change.before->json)) {
    const std::string uid = json::findString(pod, "metadata.uid");
    later(milliseconds(50), milliseconds(4000), [this, id, uid] { stop(id, uid); });
  }
}

void Kubelets::bind(const test::ObjectId& id) {
  const std::string node = "node-" + std::to_string(dice_.roll(nodes));
  server_.edit("scheduler", id, [&](json::value& pod) {
    if (!nodeOf(pod).empty()) return;
    if (imageOf(pod) == "unschedulable") {
      setCondition(pod, "PodScheduled", "False", clock_.now(), "Unschedulable", "0/3 nodes are available.");
      return;
    }
    pod.at("spec").as_object()["nodeName"] = node;
    setCondition(pod, "PodScheduled", "True", clock_.now());
  });
}

bool Kubelets::nodeIsUp(const test::ObjectId& id) const {
  const test::Object pod = server_.storage().get(id);
  return !pod || !lost_.contains(nodeOf(pod->json));
}

void Kubelets::start(const test::ObjectId& id) {
  if (!nodeIsUp(id)) return later(seconds(1), seconds(2), [this, id] { start(id); });
  bool starts = false;
  server_.edit(actorKubelet, id, [&](json::value& pod) {
    const std::string image = imageOf(pod);
    if (hasEnded(pod) || isLeaving(pod)) return;
    if (image == "unpullable") {
      setContainer(pod, false,
                   {{"waiting", {{"reason", "ImagePullBackOff"}, {"message", "Back-off pulling image"}}}});
    } else if (image == "refused") {
      statusOf(pod)["phase"] = "Failed";
      statusOf(pod)["reason"] = "OutOfcpu";
      statusOf(pod)["message"] = "Node didn't have enough resource: cpu";
    } else {
      setContainer(pod, false, {{"waiting", {{"reason", "ContainerCreating"}}}});
      starts = true;
    }
  });
  if (starts) later(milliseconds(10), milliseconds(300), [this, id] { run(id); });
}

void Kubelets::run(const test::ObjectId& id) {
  if (!nodeIsUp(id)) return later(seconds(1), seconds(2), [this, id] { run(id); });
  std::string image;
  server_.edit(actorKubelet, id, [&](json::value& pod) {
    if (hasEnded(pod) || isLeaving(pod)) return;
    image = imageOf(pod);
    setContainer(pod, true, {{"running", {{"startedAt", formatTime(clock_.now())}}}});
    statusOf(pod)["phase"] = "Running";
    statusOf(pod)["podIPs"] = json::array{{{"ip", "10.0.0.1"}}};
    setCondition(pod, "Ready", "True", clock_.now());
  });
  if (image == "completes") later(milliseconds(100), seconds(9), [this, id] { end(id, "completed"); });
  if (image == "crashes") later(milliseconds(100), seconds(9), [this, id] { end(id, "crashed"); });
}

void Kubelets::end(const test::ObjectId& id, const std::string& how) {
  if (!nodeIsUp(id)) return later(seconds(1), seconds(2), [this, id, how] { end(id, how); });
  const auto found = std::ranges::find(ends, how, &End::how);
  if (found == std::end(ends)) return;
  server_.edit(actorKubelet, id, [&](json::value& pod) {
    if (hasEnded(pod) || nodeOf(pod).empty()) return;
    setEnded(pod, *found, clock_.now());
  });
}

void Kubelets::stop(const test::ObjectId& id, const std::string& uid) {
  if (!nodeIsUp(id)) return later(seconds(1), seconds(2), [this, id, uid] { stop(id, uid); });
  const test::Object pod = server_.storage().get(id);
  if (!pod || json::findString(pod->json, "metadata.uid") != uid) return;
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
