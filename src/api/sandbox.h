// The Sandbox kind, as crds/cloister.dev_sandboxes.yaml describes it field by field. A test holds the two
// together.
#pragma once

#include "api/core.h"
#include "api/meta.h"

namespace cloister::api {

inline constexpr std::string_view apiVersion = "cloister.dev/v1alpha1";

// Lower-case enumerators are the API's own spelling.
BOOST_DEFINE_FIXED_ENUM_CLASS(Runtime, int, gvisor, kata, runc)
BOOST_DEFINE_FIXED_ENUM_CLASS(SecurityProfile, int, Restricted, Baseline)
BOOST_DEFINE_FIXED_ENUM_CLASS(DesiredState, int, Running, Paused, Suspended)
BOOST_DEFINE_FIXED_ENUM_CLASS(OnExpiry, int, Delete, Suspend, Snapshot)
BOOST_DEFINE_FIXED_ENUM_CLASS(RestartPolicy, int, Never, OnFailure, Always)
BOOST_DEFINE_FIXED_ENUM_CLASS(EgressMode, int, None, Internet, Allow)
BOOST_DEFINE_FIXED_ENUM_CLASS(Protocol, int, TCP, UDP)
BOOST_DEFINE_FIXED_ENUM_CLASS(Phase, int, Pending, Queued, Running, Paused, Suspended, Succeeded, Failed)

struct SandboxResources {
  Quantity cpu;
  Quantity memory;
  Quantity disk;
  std::optional<int> processes;  // and threads, at once; no limit when absent
  bool operator==(const SandboxResources&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxResources, (), (cpu, memory, disk, processes))

struct SandboxLifecycle {
  std::optional<Duration> ttl;          // from startedAt
  std::optional<Time> expiresAt;        // a fixed moment
  std::optional<Duration> idleTimeout;  // answered with a condition until activity is known
  std::optional<Duration> maxLifetime;  // from creation
  std::optional<OnExpiry> onExpiry;
  bool operator==(const SandboxLifecycle&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxLifecycle, (), (ttl, expiresAt, idleTimeout, maxLifetime, onExpiry))

struct NetworkPort {
  std::string name;
  int port = 0;
  std::optional<Protocol> protocol;  // TCP when absent
  bool operator==(const NetworkPort&) const = default;
};
BOOST_DESCRIBE_STRUCT(NetworkPort, (), (name, port, protocol))

struct SandboxEgress {
  std::optional<EgressMode> mode;  // None when absent
  std::vector<std::string> cidrs;
  std::vector<std::string> names;  // answered with a condition until the node agent resolves them
  std::vector<NetworkPort> ports;  // empty: all
  bool operator==(const SandboxEgress&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxEgress, (), (mode, cidrs, names, ports))

struct SandboxNetwork {
  SandboxEgress egress;
  std::vector<NetworkPort> expose;  // ports that pods of the namespace that are no sandboxes may reach
  bool operator==(const SandboxNetwork&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxNetwork, (), (egress, expose))

struct SandboxWorkspace {
  Quantity size;             // default: resources.disk
  std::string storageClass;  // with one it is a volume that outlives the pod
  bool operator==(const SandboxWorkspace&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxWorkspace, (), (size, storageClass))

// Of a running sandbox.
struct SandboxSnapshotSchedule {
  Duration every = {};
  std::optional<int> keep;  // 3 when absent
  bool operator==(const SandboxSnapshotSchedule&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxSnapshotSchedule, (), (every, keep))

struct LocalReference {
  std::string name;
  bool operator==(const LocalReference&) const = default;
};
BOOST_DESCRIBE_STRUCT(LocalReference, (), (name))

struct PodMetadata {
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  bool operator==(const PodMetadata&) const = default;
};
BOOST_DESCRIBE_STRUCT(PodMetadata, (), (labels, annotations))

struct SandboxSpec {
  std::optional<Runtime> runtime;
  std::string image;
  std::string imagePullPolicy;  // Always, IfNotPresent, Never
  std::vector<std::string> command;
  std::vector<std::string> args;
  std::string workingDir;
  std::vector<EnvVar> env;
  SandboxResources resources;
  std::optional<SecurityProfile> securityProfile;
  SandboxLifecycle lifecycle;
  std::optional<DesiredState> desiredState;
  std::optional<RestartPolicy> restartPolicy;  // Never when absent
  SandboxNetwork network;
  SandboxWorkspace workspace;
  std::optional<SandboxSnapshotSchedule> snapshotSchedule;
  // Scheduling and registry, as every cluster needs them.
  std::vector<LocalReference> imagePullSecrets;
  std::map<std::string, std::string> nodeSelector;
  std::vector<Toleration> tolerations;
  std::string priorityClassName;
  PodMetadata podMetadata;
  // Answered with a condition until their machinery exists.
  std::optional<LocalReference> templateRef;
  std::optional<LocalReference> poolRef;
  std::optional<LocalReference> restoreFrom;
  bool operator==(const SandboxSpec&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxSpec, (),
                      (runtime, image, imagePullPolicy, command, args, workingDir, env, resources,
                       securityProfile, lifecycle, desiredState, restartPolicy, network, workspace,
                       snapshotSchedule, imagePullSecrets, nodeSelector, tolerations, priorityClassName,
                       podMetadata, templateRef, poolRef, restoreFrom))

// Milliseconds from when the operator first saw the Sandbox, by stage, on its own clock: Kubernetes' times
// are whole seconds. Absent when the operator was restarted meanwhile.
struct StartLatency {
  std::optional<int64_t> acceptedMs;   // pod posted
  std::optional<int64_t> scheduledMs;  // bound to a node
  std::optional<int64_t> readyMs;      // seen Ready by the operator
  bool operator==(const StartLatency&) const = default;
};
BOOST_DESCRIBE_STRUCT(StartLatency, (), (acceptedMs, scheduledMs, readyMs))

// How one pod of a Sandbox ended that was restarted.
struct SandboxEnd {
  std::string podName;
  std::string nodeName;  // empty: it never had one, or was gone unseen
  std::string reason;    // as of the condition Ready
  std::string message;
  std::optional<int> exitCode;
  std::optional<Time> startedAt;  // absent when it never ran
  Time endedAt;                   // when the operator noticed
  bool operator==(const SandboxEnd&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxEnd, (), (podName, nodeName, reason, message, exitCode, startedAt, endedAt))

// The saving of a sandbox's memory by the operator (desiredState Suspended): under way, done, or tried again.
struct SandboxSuspension {
  std::string snapshotName;       // the SandboxSnapshot, the operator's own; empty between two attempts
  std::optional<Time> startedAt;  // the attempt, where there is one
  std::optional<int> failures;    // attempts in a row
  std::optional<Time> failedAt;
  std::string message;  // why the last one failed, or the sandbox ended unsaved
  bool operator==(const SandboxSuspension&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxSuspension, (), (snapshotName, startedAt, failures, failedAt, message))

// A SandboxSnapshot, by name and uid, which a template's Sandboxes begin from.
struct GoldenSnapshot {
  std::string snapshotName;
  std::string snapshotUID;
  bool operator==(const GoldenSnapshot&) const = default;
};
BOOST_DESCRIBE_STRUCT(GoldenSnapshot, (), (snapshotName, snapshotUID))

// The one that a Sandbox's pods begin from.
struct GoldenStart {
  std::string snapshotName;
  std::string snapshotUID;
  std::string failedPodUID;  // the pod that could not: none of its successors does. Empty: all do
  bool operator==(const GoldenStart&) const = default;
};
BOOST_DESCRIBE_STRUCT(GoldenStart, (), (snapshotName, snapshotUID, failedPodUID))

struct SandboxStatus {
  std::optional<Phase> phase;
  std::optional<int> queuePosition;     // among the Sandboxes that wait for the namespace's SandboxQuota
  std::optional<Duration> maxLifetime;  // that this quota allowed when the sandbox started
  std::optional<int64_t> observedGeneration;
  std::vector<Condition> conditions;
  std::string podName;
  std::string podUID;            // final, until the next pod, once hasBegun() or hasEnded()
  std::string templateRevision;  // of the template that its spec was completed from, final likewise
  std::vector<std::string> podIPs;
  std::string nodeName;
  std::optional<Runtime> runtime;
  std::optional<Time> startedAt;
  std::optional<Time> expiresAt;
  std::optional<Time> pausedAt;       // since when it stands still
  std::optional<Duration> pausedFor;  // for how long it did before
  std::optional<int> exitCode;
  std::optional<StartLatency> startLatency;
  std::optional<int64_t> restarts;  // that were decided; never goes back
  std::vector<SandboxEnd> history;  // of the latest of them, the last first
  std::optional<int64_t> suspends;  // attempts that were begun; never goes back
  std::optional<int64_t> resumes;   // that were decided; never goes back
  std::optional<SandboxSuspension> suspension;
  std::optional<GoldenStart> golden;  // its template's, that its pods begin from where they can
  bool operator==(const SandboxStatus&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxStatus, (),
                      (phase, queuePosition, maxLifetime, observedGeneration, conditions, podName, podUID,
                       templateRevision, podIPs, nodeName, runtime, startedAt, expiresAt, pausedAt, pausedFor,
                       exitCode, startLatency, restarts, history, suspends, resumes, suspension, golden))

// Of its sandbox: an end is final.
inline bool hasEnded(const SandboxStatus& status) {
  return status.phase == Phase::Succeeded || status.phase == Phase::Failed;
}

// Which of its pods STATUS is about: each restart and each resume brings another one. None: the first.
inline std::optional<int64_t> podNumber(const SandboxStatus& status) {
  if (!status.restarts && !status.resumes) return std::nullopt;
  return status.restarts.value_or(0) + status.resumes.value_or(0);
}

// The pod that STATUS is about has been Ready. A restart or a resume begins anew.
inline bool hasBegun(const SandboxStatus& status) {
  const bool begun =
      status.phase == Phase::Running || status.phase == Phase::Paused || status.phase == Phase::Suspended;
  return podNumber(status) ? begun : status.startedAt.has_value();
}

struct Sandbox {
  ObjectMeta metadata;
  SandboxSpec spec;
  SandboxStatus status;
  // Why the present spec cannot be read (a newer version's, say); then SPEC is an older one, or empty. Not
  // part of the object.
  std::string unreadable = {};
  bool operator==(const Sandbox&) const = default;
};
BOOST_DESCRIBE_STRUCT(Sandbox, (), (metadata, spec, status))

// The SandboxSnapshot that SANDBOX is being saved as, or is kept in; empty: none.
inline std::string suspendedAs(const Sandbox& sandbox) {
  return sandbox.status.suspension ? sandbox.status.suspension->snapshotName : "";
}

// The SandboxSnapshot that the next pod of SANDBOX continues from, or not at all; empty: it starts anew.
inline std::string continuesFrom(const Sandbox& sandbox) {
  if (const std::string own = suspendedAs(sandbox); !own.empty()) return own;
  return sandbox.spec.restoreFrom ? sandbox.spec.restoreFrom->name : "";
}

// The golden snapshot that the next pod of SANDBOX begins from, where it can; null: it has none to begin
// from, or one pod of it could not.
inline const GoldenStart* beginsFrom(const Sandbox& sandbox) {
  const std::optional<GoldenStart>& golden = sandbox.status.golden;
  return continuesFrom(sandbox).empty() && golden && golden->failedPodUID.empty() ? &*golden : nullptr;
}

// The container of a Sandbox's pod that is the sandbox; webhooks may put others beside it.
inline constexpr std::string_view containerName = "sandbox";

// Labels and annotations of ours on other objects. Only the operator's service account may write them.
inline constexpr std::string_view sandboxLabel = "cloister.dev/sandbox";    // a pod: its Sandbox's name
                                                                            // empty while it is in a pool
inline constexpr std::string_view poolLabel = "cloister.dev/pool";          // a pod: the pool that made it
inline constexpr std::string_view revisionLabel = "cloister.dev/revision";  // a pod: its template's revision
// A pod: its number, by podNumber(); the first one has none.
inline constexpr std::string_view restartLabel = "cloister.dev/restart";
// A pod that was made although there is a pool: why, as "Reason: message".
inline constexpr std::string_view coldStartAnnotation = "cloister.dev/cold-start";
// A pod that is to continue from a SandboxSnapshot: its name. It makes the node ask, and decides nothing.
inline constexpr std::string_view restoreAnnotation = "cloister.dev/restore-from";
// ... that begins from a golden one: this before its name, which no name can begin with. Where there is
// nobody to ask, it starts as any other.
inline constexpr std::string_view goldenPrefix = "golden/";
// A pod of a pool with spec.hold. It makes the node ask, and decides nothing.
inline constexpr std::string_view holdAnnotation = "cloister.dev/hold";
// The node's word on such a pod. True: it waits, and nothing of its image has run; False: it has begun, or
// continues from a snapshot.
inline constexpr std::string_view heldCondition = "cloister.dev/Held";
// What a pod's Sandbox calls its image. The pod's spec may have a mirror's, from admission, or a digest.
inline constexpr std::string_view imageAnnotation = "cloister.dev/image";
// A pod whose container may have so many processes and threads at once: a decimal number, which
// cloister-runsc makes a limit of.
inline constexpr std::string_view processesAnnotation = "cloister.dev/processes";
// A pod whose sandbox shall stand still. Its value is another one each time, and the node's answer, the
// condition, has it as its message: an answer to an earlier wish is told from that to the present one. It is
// the SandboxSnapshot's name where the sandbox is to be saved.
inline constexpr std::string_view freezeAnnotation = "cloister.dev/freeze";
inline constexpr std::string_view frozenCondition = "cloister.dev/Frozen";
inline constexpr std::string_view frozenFailed = "Failed";  // its reason when the node could not do it
// A SandboxSnapshot that was due by spec.snapshotSchedule: when. RFC 3339.
inline constexpr std::string_view scheduledForAnnotation = "cloister.dev/scheduled-for";
inline constexpr std::string_view shapeAnnotation =
    "cloister.dev/shape";  // a pool's pod: see sandbox::shapeOf
inline constexpr std::string_view networkLabel = "cloister.dev/network";  // a pod: its network profile
inline constexpr std::string_view managedByLabel = "app.kubernetes.io/managed-by";
inline constexpr std::string_view managedBy = "cloister-operator";

// POD's number among its Sandbox's, as podNumber(); 0: the first one.
int64_t restartOf(const Pod& pod);

// What POD asks for: the annotation's value, or nothing.
std::string freezeWish(const Pod& pod);
// The node's last answer is that POD's sandbox stands still, whatever was asked then.
bool saysFrozen(const Pod& pod);
// OWNER is one of ours, and not another group's kind of that name.
bool isSandbox(const OwnerReference& owner);
bool isTemplate(const OwnerReference& owner);
// POD's sandbox stands still, as POD asks for now.
bool isFrozen(const Pod& pod);
// POD was made to be held, and
bool isMadeToBeHeld(const Pod& pod);
// ... waits; or
bool isHeld(const Pod& pod);
// ... has begun since.
bool hasBegunFromHeld(const Pod& pod);

}  // namespace cloister::api
