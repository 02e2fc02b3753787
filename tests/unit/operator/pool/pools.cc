#include "tests/unit/operator/pool/pools.h"

#include <gtest/gtest.h>

#include "operator/pool/reasons.h"

namespace cloister::test {
namespace {

api::ObjectMeta meta(const std::string& name) {
  api::ObjectMeta made;
  made.name = name;
  made.namespace_ = "team";
  made.uid = "uid-of-" + name;
  made.resourceVersion = "100";
  made.generation = 1;
  made.creationTimestamp = epoch;
  return made;
}

int slotOf(const std::string& name) {
  const std::string prefix = pool::slotPrefix(aPool());
  return name.starts_with(prefix) ? std::stoi(name.substr(prefix.size())) : -1;
}

}  // namespace

api::SandboxTemplate aTemplate(const std::string& image) {
  api::SandboxTemplate made;
  made.metadata = meta("python");
  made.spec.sandbox.image = image;
  return made;
}

api::SandboxPool aPool(int replicas) {
  api::SandboxPool made;
  made.metadata = meta("warm");
  made.spec.templateRef.name = "python";
  made.spec.replicas = replicas;
  return made;
}

api::Pod slotPod(const api::SandboxPool& pool, int number, const api::SandboxTemplate& from, Time created) {
  const auto design = pool::designOf(pool, &from, {});
  const std::string name = pool::slotPrefix(pool) + std::to_string(number);
  auto pod = json::decode<api::Pod>(pool::podNamed(*design, name));
  pod->metadata.uid = "uid-of-" + name;
  pod->metadata.resourceVersion = "200";
  pod->metadata.creationTimestamp = created == Time() ? epoch : created;
  pod->status.phase = "Pending";
  return *pod;
}

api::Pod takenBy(const std::string& name, api::Pod pod) {
  pod.metadata.labels["cloister.dev/sandbox"] = name;
  pod.metadata.ownerReferences[0].kind = "Sandbox";
  pod.metadata.ownerReferences[0].uid = "uid-of-" + name;
  return pod;
}

std::vector<api::Pod> readyPods(const api::SandboxPool& pool, int count, int first,
                                const api::SandboxTemplate& from) {
  std::vector<api::Pod> pods;
  for (int i = 0; i < count; ++i) pods.push_back(ready(slotPod(pool, first + i, from)));
  return pods;
}

api::SandboxPool inTrouble(int replicas, Time since) {
  api::SandboxPool pool = aPool(replicas);
  api::Condition& progressing = pool.status.conditions.emplace_back();
  progressing.type = pool::condition::progressing;
  progressing.status = "False";
  progressing.reason = pool::reason::progressDeadlineExceeded;
  progressing.lastTransitionTime = since;
  return pool;
}

std::vector<int> created(const pool::Plan& plan) {
  std::vector<int> slots;
  for (const pool::Action& action : plan.actions) {
    if (const auto* one = std::get_if<pool::CreatePod>(&action)) slots.push_back(slotOf(one->name));
  }
  return slots;
}

std::vector<int> deleted(const pool::Plan& plan) {
  std::vector<int> slots;
  for (const pool::Action& action : plan.actions) {
    if (const auto* one = std::get_if<pool::DeletePod>(&action))
      slots.push_back(slotOf(one->pod->metadata.name));
  }
  return slots;
}

pool::Observed seen(const api::SandboxPool& pool, const std::vector<api::Pod>& pods,
                    const api::SandboxTemplate& from) {
  pool::Observed observed{.pool = std::make_shared<const api::SandboxPool>(pool),
                          .template_ = std::make_shared<const api::SandboxTemplate>(from),
                          .design = pool::designOf(pool, &from, {}),
                          .revisionIsKept = true,
                          .policies = {std::string(policy::defaultDenyName)}};
  for (const api::Pod& pod : pods) {
    const bool taken = !api::labelOf(pod.metadata, api::sandboxLabel).empty();
    (taken ? observed.taken : observed.idle).push_back(std::make_shared<const api::Pod>(pod));
  }
  return observed;
}

api::SandboxPool written(const pool::Observed& observed, Time at) {
  api::SandboxPool pool = *observed.pool;
  if (const auto status = pool::account(observed, at).status)
    pool.status = *json::decode<api::SandboxPoolStatus>(json::encode(*status));
  return pool;
}

PoolWorld::PoolWorld(const api::SandboxPool& pool, const api::SandboxTemplate& from) {
  server.put("sandboxpools", json::encode(pool));
  put(from);
  restart();
}

void PoolWorld::restart() {
  reconciler.reset();
  stores = std::make_unique<Stores>();
  reconciler = std::make_unique<pool::Reconciler>(
      pool::Parts{.client = client,
                  .clock = clock,
                  .config = config,
                  .stores = *stores,
                  .report = [this](const api::SandboxPool&, const sandbox::Report& report) {
                    reports.push_back(report);
                  }});
  sync();
}

Result<runtime::Outcome> PoolWorld::reconcile() {
  return run(clock, reconciler->reconcile(key, 1));
}

void PoolWorld::settle() {
  for (int round = 0; round < 100; ++round) {
    const size_t asked = transport.requests().size();
    sync();
    const auto outcome = reconcile();
    const bool rests = outcome && transport.requests().size() == asked &&
                       (!outcome->again || *outcome->again > clock.now() + pool::Reconciler::countsPeriod);
    if (!startPods() && rests) return;
    clock.advance(pool::roundPeriod);
  }
  ADD_FAILURE() << "it never comes to rest";
}

bool PoolWorld::startPods() {
  bool started = false;
  for (const api::Pod& pod : idle()) {
    if (!nodeWorks || pod.status.phase != "Pending" || pod.metadata.deletionTimestamp) continue;
    putPod(test::ready(pod, std::chrono::floor<seconds>(clock.now())));
    started = true;
  }
  return started;
}

void PoolWorld::edit(const std::function<void(api::SandboxPoolSpec&)>& change) {
  api::SandboxPool edited = pool();
  change(edited.spec);
  ++edited.metadata.generation;
  server.put("sandboxpools", json::encode(edited));
}

void PoolWorld::putPod(const api::Pod& pod) {
  server.put("pods", json::encode(pod));
}

std::string PoolWorld::claim(const std::string& sandbox) {
  for (const api::Pod& pod : idle()) {
    if (!sandbox::isPodReady(pod)) continue;
    putPod(takenBy(sandbox, pod));
    return pod.metadata.name;
  }
  return "";
}

api::SandboxPool PoolWorld::pool() const {
  return *json::decode<api::SandboxPool>(server.get("sandboxpools", key));
}

std::vector<api::Pod> PoolWorld::idle() const {
  std::vector<api::Pod> found;
  for (const json::value& object : server.all("pods")) {
    auto pod = *json::decode<api::Pod>(object);
    if (idleIn(pod) == key) found.push_back(std::move(pod));
  }
  return found;
}

api::Condition PoolWorld::condition(std::string_view type) const {
  const api::SandboxPool now = pool();
  const api::Condition* found = api::findCondition(now.status.conditions, type);
  return found == nullptr ? api::Condition() : *found;
}

}  // namespace cloister::test
