// The quota controller with those of Sandboxes and pools, against an API server.
#pragma once

#include <gtest/gtest.h>

#include "operator/pool/reconciler.h"
#include "operator/quota/reasons.h"
#include "operator/quota/reconciler.h"
#include "operator/sandbox/pod.h"
#include "tests/unit/operator/quota/quotas.h"
#include "tests/unit/operator/world.h"

namespace cloister::test {

// One process with all that it works on; controllers take turns by hand.
class QuotaWorld {
 public:
  QuotaWorld() {
    config.defaults.priorityClassName = "ours";
    server.put("networkpolicies",
               policy::networkPolicy("team", policy::defaultDenyName, policy::defaultDenySpec()));
    restart();
  }

  void restart() {
    stores = std::make_unique<Stores>();
    starts = std::make_unique<sandbox::StartTracker>();
    sandboxes = std::make_unique<sandbox::Reconciler>(
        sandbox::Parts{.client = client,
                       .clock = clock,
                       .config = config,
                       .stores = *stores,
                       .starts = *starts,
                       .report = [](const api::Sandbox&, const sandbox::Report&) {}});
    pools = std::make_unique<pool::Reconciler>(
        pool::Parts{.client = client,
                    .clock = clock,
                    .config = config,
                    .stores = *stores,
                    .report = [](const api::SandboxPool&, const sandbox::Report&) {}});
    quotas = std::make_unique<quota::Reconciler>(
        Parts{.client = client, .clock = clock, .config = config, .stores = *stores},
        [this](const kube::ObjectKey& sandbox) { woken.push_back(sandbox.name); },
        [](const kube::ObjectKey&) {});
    server.sync(*stores);
  }

  void put(const api::SandboxQuota& quota) { server.put("sandboxquotas", json::encode(quota)); }
  // Somebody edits the quota: a new generation; the status is the operator's.
  void edit(const std::function<void(api::SandboxQuotaSpec&)>& change) {
    api::SandboxQuota edited = quota();
    change(edited.spec);
    ++edited.metadata.generation;
    put(edited);
  }
  void create(const std::string& name, const std::function<void(api::Sandbox&)>& change = {}) {
    api::Sandbox sandbox = aSandbox(name);
    sandbox.metadata.creationTimestamp = std::chrono::floor<seconds>(clock.now());
    if (change) change(sandbox);
    server.put("sandboxes", json::encode(sandbox));
  }

  Result<runtime::Outcome> reconcileQuota() { return run(clock, quotas->reconcile(key, 1)); }
  Result<runtime::Outcome> reconcile(const std::string& name) {
    return run(clock, sandboxes->reconcile({"team", name}, 1));
  }

  // Each controller looks at everything, and the nodes start what is there. True: there was no failure.
  bool turn() {
    server.sync(*stores);
    bool good = true;
    for (const auto& sandbox : stores->sandboxes.all()) good &= reconcile(sandbox->metadata.name).has_value();
    for (const auto& pool : stores->pools.all())
      good &= run(clock, pools->reconcile(api::keyOf(pool->metadata), 1)).has_value();
    good &= reconcileQuota().has_value();
    for (const api::Pod& pod : pods()) {
      if (pod.status.phase != "Pending") continue;
      json::value stored = server.get("pods", api::keyOf(pod.metadata));
      stored.at("status") = json::encode(ready(pod, std::chrono::floor<seconds>(clock.now())).status);
      stored.at("spec").as_object()["nodeName"] = "node-1";
      server.put("pods", stored);
    }
    return good;
  }
  // A crash is followed by a restart.
  void settle() {
    for (int calm = 0, round = 0; calm < 3; ++round) {
      ASSERT_LT(round, 60) << "it never comes to rest";
      const size_t before = server.writes().size();
      bool good = false;
      try {
        good = turn();
      } catch (const Crash&) {
        restart();
      }
      clock.advance(milliseconds(200));
      calm = good && server.writes().size() == before ? calm + 1 : 0;
    }
  }

  api::SandboxQuota quota() const {
    return *json::decode<api::SandboxQuota>(server.get("sandboxquotas", key));
  }
  api::Sandbox sandbox(const std::string& name) const {
    return *json::decode<api::Sandbox>(server.get("sandboxes", {"team", name}));
  }
  std::vector<api::Pod> pods() const {
    std::vector<api::Pod> all;
    for (const json::value& object : server.all("pods")) all.push_back(*json::decode<api::Pod>(object));
    return all;
  }
  bool hasPod(const std::string& name) const {
    return !server.get("pods", {"team", sandbox::podName(sandbox(name))}).is_null();
  }
  std::string guarded() const {
    const api::SandboxQuota present = quota();
    return api::findCondition(present.status.conditions, quota::condition::guarded)->reason;
  }

  static inline const kube::ObjectKey key{"team", "default"};
  std::vector<std::string> woken;  // Sandboxes

  SimClock clock;
  ScriptedTransport transport{clock};
  ReconcilerServer server{clock, transport};
  kube::Client client{transport, clock};
  Config config;
  std::unique_ptr<Stores> stores;
  std::unique_ptr<sandbox::StartTracker> starts;
  std::unique_ptr<sandbox::Reconciler> sandboxes;
  std::unique_ptr<pool::Reconciler> pools;
  std::unique_ptr<quota::Reconciler> quotas;
};

}  // namespace cloister::test
