// The operator itself, all but its process: stores, informers, controllers and leader election, wired by
// hand. Runs wherever there are a Client and a Clock, the simulation included.
#pragma once

#include <list>
#include <tuple>

#include "operator/config.h"
#include "operator/policy/reconciler.h"
#include "operator/pool/reconciler.h"
#include "operator/quota/reconciler.h"
#include "operator/sandbox/reconciler.h"
#include "operator/snapshot/reconciler.h"
#include "operator/stores.h"
#include "operator/template/reconciler.h"
#include "runtime/events.h"
#include "runtime/informer.h"
#include "runtime/leader_election.h"
#include "runtime/metrics.h"

namespace cloister {

class Operator {
 public:
  // All of it outlives the operator.
  struct Surroundings {
    kube::Client& client;
    Clock& clock;
    const Config& config;
    runtime::Metrics& metrics;
    std::string identity;    // of this process among its replicas
    std::string namespace_;  // its own: where the Lease is
    uint64_t seed = 0;       // of every jitter
  };

  explicit Operator(Surroundings surroundings);

  // Starts everything in GROUP.
  void start(TaskGroup& group);
  // Gives the lease back, so that another replica takes over at once. After GROUP has stopped.
  Task<void> release();

  // Every store is filled and follows the API server.
  bool current() const;
  bool leading() const;
  // For metrics.
  std::map<std::string, int64_t> sandboxesByPhase() const;
  std::map<std::string, int64_t> queueDepths() const;
  std::map<runtime::Metrics::Labels, double> quotaFigures(
      api::QuotaAmounts api::SandboxQuotaStatus::* which) const;
  std::map<std::string, int64_t> queuedByNamespace() const;
  uint64_t eventsDropped() const { return events_.dropped(); }
  const Stores& stores() const { return stores_; }

 private:
  // One for each namespace that is watched, or one for all.
  template <class... T>
  using Informers = std::tuple<std::list<runtime::Informer<T>>...>;

  template <class T>
  void inform(runtime::Store<T>& store, kube::WatchTarget target);
  void informOf(const std::string& namespace_);
  void connectStores();
  void sandboxChanged(const api::Sandbox* before, const api::Sandbox* after);
  void podChanged(const api::Pod* before, const api::Pod* after);
  void noteShape(const api::SandboxTemplate* before, const api::SandboxTemplate* after);
  void templateChanged(const api::SandboxTemplate* before, const api::SandboxTemplate* after);
  void revisionUsed(const std::string& namespace_, const std::string& name);
  void wakeSandboxesOf(const api::SandboxPool& pool);
  void podIsIdle(const kube::ObjectKey& pool);
  void demandChanged(const kube::ObjectKey& before, const kube::ObjectKey& after);
  void poolChanged(const api::SandboxPool* before, const api::SandboxPool* after);
  void quotaChanged(const api::SandboxQuota* before, const api::SandboxQuota* after);
  void wakeAskers(const std::string& namespace_);
  void useChanged(const std::string& namespace_);
  void wakeSnapshotsOf(const kube::ObjectKey& sandbox);
  void builderChanged(const api::Sandbox* before, const api::Sandbox* after);
  void snapshotChanged(const api::SandboxSnapshot& snapshot);
  void nodeChanged(const api::Node* before, const api::Node* after);
  void noteWanted(const api::Sandbox* before, const api::Sandbox& after);
  void noteUse(const kube::ObjectKey& policy);
  void measureStart(const api::Pod& pod);
  bool isOpen() const { return leading() && current(); }
  void gateChanged();
  void report(kube::Resource resource, const api::ObjectMeta& object, const sandbox::Report& note);
  template <class R>
  runtime::Controller controllerOf(std::string name, uint64_t salt, R& reconciler);
  std::array<runtime::Controller*, 6> controllers();

  Surroundings with_;
  Stores stores_;
  sandbox::StartTracker starts_;
  runtime::EventRecorder events_;
  runtime::LeaderElection election_;
  Informers<api::Sandbox, api::Pod, api::NetworkPolicy, api::SandboxTemplate, api::ControllerRevision,
            api::SandboxPool, api::SandboxQuota, api::ResourceQuota, api::SandboxSnapshot, api::Node>
      informers_;
  sandbox::Reconciler sandboxes_;
  policy::Reconciler policies_;
  templates::Reconciler templates_;
  pool::Reconciler pools_;
  quota::Reconciler quotas_;
  snapshot::Reconciler snapshots_;
  runtime::Controller sandboxController_;
  runtime::Controller policyController_;
  runtime::Controller templateController_;
  runtime::Controller poolController_;
  runtime::Controller quotaController_;
  runtime::Controller snapshotController_;
  bool open_ = false;  // the controllers' gate, as they were told last
};

}  // namespace cloister
