#include "operator/template/golden.h"

#include "base/hash.h"
#include "operator/owner.h"
#include "operator/sandbox/diagnose.h"
#include "operator/sandbox/pod.h"
#include "operator/sandbox/reasons.h"
#include "operator/sandbox/resolve.h"
#include "operator/template/reasons.h"
#include "operator/template/revision.h"

namespace cloister::templates {
namespace {

// Why FROM can have none here; empty: it can.
std::string refusal(const api::SandboxTemplate& from, const Config& config) {
  const sandbox::Resolved resolved = sandbox::resolve(from.spec.sandbox, config);
  const std::string field = "spec.golden: ";
  if (resolved.refusal) return field + "no Sandbox can be made from it; see the condition Accepted.";
  if (!config.snapshots.enabled) {
    return field +
           "snapshots are not available on this cluster; ask the administrator to run cloister-node and set "
           "snapshots.enabled, or remove the field.";
  }
  if (resolved.runtime != api::Runtime::gvisor)
    return field + "only a sandbox under gvisor can be saved with its memory; remove the field.";
  if (!resolved.workspaceClass.empty()) {
    return field +
           "a workspace with a storageClass is no part of a snapshot; remove "
           "spec.sandbox.workspace.storageClass, "
           "or the field.";
  }
  return "";
}

json::value objectOf(const api::SandboxTemplate& from, const std::string& name, const char* kind,
                     json::value spec) {
  return {
      {"apiVersion", api::apiVersion},
      {"kind", kind},
      {"metadata",
       {{"name", name},
        {"namespace", from.metadata.namespace_},
        {"labels", {{api::managedByLabel, api::managedBy}}},
        {"ownerReferences", json::array{json::encode(ownerReference(from.metadata, "SandboxTemplate"))}}}},
      {"spec", std::move(spec)}};
}

// It is what the operator makes, never was anything else, and runs, or will run, what FROM says now, for the
// first time.
bool isAsMade(const api::SandboxTemplate& from, const api::Sandbox& builder) {
  const std::string& revision = builder.status.templateRevision;
  return isOwn(from, builder.metadata) && api::isBuilder(builder) && builder.metadata.generation <= 1 &&
         (revision.empty() || revision == revisionName(from)) && !api::podNumber(builder.status) &&
         !builder.status.golden;
}

// SNAPSHOT was taken of the pod that BUILDER tells, and that is what FROM has here.
bool isOf(const api::SandboxTemplate& from, const api::Sandbox& builder, const api::SandboxSnapshot& snapshot,
          const Config& config) {
  return isAsMade(from, builder) && !builder.status.templateRevision.empty() &&
         !builder.status.podUID.empty() && snapshot.status.podUID == builder.status.podUID &&
         snapshot.spec == api::goldenSpec(builder.metadata.name) &&
         snapshot.status.image == sandbox::resolve(from.spec.sandbox, config).image;
}

const api::Condition* readyOf(const auto& object) {
  return api::findCondition(object.status.conditions, sandbox::condition::ready);
}

std::string wordsOf(const auto& object) {
  const api::Condition* ready = readyOf(object);
  return ready == nullptr || ready->message.empty() ? "" : " " + sandbox::excerpt(ready->message);
}

class Round {
 public:
  Round(const api::SandboxTemplate& from, const GoldenObserved& seen, const Config& config, Time now)
      : from_(from), seen_(seen), config_(config), now_(now) {
    step_.golden = from.status.golden;
  }

  GoldenStep without() {
    step_.golden.reset();
    for (const auto& builder : seen_.builders) remove(builder);
    for (const auto& snapshot : seen_.snapshots) remove(snapshot);
    return std::move(step_);
  }

  GoldenStep unsupported(std::string why) {
    tell(sandbox::reason::unsupported, std::move(why));
    return without();
  }

  GoldenStep follow() {
    const auto& failure = from_.status.goldenFailure;
    if (isNamed()) {
      tellGolden();
      if (seen_.builder && isOwn(from_, seen_.builder->metadata)) remove(seen_.builder);
    } else if (isSpoiled()) {
      tell(reason::building, "The SandboxSnapshot " + seen_.name +
                                 " is no good any more; another one is made." + wordsOf(*seen_.snapshot));
      remove(seen_.snapshot);
    } else if (!isTaken()) {
      if (names(from_.status.golden)) step_.golden.reset();
      if (failure && failure->name == seen_.name)
        await(*failure);
      else if (!isLeaving())
        seen_.snapshot ? followSnapshot() : followBuilder();
    }
    removeOthers();
    return std::move(step_);
  }

 private:
  void tell(std::string_view why, std::string message) {
    step_.reason = why;
    step_.message = std::move(message);
  }
  void tellGolden() {
    tell(reason::golden,
         "Sandboxes that set nothing of their pod's themselves begin from the SandboxSnapshot " + seen_.name +
             ".");
  }
  void remove(const SandboxPtr& builder) {
    if (!builder->metadata.deletionTimestamp) step_.oldBuilders.push_back(builder);
  }
  void remove(const SnapshotPtr& snapshot) {
    if (!snapshot->metadata.deletionTimestamp) step_.oldSnapshots.push_back(snapshot);
  }
  void lookAgain(Time then) { step_.again = std::min(step_.again.value_or(then), then); }

  bool names(const std::optional<api::GoldenSnapshot>& golden) const {
    return golden && golden->snapshotName == seen_.name;
  }
  // The status names it, and it is there.
  bool isNamed() const {
    return names(from_.status.golden) && seen_.snapshot &&
           seen_.snapshot->metadata.uid == from_.status.golden->snapshotUID &&
           seen_.snapshot->status.phase == api::SnapshotPhase::Ready &&
           !seen_.snapshot->metadata.deletionTimestamp;
  }

  // What the status names was good, and is no more. It is named until it is gone, and so no failed attempt.
  bool isSpoiled() const {
    return names(from_.status.golden) && seen_.snapshot &&
           seen_.snapshot->metadata.uid == from_.status.golden->snapshotUID &&
           seen_.snapshot->status.phase == api::SnapshotPhase::Failed &&
           !seen_.snapshot->metadata.deletionTimestamp;
  }

  // Something else has a name that is needed. Nobody tells when that goes.
  bool isTaken() {
    const auto leave = [&](const auto& object, const std::string& kind, std::string_view why) {
      if (object == nullptr || isOwn(from_, object->metadata)) return false;
      tell(why, "A " + kind + " named " + seen_.name + " exists and belongs to somebody else. Delete it.");
      lookAgain(now_ + goldenLook);
      return true;
    };
    return leave(seen_.snapshot, "SandboxSnapshot", reason::snapshotFailed) ||
           leave(seen_.builder, "Sandbox", reason::builderFailed);
  }

  bool isLeaving() {
    const auto leaves = [&](const auto& object, const std::string& kind) {
      if (object == nullptr || !object->metadata.deletionTimestamp) return false;
      tell(reason::building, "The " + kind + " " + seen_.name + " of before is being deleted.");
      return true;
    };
    return leaves(seen_.snapshot, "SandboxSnapshot") || leaves(seen_.builder, "Sandbox");
  }

  // However an attempt has failed, it is told for so long, and then another one begins from nothing.
  void await(const api::GoldenFailure& failure) {
    tell(failure.reason == reason::builderFailed ? reason::builderFailed : reason::snapshotFailed,
         failure.message);
    const Time due = failure.failedAt + goldenRetry;
    const bool over = now_ >= due || now_ + goldenRetry < failure.failedAt;
    if (over && seen_.snapshot == nullptr && seen_.builder == nullptr) return make();
    step_.failure = failure;
    if (!over) lookAgain(due);
    if (seen_.snapshot) remove(seen_.snapshot);
    // What has ended stays for its logs.
    if (seen_.builder && (over || !api::hasEnded(seen_.builder->status))) remove(seen_.builder);
  }

  void failed(std::string_view why, std::string message) {
    await({.name = seen_.name,
           .failedAt = std::chrono::floor<seconds>(now_),
           .reason = std::string(why),
           .message = std::move(message)});
  }

  // OBJECT is created, and found by its name from then on.
  void create(std::optional<json::value>& into, const char* kind, json::value spec, std::string_view why) {
    if (seen_.refused) {
      failed(why, std::string("The ") + kind + " " + seen_.name +
                      " could not be created: " + sandbox::excerpt(seen_.refused->message));
      return;
    }
    into = objectOf(from_, seen_.name, kind, std::move(spec));
    lookAgain(now_ + goldenLook);
  }

  void make() {
    tell(reason::building, "The builder, Sandbox " + seen_.name + ", is made, and gets warm.");
    create(step_.builder, "Sandbox", json::encode(api::builderSpec(from_.metadata.name)),
           reason::builderFailed);
  }

  void followSnapshot() {
    const api::SandboxSnapshot& snapshot = *seen_.snapshot;
    const auto phase = snapshot.status.phase.value_or(api::SnapshotPhase::Pending);
    const bool isToCome =
        seen_.builder && isAsMade(from_, *seen_.builder) && !api::hasEnded(seen_.builder->status);
    if (phase == api::SnapshotPhase::Failed) {
      failed(reason::snapshotFailed, "Saving the builder failed." + wordsOf(snapshot));
    } else if (phase == api::SnapshotPhase::Ready) {
      if (!seen_.builder || !isOf(from_, *seen_.builder, snapshot, config_)) {
        failed(reason::snapshotFailed, "It cannot be told that the SandboxSnapshot " + seen_.name +
                                           " was taken of what the template says now, and of nothing else.");
        return;
      }
      step_.golden = api::GoldenSnapshot{seen_.name, snapshot.metadata.uid};
      tellGolden();
    } else if (snapshot.status.nodeName.empty() && !isToCome) {
      failed(reason::snapshotFailed, "The builder, Sandbox " + seen_.name +
                                         ", ended, or was changed or deleted, before a node saved it." +
                                         wordsOf(snapshot));
    } else {
      tell(reason::building,
           "The builder, Sandbox " + seen_.name + ", is warm, and is being saved." + wordsOf(snapshot));
    }
  }

  void followBuilder() {
    if (seen_.builder == nullptr && seen_.begun) {
      failed(reason::builderFailed, "The builder, Sandbox " + seen_.name +
                                        ", was deleted, or its time was over, before it was saved.");
      return;
    }
    if (seen_.builder == nullptr) return make();
    const api::Sandbox& builder = *seen_.builder;
    const api::Condition* ready = readyOf(builder);
    tell(reason::building, "The builder, Sandbox " + seen_.name + ", is made, and gets warm.");
    if (!isAsMade(from_, builder)) {
      failed(reason::builderFailed,
             "The builder, Sandbox " + seen_.name +
                 ", is not as the operator has made it: somebody has changed it. Does an "
                 "admission webhook change Sandboxes?");
    } else if (api::hasEnded(builder.status)) {
      failed(reason::builderFailed,
             "The builder, Sandbox " + seen_.name + ", ended before it was saved." + wordsOf(builder));
    } else if (ready != nullptr && ready->status == "True") {
      create(step_.snapshot, "SandboxSnapshot", json::encode(api::goldenSpec(seen_.name)),
             reason::snapshotFailed);
    } else if (ready != nullptr) {
      step_.message += " It is not Ready yet:" + wordsOf(builder);
    }
  }

  // Of other revisions. The one that the status names stays until there is a newer: an edit may be taken
  // back.
  void removeOthers() {
    for (const auto& builder : seen_.builders) {
      if (builder->metadata.name != seen_.name) remove(builder);
    }
    for (const auto& snapshot : seen_.snapshots) {
      const std::string& name = snapshot->metadata.name;
      const bool named = step_.golden && step_.golden->snapshotName == name;
      if (name != seen_.name && !named && !seen_.wanted.contains(name)) remove(snapshot);
    }
  }

  const api::SandboxTemplate& from_;
  const GoldenObserved& seen_;
  const Config& config_;
  Time now_;
  GoldenStep step_;
};

}  // namespace

std::string goldenName(const api::SandboxTemplate& from, const std::string& revision,
                       const std::string& shape) {
  return api::goldenName(from.metadata.name, shortHash(from.metadata.uid + "/" + revision + "/" + shape, 8));
}

bool isOwn(const api::SandboxTemplate& from, const api::ObjectMeta& meta) {
  const api::OwnerReference* owner = api::goldenOwner(meta);
  return owner != nullptr && owner->uid == from.metadata.uid;
}

GoldenStep planGolden(const api::SandboxTemplate& from, const GoldenObserved& seen, const Config& config,
                      Time now) {
  Round round(from, seen, config, now);
  if (!from.spec.golden) return round.without();
  if (std::string why = refusal(from, config); !why.empty()) return round.unsupported(std::move(why));
  return round.follow();
}

api::SandboxSpec asBuilder(api::SandboxSpec spec) {
  spec.network.expose.clear();
  spec.snapshotSchedule.reset();
  spec.restartPolicy.reset();
  spec.lifecycle = {};
  return spec;
}

void makeBuilder(const api::SandboxTemplateGolden& golden, const SnapshotsConfig& config, json::value& pod) {
  sandbox::selectNodes(config.nodeSelector, pod);
  const auto patience = golden.timeout.value_or(defaultWarmUp);
  const auto period = std::chrono::ceil<seconds>(warmUpPeriod).count();
  pod.at("spec").at("containers").at(0).as_object()["startupProbe"] = {
      {"exec", {{"command", json::encode(golden.readyCommand)}}},
      {"periodSeconds", period},
      {"timeoutSeconds", period},
      {"failureThreshold", std::max<int64_t>(1, (patience + warmUpPeriod - Duration(1)) / warmUpPeriod)}};
}

}  // namespace cloister::templates
