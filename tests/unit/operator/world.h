// The Sandbox controller's reconcile function with all that it works on, driven by hand.
#pragma once

#include <optional>

#include "operator/sandbox/reconciler.h"
#include "tests/support/sim_clock.h"
#include "tests/unit/operator/reconciler_server.h"

namespace cloister::test {

// Thrown out of a call to end the operator there and then.
struct Crash {};

class World {
 public:
  // Just after a start of the operator.
  explicit World(Config config = {});

  // Another process takes over: nothing is left of what the last one knew.
  void restart();
  // The watches catch up.
  void sync() { server.sync(*stores); }
  // One reconcile of team/hello on whatever the stores hold.
  Result<runtime::Outcome> reconcile();
  // Watch, reconcile and node take turns until nothing more is to be written. A crash is followed by a
  // restart.
  void settle();

  void create(const api::Sandbox& sandbox);
  // What somebody changed on the Sandbox meanwhile: a new generation.
  void edit(const std::function<void(api::Sandbox&)>& change);
  // Puts POD in the place of the pod of that name, keeping what only the API server knows.
  void putPod(const api::Pod& pod);
  api::Sandbox sandbox() const;
  std::optional<api::Sandbox> findSandbox() const;
  std::vector<api::Pod> pods() const;
  // The Sandbox's condition Ready.
  api::Condition ready() const;

  static inline const kube::ObjectKey key{"team", "hello"};

  SimClock clock;
  ScriptedTransport transport{clock};
  ReconcilerServer server{clock, transport};
  kube::Client client{transport, clock};
  Config config;
  std::vector<sandbox::Report> reports;
  bool nodeWorks = true;  // settle() makes pods Ready

  std::unique_ptr<Stores> stores;
  std::unique_ptr<sandbox::StartTracker> starts;
  std::unique_ptr<sandbox::Reconciler> reconciler;

 private:
  size_t writesAsked() const;
  bool startPods();
};

}  // namespace cloister::test
