// Pods that are to begin from a golden snapshot: what cloister-runsc does with each of their containers, and
// what users do to golden snapshots.
#include "tests/sim/agents.h"
#include "tests/sim/cluster.h"
#include "tests/sim/golden.h"
#include "tests/sim/objects.h"
#include "tests/sim/simulation.h"
#include "tests/sim/steps.h"

namespace cloister::sim {

// The root container asks first, then the one of its image: what happens between the two counts.
std::optional<bool> Kubelets::mayBegin(const json::value& pod) {
  const std::string uid = json::findString(pod, "metadata.uid");
  // Nobody answers in time: cloister-runsc starts it, unless its root was restored.
  const bool away = !calm_ && dice_.oneIn(10);
  if (!roots_.contains(uid)) {
    const auto answer = answerOf(server_, pod, node::StartStage::Start, {.isRoot = true});
    if (!away && !answer) return std::nullopt;
    if (!away && answer->action == node::StartAction::Refuse) return false;
    const bool restores = !away && answer->action == node::StartAction::Restore;
    roots_[uid] = away ? Root::Unasked : restores ? Root::Restored : Root::Started;
    if (dice_.oneIn(2)) return std::nullopt;
  }
  const Root root = roots_.at(uid);
  if (away) return root != Root::Restored;
  const auto answer = answerOf(server_, pod, node::StartStage::Start, {.rootStarted = root == Root::Started});
  if (!answer) return std::nullopt;
  if (answer->action == node::StartAction::Restore && root == Root::Restored) onRestored(pod);
  if (answer->action == node::StartAction::Start && root == Root::Restored) onRestored(pod);
  // runsc restores nothing into a root container that was started.
  return answer->action != node::StartAction::Refuse &&
         (answer->action == node::StartAction::Start || root == Root::Restored);
}

namespace {

constexpr const char* actorUser = "user";

test::ObjectId idOf(const char* plural, const json::value& object) {
  return {plural,
          {json::findString(object, "metadata.namespace"), json::findString(object, "metadata.name")}};
}

void fail(json::value& snapshot) {
  json::value& status = snapshot.as_object()["status"];
  if (!status.is_object()) status.emplace_object();
  status.get_object()["phase"] = "Failed";
  status.get_object()["conditions"] = json::array{{{"type", "Ready"},
                                                   {"status", "False"},
                                                   {"reason", "Corrupt"},
                                                   {"lastTransitionTime", "2026-01-01T00:00:00Z"},
                                                   {"message", "as its agent says"}}};
}

}  // namespace

void Simulation::spoilGolden(const Step& step) {
  const std::string namespace_ = namespaceOf(step);
  const bool ofSnapshot = step.how == "deleted" || step.how == "corrupt";
  const char* plural = ofSnapshot ? "sandboxsnapshots" : "sandboxes";
  for (const test::Object& object : server_.storage().list(plural, namespace_)) {
    if (isOfTemplate(object->json)) spoil(step, idOf(plural, object->json), object->json);
  }
}

// OBJECT, at ID, is a golden snapshot, or a builder.
void Simulation::spoil(const Step& step, const test::ObjectId& id, const json::value& object) {
  if (step.how == "corrupt") {
    const bool taken = json::find(object, "status.nodeName") != nullptr;
    if (taken) server_.edit("node-agent", id, fail);
  } else if (step.how == "changed") {
    server_.edit(actorUser, id, [](json::value& builder) {
      builder.at("spec").as_object()["env"] = json::array{{{"name", "A"}, {"value", "mine"}}};
    });
  } else if (step.how == "pod") {
    kubelets_.end({"pods", {id.key.namespace_, json::findString(object, "status.podName")}}, "crashed");
  } else {
    server_.remove(actorUser, id);
  }
  if (step.how != "squatted" || server_.storage().get(id)) return;
  server_.create(actorUser, id.plural,
                 {{"apiVersion", api::apiVersion},
                  {"kind", "Sandbox"},
                  {"metadata",
                   {{"name", id.key.name}, {"namespace", id.key.namespace_}, {"labels", {{"of", somebody}}}}},
                  {"spec", {{"image", "runs"}}}});
  clock_.at(clock_.instant() + step.span, [this] { freeNames(); });
}

}  // namespace cloister::sim
