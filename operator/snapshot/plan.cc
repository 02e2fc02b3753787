#include "operator/snapshot/plan.h"

#include "operator/sandbox/reasons.h"
#include "runtime/conditions.h"

namespace cloister::snapshot {
namespace {

namespace reason = api::snapshot;
using api::SnapshotPhase;

bool isRunning(const Observed& observed) {
  const api::SandboxStatus& status = observed.sandbox->status;
  return api::hasBegun(status) && !api::hasEnded(status) && observed.pod != nullptr &&
         observed.pod->status.phase == "Running" && !observed.pod->metadata.deletionTimestamp;
}

struct News {
  std::string_view reason;
  std::string message;
};

std::string textOf(const std::map<std::string, std::string>& labels) {
  std::string out;
  for (const auto& [name, value] : labels) out += " " + name + "=" + value;
  return out;
}

News newsOf(const Observed& observed, const SnapshotsConfig& config, Stage stage) {
  const std::string named = "Sandbox \"" + observed.snapshot->spec.sandboxRef.name + "\"";
  const std::string& node = observed.snapshot->status.nodeName;
  switch (stage) {
    case Stage::NoSandbox:
      return {reason::sandboxNotFound,
              "The namespace has no " + named + ". It is saved once it is created and runs."};
    case Stage::NotRunning:
      if (api::hasEnded(observed.sandbox->status)) {
        return {reason::sandboxNotRunning, "The " + named +
                                               " has ended, and there is nothing to save. Create a "
                                               "SandboxSnapshot of one that runs."};
      }
      return {reason::sandboxNotRunning, "The " + named + " does not run. It is saved once it does."};
    case Stage::Unclaimed: {
      const std::string& on = observed.pod->spec.nodeName;
      return {reason::noNodeAgent,
              "No cloister-node takes it on the node " + on + ". Let it run there: kubectl label node " + on +
                  textOf(config.nodeSelector) +
                  ". If it is to run there already, see its pods: "
                  "kubectl get pods --all-namespaces --selector app.kubernetes.io/name=cloister-node"};
    }
    case Stage::PodGone:
      return {reason::podLost,
              "The sandbox ended before the snapshot was taken. Create another SandboxSnapshot."};
    case Stage::NodeGone:
      return {reason::nodeLost,
              "The node " + node + " is gone, and what it kept with it. Create another SandboxSnapshot."};
    case Stage::Settled:
      break;
  }
  return {};
}

// Settled is told by others.
Plan tell(const Observed& observed, const SnapshotsConfig& config, Stage stage, Time now) {
  Plan out;
  if (stage == Stage::Settled) return out;
  if (const Duration left = graceOf(stage) - observed.lasted; left > Duration(0)) {
    out.again = now + left;
    return out;
  }
  const api::ObjectMeta& meta = observed.snapshot->metadata;
  const bool lost = stage == Stage::PodGone || stage == Stage::NodeGone;
  const News news = newsOf(observed, config, stage);
  runtime::Conditions conditions(observed.snapshot->status.conditions, meta.generation, now);
  conditions.set(reason::ready, "False", news.reason, news.message);
  out.status = observed.snapshot->status;
  out.status->phase = lost ? SnapshotPhase::Failed : SnapshotPhase::Pending;
  out.status->observedGeneration = meta.generation;
  out.status->conditions = conditions.take();
  if (lost) out.report = sandbox::Report{.warning = true, .reason = news.reason, .message = news.message};
  return out;
}

}  // namespace

Stage stageOf(const Observed& observed) {
  const api::SandboxSnapshot& snapshot = *observed.snapshot;
  const auto phase = snapshot.status.phase.value_or(SnapshotPhase::Pending);
  if (!snapshot.unreadable.empty() || snapshot.metadata.deletionTimestamp || phase == SnapshotPhase::Failed)
    return Stage::Settled;
  if (!snapshot.status.nodeName.empty()) {
    if (observed.nodeGone && !api::isStored(snapshot)) return Stage::NodeGone;
    return phase == SnapshotPhase::Running && observed.pod == nullptr ? Stage::PodGone : Stage::Settled;
  }
  if (observed.sandbox == nullptr) return Stage::NoSandbox;
  return isRunning(observed) ? Stage::Unclaimed : Stage::NotRunning;
}

Duration graceOf(Stage stage) {
  switch (stage) {
    case Stage::Unclaimed:
      return claimGrace;
    case Stage::PodGone:
      return podGrace;
    case Stage::NodeGone:
      return nodeGrace;
    default:
      return Duration(0);
  }
}

Plan plan(const Observed& observed, const SnapshotsConfig& config, Time now) {
  const auto expiresAt = observed.snapshot->status.expiresAt;
  const bool leaving = observed.snapshot->metadata.deletionTimestamp.has_value();
  if (expiresAt && now >= *expiresAt && !leaving) {
    Plan out;
    out.remove = true;
    out.report = sandbox::Report{.reason = sandbox::reason::expired,
                                 .message = "The snapshot's time is over; it is deleted."};
    out.again = now + deletionPeriod;
    return out;
  }
  Plan out = tell(observed, config, stageOf(observed), now);
  if (expiresAt && !leaving) out.again = std::min(out.again.value_or(*expiresAt), *expiresAt);
  return out;
}

}  // namespace cloister::snapshot
