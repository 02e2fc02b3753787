// Pods that are held: what cloister-runsc, which stays behind with each (node/runsc/keep.cc), and the node's
// agent (node/agent/holder.cc) do.
#include "tests/sim/agents.h"
#include "tests/sim/cluster.h"
#include "tests/sim/images.h"
#include "tests/sim/objects.h"

namespace cloister::sim {
namespace {

std::string uidOf(const json::value& object) {
  return json::findString(object, "metadata.uid");
}

std::string controllerOf(const json::value& pod) {
  return json::findString(pod, "metadata.ownerReferences.0.kind");
}

}  // namespace

// One question at a time.
void Kubelets::askSoon(const test::ObjectId& id, const std::string& uid, Duration least, Duration most) {
  if (std::exchange(held_[uid].asks, true)) return;
  later(least, most, [this, id, uid] {
    held_[uid].asks = false;
    ask(id, uid);
  });
}

// From now on POD waits, and somebody with it. Now and then that one dies, and POD with it.
void Kubelets::hold(const test::ObjectId& id, const json::value& pod) {
  const std::string uid = uidOf(pod);
  if (held_.contains(uid)) return;
  askSoon(id, uid, milliseconds(10), milliseconds(400));
  if (!dice_.oneIn(16)) return;
  later(milliseconds(10), seconds(20), [this, id, uid] {
    const test::Object present = server_.storage().get(id);
    const bool idle = present && uidOf(present->json) == uid && controllerOf(present->json) == "SandboxPool";
    if (idle && waits(present->json) && !calm_) end(id, "crashed");
  });
}

bool Kubelets::waits(const json::value& pod) const {
  const auto held = held_.find(uidOf(pod));
  return held != held_.end() && !held->second.begun;
}

// Somebody else has it.
void Kubelets::heldChanged(const test::Change& change) {
  if (!change.before || !waits(change.after->json)) return;
  if (controllerOf(change.before->json) != controllerOf(change.after->json))
    askSoon(change.id, uidOf(change.after->json), milliseconds(2), milliseconds(200));
}

void Kubelets::ask(const test::ObjectId& id, const std::string& uid) {
  const test::Object found = server_.storage().get(id);
  if (!found || uidOf(found->json) != uid || hasEnded(found->json)) return;
  const json::value& pod = found->json;
  if (!waits(pod)) return;
  if (!nodeIsUp(id)) return askSoon(id, uid, seconds(1), seconds(2));
  // The agent is away, or cannot ask the API server.
  if (dice_.oneIn(6)) return askSoon(id, uid, milliseconds(50), seconds(2));
  // What its watch tells of a pool's pod is enough; now and then it has not told yet.
  if (controllerOf(pod) == "SandboxPool" && !dice_.oneIn(8)) {
    if (conditionOf(pod, api::heldCondition, "status") != "True") tellHeld(id, true);
    return;
  }
  const auto answer = answerOf(server_, pod, node::StartStage::Wait);
  if (!answer || answer->action == node::StartAction::Hold)
    return askSoon(id, uid, milliseconds(5), milliseconds(500));
  if (answer->action == node::StartAction::Refuse) return end(id, "crashed");
  held_[uid].begun = true;
  onBegin(pod, answer->action == node::StartAction::Restore);
  endInTime(id, imageOf(pod));
  later(milliseconds(10), milliseconds(300), [this, id, uid] { tellBegun(id, uid); });
}

// Whoever let it begin says so until the agent, which may have been restarted since, has told.
void Kubelets::tellBegun(const test::ObjectId& id, const std::string& uid) {
  const test::Object found = server_.storage().get(id);
  if (!found || uidOf(found->json) != uid || hasEnded(found->json)) return;
  if (nodeIsUp(id) && !dice_.oneIn(4)) return tellHeld(id, false);
  later(milliseconds(50), seconds(4), [this, id, uid] { tellBegun(id, uid); });
}

}  // namespace cloister::sim
