// The operator's view of the cluster, and the indexes that its controllers look things up by.
#pragma once

#include "api/golden.h"
#include "api/pool.h"
#include "api/snapshot.h"
#include "api/template.h"
#include "operator/pool/idle.h"
#include "operator/quota/book.h"
#include "runtime/store.h"

namespace cloister {

struct Stores {
  Stores();

  runtime::Store<api::Sandbox> sandboxes;
  runtime::Store<api::Pod> pods;
  runtime::Store<api::NetworkPolicy> policies;
  runtime::Store<api::SandboxTemplate> templates;
  runtime::Store<api::ControllerRevision> revisions;
  runtime::Store<api::SandboxPool> pools;
  runtime::Store<api::SandboxQuota> quotas;
  runtime::Store<api::ResourceQuota> resourceQuotas;
  runtime::Store<api::SandboxSnapshot> snapshots;  // empty unless snapshots are enabled
  runtime::Store<api::Node> nodes;  // empty where the operator may not read them (watchNamespaces)

  pool::IdlePods idle;  // follows pods
  // Sandboxes that name a pool whose pods are not for them, when last looked at: told of none that gets
  // ready.
  std::set<kube::ObjectKey> unsuited;
  quota::Book requests;               // for pods, in namespaces with a SandboxQuota
  std::set<std::string> closedNodes;  // that are cordoned or not Ready; follows nodes
  // What takes hashing to know, and every start asks (template/revision.h). Follow templates and revisions.
  std::map<kube::ObjectKey, std::string> presentRevisions;  // by the template
  std::set<kube::ObjectKey> intactRevisions;
  std::map<kube::ObjectKey, std::string> presentShapes;  // by the template; sandbox::plainShape

  // The SandboxQuota that counts in the namespace, with the grants that may be carried out; or null.
  std::shared_ptr<const api::SandboxQuota> quotaOf(const std::string& namespace_) const;
  // Pods that carry the label of the Sandbox KEY, whoever owns them.
  std::vector<std::shared_ptr<const api::Pod>> podsOf(const kube::ObjectKey& key) const;
  // Pods that the pool KEY has made and nobody has taken.
  std::vector<std::shared_ptr<const api::Pod>> idlePodsOf(const kube::ObjectKey& pool) const;
  // Pods that the pool KEY has made and a Sandbox has taken.
  std::vector<std::shared_ptr<const api::Pod>> takenPodsOf(const kube::ObjectKey& pool) const;
  // Pods that the NetworkPolicy KEY of ours applies to.
  std::vector<std::shared_ptr<const api::Pod>> podsUnder(const kube::ObjectKey& policy) const;
  bool hasPodsUnder(const kube::ObjectKey& policy) const;
  std::vector<std::string> policyNames(const std::string& namespace_) const;
  // Sandboxes of the namespace that may get a pod yet.
  std::vector<std::shared_ptr<const api::Sandbox>> waitingIn(const std::string& namespace_) const;
  // Sandboxes that name the pool or the template KEY and have neither begun nor ended, the oldest first.
  std::vector<std::shared_ptr<const api::Sandbox>> unstartedOfPool(const kube::ObjectKey& key) const;
  std::vector<std::shared_ptr<const api::Sandbox>> unstartedOfTemplate(const kube::ObjectKey& key) const;
  std::vector<std::shared_ptr<const api::Sandbox>> unstartedOfSnapshot(const kube::ObjectKey& key) const;
  // The pool KEY has a pod to be taken that was made before its template's last change.
  bool hasOlderIdle(const kube::ObjectKey& key) const;
  // SandboxSnapshots that have the Sandbox OWNER for their controller: the operator's, made to suspend it.
  std::vector<std::shared_ptr<const api::SandboxSnapshot>> snapshotsOwnedBy(
      const api::ObjectMeta& owner) const;
  // ... that were made by the schedule of the Sandbox OWNER, and go with it.
  std::vector<std::shared_ptr<const api::SandboxSnapshot>> scheduledSnapshotsOf(
      const api::ObjectMeta& owner) const;
  // Builders (api::isBuilder) and golden snapshots (api::isGolden) of the SandboxTemplate OWNER.
  std::vector<std::shared_ptr<const api::Sandbox>> buildersOf(const api::ObjectMeta& owner) const;
  std::vector<std::shared_ptr<const api::SandboxSnapshot>> goldensOf(const api::ObjectMeta& owner) const;
  // SandboxSnapshots that name the Sandbox KEY.
  std::vector<std::shared_ptr<const api::SandboxSnapshot>> snapshotsOf(const kube::ObjectKey& sandbox) const;
  // ... and are still to be taken.
  std::vector<std::shared_ptr<const api::SandboxSnapshot>> openSnapshotsOf(
      const kube::ObjectKey& sandbox) const;
  // SandboxSnapshots that the node takes or keeps.
  std::vector<std::shared_ptr<const api::SandboxSnapshot>> snapshotsOn(const std::string& node) const;
  // ControllerRevisions that the template KEY, or a namesake of it, owns.
  std::vector<std::shared_ptr<const api::ControllerRevision>> revisionsOf(
      const kube::ObjectKey& template_) const;
  // Sandboxes whose status names the ControllerRevision KEY.
  std::vector<std::shared_ptr<const api::Sandbox>> sandboxesOf(const kube::ObjectKey& revision) const;
  // A pod carries the label of the ControllerRevision KEY.
  bool isRevisionOfPods(const kube::ObjectKey& revision) const;
  // Pools that name the template KEY.
  std::vector<std::shared_ptr<const api::SandboxPool>> poolsOf(const kube::ObjectKey& template_) const;
};

// The template whose golden snapshot an object with META is made for; no name: none.
kube::ObjectKey goldenFor(const api::ObjectMeta& meta);
// It has neither begun nor ended, or is to begin anew.
bool isUnstarted(const api::Sandbox& sandbox);
// It has not begun, was not refused, and is not on its way out.
bool isWaiting(const api::Sandbox& sandbox);
// The pool that it waits for to have a pod, as its status says; no name: none.
kube::ObjectKey waitsForPool(const api::Sandbox& sandbox);
// As far as its conditions tell.
bool isReady(const api::Node& node);
// The template that a ControllerRevision of ours is of; no name for one without owner.
kube::ObjectKey templateOf(const api::ControllerRevision& revision);
// The pool that made a pod, whether or not a Sandbox has taken it; no name for every other pod.
kube::ObjectKey poolOf(const api::Pod& pod);
// ... that nobody has taken yet.
kube::ObjectKey idleIn(const api::Pod& pod);
// The Sandbox that a pod's label names; no name while it is in a pool.
kube::ObjectKey sandboxKeyOf(const api::Pod& pod);
// The NetworkPolicies of ours that apply to a pod.
std::vector<kube::ObjectKey> policyKeysOf(const api::Pod& pod);

}  // namespace cloister
