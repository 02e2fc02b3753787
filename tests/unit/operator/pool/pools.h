// Pools and their pods as the API server would hand them out, and the pool controller's reconcile function
// with all that it works on, driven by hand.
#pragma once

#include "operator/pool/plan.h"
#include "operator/pool/reconciler.h"
#include "tests/support/sim_clock.h"
#include "tests/unit/operator/examples.h"
#include "tests/unit/operator/reconciler_server.h"

namespace cloister::test {

// team/python.
api::SandboxTemplate aTemplate(const std::string& image = "python:3");
// team/warm, of that template, with so many replicas.
api::SandboxPool aPool(int replicas = 3);

// What the operator would post for POOL's slot NUMBER, just accepted by the API server.
api::Pod slotPod(const api::SandboxPool& pool, int number, const api::SandboxTemplate& from = aTemplate(),
                 Time created = {});
// POD as the Sandbox NAME has taken it.
api::Pod takenBy(const std::string& name, api::Pod pod);

// So many Ready pods of POOL, from slot FIRST.
std::vector<api::Pod> readyPods(const api::SandboxPool& pool, int count, int first = 0,
                                const api::SandboxTemplate& from = aTemplate());
// aPool() whose pods have not become Ready in time, which it has told SINCE then.
api::SandboxPool inTrouble(int replicas, Time since = epoch + std::chrono::minutes(5));

// The slots of aPool() that PLAN creates or deletes a pod for, in its order; -1 for a name that is no slot's.
std::vector<int> created(const pool::Plan& plan);
std::vector<int> deleted(const pool::Plan& plan);

// A while after what pools.cc makes was made.
inline constexpr Time poolTime = epoch + seconds(30);

// What the stores hold when they are up to date, and the namespace has its default-deny policy.
pool::Observed seen(const api::SandboxPool& pool, const std::vector<api::Pod>& pods,
                    const api::SandboxTemplate& from = aTemplate());
// The pool once its status, as OBSERVED asks for it, was written and read back.
api::SandboxPool written(const pool::Observed& observed, Time at = poolTime);

class PoolWorld {
 public:
  explicit PoolWorld(const api::SandboxPool& pool = aPool(), const api::SandboxTemplate& from = aTemplate());

  // Another process takes over: nothing is left of what the last one knew.
  void restart();
  // The watches catch up.
  void sync() { server.sync(*stores); }
  Result<runtime::Outcome> reconcile();
  // Watch, reconcile and node take turns, a round's time apart, until nothing more is to be written.
  void settle();

  // What somebody changed on the pool: a new generation. Its status is somebody else's.
  void edit(const std::function<void(api::SandboxPoolSpec&)>& change);
  void put(const api::SandboxTemplate& from) { server.put("sandboxtemplates", json::encode(from)); }
  void putPod(const api::Pod& pod);
  // A Sandbox takes the first pod that is ready, if there is one; returns its name.
  std::string claim(const std::string& sandbox);
  api::SandboxPool pool() const;
  // That nobody has taken.
  std::vector<api::Pod> idle() const;
  api::Condition condition(std::string_view type) const;

  static inline const kube::ObjectKey key{"team", "warm"};

  SimClock clock;
  ScriptedTransport transport{clock};
  ReconcilerServer server{clock, transport};
  kube::Client client{transport, clock};
  Config config;
  std::vector<sandbox::Report> reports;
  bool nodeWorks = true;  // settle() makes pods Ready

  std::unique_ptr<Stores> stores;
  std::unique_ptr<pool::Reconciler> reconciler;

 private:
  bool startPods();
};

}  // namespace cloister::test

namespace cloister::pool {

inline Plan plan(const Observed& observed, Time now) {
  return plan(observed, observed.pool ? view(observed, now) : View(), now);
}
inline Account account(const Observed& observed, Time now) {
  return account(observed, observed.pool ? view(observed, now) : View(), now);
}

}  // namespace cloister::pool
