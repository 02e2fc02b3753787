// The heart of the Sandbox controller: what is to be done for one Sandbox, from what is seen of it. Pure.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "api/pool.h"
#include "api/snapshot.h"
#include "api/template.h"
#include "operator/policy/profile.h"
#include "operator/quota/book.h"
#include "operator/sandbox/diagnose.h"
#include "operator/sandbox/pod.h"
#include "operator/sandbox/resolve.h"

namespace cloister::sandbox {

// A ready pod of the pool, the best of its group (pool/idle.h).
struct Offer {
  std::shared_ptr<const api::Pod> pod;
  std::shared_ptr<const api::ControllerRevision> revision;  // that it was made from
  std::string shape;
};

// What the API server has of a sandbox that is saved, asked for one after the other.
struct LiveSave {
  api::SandboxSnapshot snapshot;
  api::Pod pod;
};

// Everything a plan rests on. Pointers are to immutable objects of the stores.
struct Observed {
  std::shared_ptr<const api::Sandbox> sandbox;        // null: there is none
  std::vector<std::shared_ptr<const api::Pod>> pods;  // labelled with its name; of whichever uid
  uint64_t podsVersion = 0;                           // up to which the watch had told of pods
  std::vector<std::string> policies;                  // names of the namespace's NetworkPolicies of ours
  std::optional<api::StartLatency> latency = {};      // as this process saw the start; absent after a restart
  std::shared_ptr<const api::SandboxPool> pool = {};  // that spec.poolRef names
  std::shared_ptr<const api::SandboxTemplate> template_ = {};  // that spec.templateRef or the pool names
  // The template's present revision: its name, and whether it has been kept.
  std::string presentRevision = {};
  bool presentIsKept = false;
  std::string presentShape = {};  // plainShape() of the template; empty: not known
  std::shared_ptr<const api::ControllerRevision> pinned = {};  // that pinnedRevision() names
  std::vector<Offer> offers = {};                              // of the pool
  std::set<std::string> nodesAway = {};  // not Ready or gone, of its pods on their way out; those known to be
  std::shared_ptr<const api::SandboxQuota> quota = {};        // of the namespace
  std::optional<quota::Answer> answer = {};                   // ... to what this process asked of it last
  std::shared_ptr<const api::SandboxSnapshot> snapshot = {};  // that api::continuesFrom() names
  std::shared_ptr<const api::SandboxSnapshot> golden = {};    // template_'s, Ready, on a node that is open
  std::vector<std::shared_ptr<const api::SandboxSnapshot>> ownSnapshots = {};  // made to suspend it
  std::vector<std::shared_ptr<const api::SandboxSnapshot>> scheduled = {};     // made by its schedule
  std::set<std::string> wanted = {};      // names of those that a Sandbox is still to start from
  bool checkpointing = false;             // its node takes a snapshot of its pod now, whoever asked for it
  std::optional<Time> checkpointed = {};  // when the node said so of the last one that has ended
  // Answers to questions(), absent until asked.
  std::optional<std::vector<PodEvent>> podEvents = {};
  std::optional<bool> nodeReady = {};
  bool podConfirmedGone = false;      // the API server itself has no pod of that name that is the own one
  bool newest = false;                // ... had this version of the Sandbox when all else here was seen
  bool sandboxConfirmed = false;      // ... has this version of the Sandbox
  std::optional<LiveSave> live = {};  // ... of a sandbox that seemed saved
  // ... names this snapshot, or none, in the Sandbox's status, after all pods and snapshots here were seen.
  std::optional<std::string> suspendedAs = {};
  bool sandboxConfirmedGone = false;  // ... has none of that name, or of another uid than the strays' owner
  // The action of this round that failed, if one did: only what does not rest on it is planned then.
  std::optional<Error> failure = {};
  bool undeletable = false;  // ... it was to delete the Sandbox
};

// What has to be asked of the API server before a plan is safe: the stores alone may be behind each other.
struct Questions {
  bool podEvents = false;
  bool nodeState = false;
  // The status names a pod that the store lacks, or had another owner, or tells that it stands still, and the
  // store does not: it may merely lag.
  bool pod = false;
  bool revision = false;  // the store lacks the ControllerRevision that it was made from: it may merely lag
  // A restart is due, or a pod is of one that this view does not know, or what it is kept in is to be
  // released, or a pod beside the one that is named is to go before anything ran.
  bool newest = false;
  bool sandbox = false;    // there are pods without their Sandbox: the store may merely lag
  bool version = false;    // the Sandbox could not be deleted: is its time still over?
  bool snapshot = false;   // the store lacks the one that it is suspended in: it may merely lag
  bool live = false;       // it seems to be saved: that must be so when it is decided
  bool abandoned = false;  // there is what was made to suspend it, and its status does not tell of it
  bool operator==(const Questions&) const = default;
};
Questions questions(const Observed& observed, Time now);

using policy::CreatePolicy;
// Keeps what the template says now.
struct CreateRevision {
  std::shared_ptr<const api::SandboxTemplate> template_;
};
// The Sandbox's PersistentVolumeClaim, unless it is there already.
struct CreateVolume {
  json::value claim;
};
struct CreatePod {
  json::value pod;
};
// Takes a pool's pod for the Sandbox.
struct AdoptPod {
  std::shared_ptr<const api::Pod> pod;
  PodIdentity identity;  // what it has of it from now on; it keeps its name
  std::string profile;
  std::string golden = {};  // the golden snapshot that it is to begin from, where it can
};
struct LabelPod {  // moves the pod to another network profile (empty: to none)
  std::shared_ptr<const api::Pod> pod;
  std::string profile;
};
// The pod's sandbox is to stand still, or to go on.
struct FreezePod {
  std::shared_ptr<const api::Pod> pod;
  std::string wish;  // of api::freezeAnnotation; empty: none
};
// The Sandbox's own, to suspend it or by its schedule.
struct CreateSnapshot {
  json::value snapshot;
  std::string_view failure;  // the reason to tell where it is refused
};
struct DeleteSnapshot {
  std::shared_ptr<const api::SandboxSnapshot> snapshot;
  std::string_view failure = {};  // the reason when it is refused
};
// It is to outlive its Sandbox: it is nobody's from then on.
struct ReleaseSnapshot {
  std::shared_ptr<const api::SandboxSnapshot> snapshot;
};
struct DeletePod {
  std::shared_ptr<const api::Pod> pod;
  bool asSeen = false;  // only if it has not changed since
};
struct DeleteSandbox {
  std::shared_ptr<const api::Sandbox> sandbox;  // deleted only if unchanged
};
using Action =
    std::variant<CreatePolicy, CreateRevision, CreateVolume, CreatePod, AdoptPod, LabelPod, FreezePod,
                 CreateSnapshot, DeleteSnapshot, ReleaseSnapshot, DeletePod, DeleteSandbox>;

// An Event for people.
struct Report {
  bool warning = false;
  std::string_view reason;
  std::string message;
};

struct Plan {
  std::vector<Action> actions;               // in this order; the first failure ends them
  std::optional<api::SandboxStatus> status;  // to be written after them, if it differs from the present one
  std::optional<Report> report;
  std::optional<Time> again;  // look again then, even if nothing changes
  // What the namespace's SandboxQuota shall grant, or has granted: the pod that the Sandbox is to get.
  std::optional<quota::Request> wants = {};
  bool suited = false;  // it waits for a pod, and those that its pool makes now are like its own would be
};

Plan plan(const Observed& observed, const Config& config, Time now);

// The ControllerRevision that SANDBOX was made from, as its status or else its POD (may be null) tells; empty
// without one.
std::string pinnedRevision(const api::Sandbox& sandbox, const api::Pod* pod);

}  // namespace cloister::sandbox
