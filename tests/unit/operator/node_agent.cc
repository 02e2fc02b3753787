#include "tests/unit/operator/node_agent.h"

namespace cloister::test {

bool NodeAgent::act() {
  bool acted = false;
  for (const api::Pod& pod : world_.pods()) {
    if (freezes && pod.status.phase == "Running" && !pod.metadata.deletionTimestamp) acted |= answer(pod);
  }
  for (const api::SandboxSnapshot& snapshot : snapshots()) {
    if (saves && !snapshot.status.phase) acted |= save(snapshot);
  }
  return acted;
}

bool NodeAgent::answer(api::Pod pod) {
  const std::string wish = api::freezeWish(pod);
  if (wish.empty() ? !api::saysFrozen(pod) : api::isFrozen(pod)) return false;
  std::erase_if(pod.status.conditions, [](const auto& one) { return one.type == api::frozenCondition; });
  pod.status.conditions.push_back({.type = std::string(api::frozenCondition),
                                   .status = wish.empty() ? "False" : "True",
                                   .reason = wish.empty() ? "NotAsked" : "Asked",
                                   .message = wish,
                                   .lastTransitionTime = {}});
  world_.putPod(pod);
  return true;
}

bool NodeAgent::save(const api::SandboxSnapshot& snapshot) {
  const api::Sandbox sandbox = world_.sandbox();
  const auto pods = world_.pods();
  const auto found =
      std::ranges::find(pods, sandbox.status.podUID, [](const api::Pod& pod) { return pod.metadata.uid; });
  if (found == pods.end()) return false;
  const bool asIs = scheduledFor(snapshot).has_value();
  if (!asIs && (!api::isFrozen(*found) || api::freezeWish(*found) != snapshot.metadata.name))
    trouble.push_back("taken of a sandbox that runs: " + snapshot.metadata.name);
  if (failure.empty()) {
    setStatus(snapshot, {{"phase", "Ready"}, {"nodeName", "node-1"}, {"podUID", found->metadata.uid}});
    return true;
  }
  setStatus(snapshot, {{"phase", failureReason == api::snapshot::retrying ? "Running" : "Failed"},
                       {"conditions", json::array{{{"type", "Ready"},
                                                   {"status", "False"},
                                                   {"reason", failureReason},
                                                   {"lastTransitionTime", "2026-01-01T00:00:00Z"},
                                                   {"message", failure}}}}});
  return true;
}

std::vector<api::SandboxSnapshot> NodeAgent::snapshots() const {
  std::vector<api::SandboxSnapshot> all;
  for (const json::value& object : world_.server.all("sandboxsnapshots"))
    all.push_back(*json::decode<api::SandboxSnapshot>(object));
  return all;
}

void NodeAgent::setStatus(const api::SandboxSnapshot& snapshot, json::object status) {
  json::value object = world_.server.get("sandboxsnapshots", api::keyOf(snapshot.metadata));
  object.as_object()["status"] = std::move(status);
  world_.server.put("sandboxsnapshots", std::move(object));
}

}  // namespace cloister::test
