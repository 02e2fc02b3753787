// The SandboxSnapshot kind, as crds/cloister.dev_sandboxsnapshots.yaml describes it.
#pragma once

#include "api/sandbox.h"

namespace cloister::api {

enum class SnapshotMode { Memory, Filesystem };
BOOST_DESCRIBE_ENUM(SnapshotMode, Memory, Filesystem)

enum class SnapshotDeletion { Delete, Retain };
BOOST_DESCRIBE_ENUM(SnapshotDeletion, Delete, Retain)

enum class SnapshotPhase { Pending, Running, Ready, Failed };
BOOST_DESCRIBE_ENUM(SnapshotPhase, Pending, Running, Ready, Failed)

struct SandboxSnapshotSpec {
  LocalReference sandboxRef;
  std::optional<SnapshotMode> mode;  // Memory when absent
  std::optional<SnapshotDeletion> deletionPolicy;
  std::optional<Duration> ttl;
  bool operator==(const SandboxSnapshotSpec&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxSnapshotSpec, (), (sandboxRef, mode, deletionPolicy, ttl))

// Where it is besides the node's disk, or is being brought to.
struct SnapshotStore {
  std::string endpoint;              // a URL
  std::string bucket;                // there
  std::string location;              // what the keys of its objects begin with
  std::string keyID;                 // of the store key
  std::string wrappedKey;            // its own key, enciphered with that one; base64
  std::optional<int64_t> sizeBytes;  // there; none until all of it is
  bool operator==(const SnapshotStore&) const = default;
};
BOOST_DESCRIBE_STRUCT(SnapshotStore, (), (endpoint, bucket, location, keyID, wrappedKey, sizeBytes))

// Written by the operator until a node has claimed it, and then by that node's agent
// (operator/snapshot/plan.h).
struct SandboxSnapshotStatus {
  std::optional<SnapshotPhase> phase;
  std::optional<int64_t> observedGeneration;
  std::string nodeName;  // whose agent takes it, and keeps it
  std::string podUID;    // of the sandbox's pod that it is of
  std::optional<int64_t> sizeBytes;
  std::optional<Duration>
      duration;        // of runsc's checkpoint, which is how long the sandbox stood still at most
  std::string digest;  // "sha256:..." of the manifest, which has each file's
  std::string runtimeVersion;
  std::string image;              // of the sandbox, as it was called
  std::string imageID;            // ... and which one that was: a pod's image, whatever the name stands for
  std::string specHash;           // "sha256:..." of what runsc compares when it restores
  std::optional<Time> expiresAt;  // when it is deleted; with spec.ttl, once it has been Ready
  std::optional<SnapshotStore> store;
  std::vector<Condition> conditions;
  bool operator==(const SandboxSnapshotStatus&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxSnapshotStatus, (),
                      (phase, observedGeneration, nodeName, podUID, sizeBytes, duration, digest,
                       runtimeVersion, image, imageID, specHash, expiresAt, store, conditions))

struct SandboxSnapshot {
  ObjectMeta metadata;
  SandboxSnapshotSpec spec;
  SandboxSnapshotStatus status;
  // As Sandbox::unreadable.
  std::string unreadable = {};
  bool operator==(const SandboxSnapshot&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxSnapshot, (), (metadata, spec, status))

// The conditions that a SandboxSnapshot carries, and their reasons.
namespace snapshot {
inline constexpr std::string_view ready = "Ready";
inline constexpr std::string_view stored = "Stored";

inline constexpr std::string_view taking = "Taking";      // the checkpoint is being made
inline constexpr std::string_view taken = "Taken";        // it can be restored
inline constexpr std::string_view retrying = "Retrying";  // it failed, and is tried again
inline constexpr std::string_view unsupported =
    "Unsupported";  // not in this version, or not with this sandbox
inline constexpr std::string_view workspaceNotSnapshottable = "WorkspaceNotSnapshottable";  // it is a volume
inline constexpr std::string_view podLost = "PodLost";    // the sandbox ended before it was taken
inline constexpr std::string_view nodeLost = "NodeLost";  // what was to take it, or kept it, is gone
inline constexpr std::string_view corrupt = "Corrupt";    // its files are not what was saved
// Not claimed yet:
inline constexpr std::string_view sandboxNotFound = "SandboxNotFound";
inline constexpr std::string_view sandboxNotRunning = "SandboxNotRunning";
inline constexpr std::string_view noNodeAgent = "NoNodeAgent";
// Of Stored, besides corrupt:
inline constexpr std::string_view storing = "Storing";                    // it is being brought there
inline constexpr std::string_view inStore = "InStore";                    // it can be restored on other nodes
inline constexpr std::string_view storeUnreachable = "StoreUnreachable";  // no answer, or overloaded
inline constexpr std::string_view storeRefused = "StoreRefused";          // the endpoint, or a key, says no
inline constexpr std::string_view storeFailed = "StoreFailed";            // anything else
inline constexpr std::array all{taking,      taken,    retrying, unsupported,      workspaceNotSnapshottable,
                                podLost,     nodeLost, corrupt,  sandboxNotFound,  sandboxNotRunning,
                                noNodeAgent, storing,  inStore,  storeUnreachable, storeRefused,
                                storeFailed};
}  // namespace snapshot

// The moment of spec.snapshotSchedule that SNAPSHOT was due at; none: it was made for something else.
inline std::optional<Time> scheduledFor(const SandboxSnapshot& snapshot) {
  return parseTime(annotationOf(snapshot.metadata, scheduledForAnnotation));
}

// The Sandbox that SNAPSHOT is of.
inline kube::ObjectKey sandboxOf(const SandboxSnapshot& snapshot) {
  return {snapshot.metadata.namespace_, snapshot.spec.sandboxRef.name};
}

// It has files alone: Sandboxes begin with them, and continue from nothing.
inline bool isOfFiles(const SandboxSnapshot& snapshot) {
  return snapshot.spec.mode == SnapshotMode::Filesystem;
}

// All of it is in the store: it can be restored without its node.
inline bool isStored(const SandboxSnapshot& snapshot) {
  const Condition* condition = findCondition(snapshot.status.conditions, snapshot::stored);
  return snapshot.status.store && condition != nullptr && condition->status == "True";
}

}  // namespace cloister::api
