#include "tests/unit/operator/world.h"

#include <gtest/gtest.h>

#include "operator/sandbox/reasons.h"
#include "tests/unit/operator/examples.h"

namespace cloister::test {

World::World(Config settings) : config(std::move(settings)) {
  restart();
}

void World::restart() {
  reconciler.reset();
  stores = std::make_unique<Stores>();
  starts = std::make_unique<sandbox::StartTracker>();
  reconciler = std::make_unique<sandbox::Reconciler>(sandbox::Parts{
      .client = client,
      .clock = clock,
      .config = config,
      .stores = *stores,
      .starts = *starts,
      .report = [this](const api::Sandbox&, const sandbox::Report& report) { reports.push_back(report); }});
  sync();
}

Result<runtime::Outcome> World::reconcile() {
  if (const auto seen = stores->sandboxes.get(key)) starts->seen(seen->metadata.uid, clock.instant());
  auto outcome = run(clock, reconciler->reconcile(key, 1));
  if (outcome && outcome->failure) return std::unexpected(*outcome->failure);
  return outcome;
}

void World::settle() {
  for (int round = 0; round < 30; ++round) {
    const size_t asked = writesAsked();
    bool rests = false;
    try {
      sync();
      rests = reconcile().has_value() && writesAsked() == asked;
    } catch (const Crash&) {
      restart();
    }
    if (!startPods() && rests) return;
  }
  ADD_FAILURE() << "it never comes to rest";
}

size_t World::writesAsked() const {
  return transport.requests().size() - transport.count("GET");
}

bool World::startPods() {
  bool started = false;
  for (const api::Pod& pod : pods()) {
    if (!nodeWorks || pod.status.phase != "Pending") continue;
    putPod(test::ready(pod, std::chrono::floor<seconds>(clock.now())));
    started = true;
  }
  return started;
}

void World::create(const api::Sandbox& sandbox) {
  server.put("sandboxes", json::encode(sandbox));
  sync();
}

void World::edit(const std::function<void(api::Sandbox&)>& change) {
  api::Sandbox edited = sandbox();
  change(edited);
  ++edited.metadata.generation;
  server.put("sandboxes", json::encode(edited));
}

void World::putPod(const api::Pod& pod) {
  json::value stored = server.get("pods", api::keyOf(pod.metadata));
  const json::value encoded = json::encode(pod);
  if (stored.is_null()) {
    server.put("pods", encoded);
    return;
  }
  stored.at("metadata") = encoded.at("metadata");
  stored.at("status") = encoded.at("status");
  if (!pod.spec.nodeName.empty()) stored.at("spec").as_object()["nodeName"] = pod.spec.nodeName;
  server.put("pods", stored);
}

api::Sandbox World::sandbox() const {
  return findSandbox().value();
}

std::optional<api::Sandbox> World::findSandbox() const {
  const json::value object = server.get("sandboxes", key);
  if (object.is_null()) return std::nullopt;
  return *json::decode<api::Sandbox>(object);
}

std::vector<api::Pod> World::pods() const {
  std::vector<api::Pod> all;
  for (const json::value& object : server.all("pods")) all.push_back(*json::decode<api::Pod>(object));
  return all;
}

api::Condition World::ready() const {
  const api::Sandbox now = sandbox();
  const api::Condition* condition = api::findCondition(now.status.conditions, sandbox::condition::ready);
  return condition == nullptr ? api::Condition() : *condition;
}

}  // namespace cloister::test
