// The reasons that a Sandbox's conditions and events carry. Documented for users in docs/conditions.md; a
// test holds the two together.
#pragma once

#include <array>
#include <string_view>

namespace cloister::sandbox {

namespace condition {
inline constexpr std::string_view accepted = "Accepted";            // the spec can be carried out here
inline constexpr std::string_view podScheduled = "PodScheduled";    // a node was found
inline constexpr std::string_view ready = "Ready";                  // the sandbox runs
inline constexpr std::string_view networkFenced = "NetworkFenced";  // the egress rules are enforced
inline constexpr std::string_view warmStart = "WarmStart";  // it took a pod that was waiting in its pool
inline constexpr std::string_view stalled = "Stalled";      // kstatus: it will not become Ready by itself
}  // namespace condition

namespace reason {
// Accepted
inline constexpr std::string_view accepted = "Accepted";
inline constexpr std::string_view unsupported = "Unsupported";
inline constexpr std::string_view notAllowed = "NotAllowed";
inline constexpr std::string_view unreadable = "Unreadable";
inline constexpr std::string_view notOverridable = "NotOverridable";
inline constexpr std::string_view templateNotFound = "TemplateNotFound";
inline constexpr std::string_view templateMismatch = "TemplateMismatch";
inline constexpr std::string_view poolNotFound = "PoolNotFound";
inline constexpr std::string_view snapshotNotFound = "SnapshotNotFound";
inline constexpr std::string_view snapshotNotReady = "SnapshotNotReady";
// On the way
inline constexpr std::string_view starting = "Starting";
inline constexpr std::string_view scheduled = "Scheduled";
inline constexpr std::string_view running = "Running";
inline constexpr std::string_view expired = "Expired";
inline constexpr std::string_view restarting = "Restarting";
inline constexpr std::string_view pausing = "Pausing";
inline constexpr std::string_view paused = "Paused";
inline constexpr std::string_view resuming = "Resuming";
inline constexpr std::string_view suspending = "Suspending";
inline constexpr std::string_view suspended = "Suspended";
inline constexpr std::string_view suspendFailed = "SuspendFailed";
inline constexpr std::string_view snapshotLost = "SnapshotLost";
inline constexpr std::string_view expiredUnsaved = "ExpiredUnsaved";
inline constexpr std::string_view snapshotFailed = "SnapshotFailed";
// Waits for the namespace's SandboxQuota
inline constexpr std::string_view queued = "Queued";
inline constexpr std::string_view quotaTooSmall = "QuotaTooSmall";
// Could not be created
inline constexpr std::string_view runtimeClassMissing = "RuntimeClassMissing";
inline constexpr std::string_view quotaExceeded = "QuotaExceeded";
inline constexpr std::string_view admissionRefused = "AdmissionRefused";
inline constexpr std::string_view podNameTaken = "PodNameTaken";
inline constexpr std::string_view policyNameTaken = "PolicyNameTaken";
inline constexpr std::string_view volumeNameTaken = "VolumeNameTaken";
inline constexpr std::string_view createFailed = "CreateFailed";
// Waits for something outside
inline constexpr std::string_view unschedulable = "Unschedulable";
inline constexpr std::string_view runtimeMissingOnNode = "RuntimeMissingOnNode";
inline constexpr std::string_view imagePullFailed = "ImagePullFailed";
inline constexpr std::string_view imageMissing = "ImageMissing";
inline constexpr std::string_view invalidImageName = "InvalidImageName";
inline constexpr std::string_view startFailed = "StartFailed";
// Ended
inline constexpr std::string_view completed = "Completed";
inline constexpr std::string_view crashed = "Crashed";
inline constexpr std::string_view crashLoop = "CrashLoop";
inline constexpr std::string_view oomKilled = "OOMKilled";
inline constexpr std::string_view evicted = "Evicted";
inline constexpr std::string_view nodeLost = "NodeLost";
inline constexpr std::string_view podLost = "PodLost";
// WarmStart, and Ready where the pool says so
inline constexpr std::string_view fromPool = "FromPool";
inline constexpr std::string_view poolEmpty = "PoolEmpty";
inline constexpr std::string_view poolMismatch = "PoolMismatch";
// NetworkFenced
inline constexpr std::string_view notVerified = "NotVerified";

inline constexpr std::array all{accepted,
                                unsupported,
                                notAllowed,
                                starting,
                                scheduled,
                                running,
                                expired,
                                queued,
                                quotaTooSmall,
                                runtimeClassMissing,
                                quotaExceeded,
                                admissionRefused,
                                podNameTaken,
                                policyNameTaken,
                                createFailed,
                                unschedulable,
                                runtimeMissingOnNode,
                                imagePullFailed,
                                imageMissing,
                                invalidImageName,
                                startFailed,
                                completed,
                                crashed,
                                crashLoop,
                                oomKilled,
                                evicted,
                                nodeLost,
                                podLost,
                                notVerified,
                                unreadable,
                                notOverridable,
                                templateNotFound,
                                templateMismatch,
                                poolNotFound,
                                fromPool,
                                poolEmpty,
                                poolMismatch,
                                restarting,
                                volumeNameTaken,
                                snapshotNotFound,
                                snapshotNotReady,
                                pausing,
                                paused,
                                resuming,
                                suspending,
                                suspended,
                                suspendFailed,
                                snapshotLost,
                                expiredUnsaved,
                                snapshotFailed};
}  // namespace reason

}  // namespace cloister::sandbox
