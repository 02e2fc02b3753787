#include "node/agent/plan.h"

#include "runtime/conditions.h"

namespace cloister::node {
namespace {

namespace reason = api::snapshot;
using api::SnapshotPhase;

// How often a Sandbox is looked at whose pod runs, until its status says so.
constexpr Duration startPeriod = seconds(1);

bool hasEnded(const api::SandboxSnapshotStatus& status) {
  return status.phase == SnapshotPhase::Ready || status.phase == SnapshotPhase::Failed;
}

class Report {
 public:
  Report(const api::SandboxSnapshot& snapshot, Time now)
      : status_(snapshot.status), conditions_(snapshot.status.conditions, snapshot.metadata.generation, now) {
    status_.observedGeneration = snapshot.metadata.generation;
  }

  api::SandboxSnapshotStatus tell(SnapshotPhase phase, std::string_view why, std::string message) {
    status_.phase = phase;
    conditions_.set(reason::ready, phase == SnapshotPhase::Ready ? "True" : "False", why, std::move(message));
    status_.conditions = conditions_.take();
    return std::move(status_);
  }
  api::SandboxSnapshotStatus& status() { return status_; }

 private:
  api::SandboxSnapshotStatus status_;
  runtime::Conditions conditions_;
};

// Refused rather than ignored, as in a Sandbox.
std::optional<std::string> unsupported(const api::SandboxSnapshotSpec& spec, const api::Sandbox& sandbox) {
  if (spec.deletionPolicy == api::SnapshotDeletion::Retain)
    return "spec.deletionPolicy: only Delete is available in this version";
  if (sandbox.status.runtime && *sandbox.status.runtime != api::Runtime::gvisor)
    return "spec.sandboxRef: only a sandbox under gvisor can be saved in this version";
  return std::nullopt;
}

api::SandboxSnapshotStatus readyStatus(const api::SandboxSnapshot& snapshot, Report report, const Kept& kept,
                                       std::string_view node, Time now) {
  api::SandboxSnapshotStatus& status = report.status();
  status.nodeName = node;
  status.podUID = kept.manifest.podUID;
  status.sizeBytes = sizeOf(kept.manifest);
  status.duration = kept.manifest.duration;
  status.digest = kept.digest;
  status.runtimeVersion = kept.manifest.runtimeVersion;
  status.image = imageOf(kept.manifest).name;
  status.imageID = imageOf(kept.manifest).id;
  status.specHash = specHashOf(kept.manifest);
  if (snapshot.spec.ttl) status.expiresAt = std::chrono::floor<seconds>(now + *snapshot.spec.ttl);
  return report.tell(SnapshotPhase::Ready, reason::taken,
                     "It can be restored on the node " + std::string(node) + ".");
}

bool isPodOf(const api::Sandbox& sandbox, const api::Pod& pod) {
  const api::OwnerReference* owner = api::controllerOf(pod.metadata);
  return owner != nullptr && owner->uid == sandbox.metadata.uid && sandbox.status.podUID == pod.metadata.uid;
}

bool canBeTaken(const Observed& observed) {
  return observed.pod != nullptr && observed.sandbox && isPodOf(*observed.sandbox, *observed.pod) &&
         observed.pod->status.phase == "Running" && !observed.pod->metadata.deletionTimestamp &&
         (observed.sandbox->status.phase == api::Phase::Running ||
          observed.sandbox->status.phase == api::Phase::Paused);
}

// It is to stand still, and does not yet: that comes first.
bool isToStop(const api::Pod& pod) {
  return !api::freezeWish(pod).empty() && !api::isFrozen(pod);
}

}  // namespace

bool isOurs(const api::SandboxSnapshot& snapshot, const api::Pod* pod, std::string_view node) {
  if (!snapshot.status.nodeName.empty()) return snapshot.status.nodeName == node;
  return pod != nullptr;
}

Plan plan(const Observed& observed, std::string_view node, Time now) {
  Plan out;
  const api::SandboxSnapshot& snapshot = *observed.snapshot;
  const bool leaving = snapshot.metadata.deletionTimestamp.has_value() || !snapshot.unreadable.empty();
  const bool ours = isOurs(snapshot, observed.pod.get(), node);
  // It can be fetched again, as soon as somebody wants it. A copy that was fetched is nothing else.
  if (snapshot.status.phase == SnapshotPhase::Ready && observed.damage &&
      (!ours || api::isStored(snapshot))) {
    out.drop = true;
    return out;
  }
  if (leaving || !ours) return out;
  Report report(snapshot, now);
  if (snapshot.status.phase == SnapshotPhase::Ready && observed.damage) {
    out.status =
        report.tell(SnapshotPhase::Failed, reason::corrupt,
                    "It cannot be restored: " + *observed.damage + ". Create another SandboxSnapshot.");
    return out;
  }
  if (hasEnded(snapshot.status)) return out;
  if (observed.kept) {
    out.status = readyStatus(snapshot, std::move(report), *observed.kept, node, now);
    return out;
  }
  const bool claimed = snapshot.status.phase == SnapshotPhase::Running;
  if (claimed && (!canBeTaken(observed) || observed.pod->metadata.uid != snapshot.status.podUID)) {
    out.status =
        report.tell(SnapshotPhase::Failed, reason::podLost,
                    "The sandbox ended before the snapshot was taken. Create another SandboxSnapshot.");
    return out;
  }
  if (observed.sandbox) {
    if (auto why = unsupported(snapshot.spec, *observed.sandbox)) {
      out.status = report.tell(SnapshotPhase::Failed, reason::unsupported, *why + ".");
      return out;
    }
  }
  if (!canBeTaken(observed) || isToStop(*observed.pod)) {
    if (observed.pod != nullptr) out.again = now + startPeriod;
    return out;
  }
  report.status().nodeName = node;
  report.status().podUID = observed.pod->metadata.uid;
  if (observed.failure) {
    const bool final = observed.failure->code == Errc::InvalidInput;
    const bool isVolume = observed.failure->reason == reason::workspaceNotSnapshottable;
    const std::string_view why = isVolume ? reason::workspaceNotSnapshottable : reason::unsupported;
    out.status = report.tell(final ? SnapshotPhase::Failed : SnapshotPhase::Running,
                             final ? why : reason::retrying, observed.failure->message);
    return out;
  }
  out.take = true;
  if (!claimed)
    out.status = report.tell(SnapshotPhase::Running, reason::taking,
                             std::string("The sandbox's ") +
                                 (api::isOfFiles(snapshot) ? "files are" : "memory is") + " being saved.");
  return out;
}

}  // namespace cloister::node
