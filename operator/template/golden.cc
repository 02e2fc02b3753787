#include "operator/template/golden.h"

#include "base/hash.h"
#include "operator/owner.h"
#include "operator/sandbox/diagnose.h"
#include "operator/sandbox/reasons.h"
#include "operator/sandbox/resolve.h"
#include "operator/template/reasons.h"
#include "operator/template/revision.h"

namespace cloister::templates {
namespace {

constexpr size_t longestHead = 36;

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

template <class T>
bool isOwn(const api::SandboxTemplate& from, const T& object) {
  const api::OwnerReference* owner = api::controllerOf(object.metadata);
  return owner != nullptr && api::isTemplate(*owner) && owner->uid == from.metadata.uid;
}

api::SandboxSpec builderSpec(const api::SandboxTemplate& from) {
  api::SandboxSpec spec;
  spec.templateRef = api::LocalReference{from.metadata.name};
  return spec;
}

api::SandboxSnapshotSpec snapshotSpec(const std::string& name) {
  return {.sandboxRef = {name}, .mode = {}, .deletionPolicy = {}, .ttl = {}};
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
  return builder.unreadable.empty() && builder.spec == builderSpec(from) &&
         builder.metadata.generation <= 1 && (revision.empty() || revision == revisionName(from)) &&
         !api::podNumber(builder.status) && !builder.status.golden;
}

// SNAPSHOT was taken of the pod that BUILDER tells.
bool isOf(const api::SandboxTemplate& from, const api::Sandbox& builder,
          const api::SandboxSnapshot& snapshot) {
  return isAsMade(from, builder) && !builder.status.templateRevision.empty() &&
         !builder.status.podUID.empty() && snapshot.status.podUID == builder.status.podUID &&
         snapshot.spec == snapshotSpec(builder.metadata.name);
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
  Round(const api::SandboxTemplate& from, const GoldenObserved& seen, Time now)
      : from_(from), seen_(seen), now_(now) {
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
    if (isNamed()) {
      tell(reason::golden,
           "Sandboxes that set nothing of their pod's themselves begin from the SandboxSnapshot " +
               seen_.name + ".");
      if (seen_.builder && isOwn(from_, *seen_.builder)) remove(seen_.builder);
    } else if (!isTaken()) {
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
  void remove(const SandboxPtr& builder) {
    if (!builder->metadata.deletionTimestamp) step_.oldBuilders.push_back(builder);
  }
  void remove(const SnapshotPtr& snapshot) {
    if (!snapshot->metadata.deletionTimestamp) step_.oldSnapshots.push_back(snapshot);
  }

  // The status names it, and it is there.
  bool isNamed() const {
    const auto& golden = from_.status.golden;
    return golden && golden->snapshotName == seen_.name && seen_.snapshot &&
           seen_.snapshot->metadata.uid == golden->snapshotUID &&
           seen_.snapshot->status.phase == api::SnapshotPhase::Ready &&
           !seen_.snapshot->metadata.deletionTimestamp;
  }

  // Something else has a name that is needed.
  bool isTaken() {
    const auto leave = [&](const auto& object, const std::string& kind, std::string_view why) {
      if (object == nullptr) return false;
      if (!isOwn(from_, *object)) {
        tell(why, "A " + kind + " named " + seen_.name + " exists and belongs to somebody else. Delete it.");
        return true;
      }
      if (!object->metadata.deletionTimestamp) return false;
      tell(reason::building, "The " + kind + " " + seen_.name + " of before is being deleted.");
      return true;
    };
    return leave(seen_.snapshot, "SandboxSnapshot", reason::snapshotFailed) ||
           leave(seen_.builder, "Sandbox", reason::builderFailed);
  }

  void followSnapshot() {
    const api::SandboxSnapshot& snapshot = *seen_.snapshot;
    if (snapshot.status.phase == api::SnapshotPhase::Failed) {
      failed(reason::snapshotFailed, "Saving the builder failed." + wordsOf(snapshot), snapshot.metadata);
      // It is of no use any more.
      if (seen_.builder) remove(seen_.builder);
    } else if (snapshot.status.phase != api::SnapshotPhase::Ready) {
      tell(reason::building, "The builder, Sandbox " + seen_.name + ", is warm, and is being saved.");
    } else if (seen_.builder && isOf(from_, *seen_.builder, snapshot)) {
      step_.golden = api::GoldenSnapshot{seen_.name, snapshot.metadata.uid};
      tell(reason::golden,
           "Sandboxes that set nothing of their pod's themselves begin from the SandboxSnapshot " +
               seen_.name + ".");
    } else {
      tell(reason::building, "It cannot be told any more what the SandboxSnapshot " + seen_.name +
                                 " was taken of; another one is made.");
      remove(seen_.snapshot);
      if (seen_.builder) remove(seen_.builder);
    }
  }

  void followBuilder() {
    tell(reason::building, "The builder, Sandbox " + seen_.name + ", is made, and gets warm.");
    if (seen_.builder == nullptr) {
      step_.builder = objectOf(from_, seen_.name, "Sandbox", json::encode(builderSpec(from_)));
      return;
    }
    const api::Sandbox& builder = *seen_.builder;
    if (!isAsMade(from_, builder)) {
      tell(reason::building, "The builder was changed by somebody, or ended; another one is made.");
      remove(seen_.builder);
    } else if (api::hasEnded(builder.status)) {
      failed(reason::builderFailed,
             "The builder, Sandbox " + seen_.name + ", ended before it was saved." + wordsOf(builder),
             builder.metadata);
    } else if (const api::Condition* ready = readyOf(builder); ready != nullptr && ready->status == "True") {
      step_.snapshot = objectOf(from_, seen_.name, "SandboxSnapshot", json::encode(snapshotSpec(seen_.name)));
    } else if (ready != nullptr) {
      step_.message += " It is not Ready yet:" + wordsOf(builder);
    }
  }

  // What was made with META; it tells why until another one is made.
  void failed(std::string_view why, std::string message, const api::ObjectMeta& meta) {
    tell(why, std::move(message));
    const Time due = meta.creationTimestamp + goldenRetry;
    if (now_ < due) {
      step_.again = due;
      return;
    }
    if (seen_.snapshot) remove(seen_.snapshot);
    if (seen_.builder && !seen_.snapshot) remove(seen_.builder);
  }

  // Of other revisions. The one that the status names stays until there is a newer: an edit may be taken
  // back.
  void removeOthers() {
    for (const auto& builder : seen_.builders) {
      if (builder->metadata.name != seen_.name) remove(builder);
    }
    for (const auto& snapshot : seen_.snapshots) {
      const std::string& name = snapshot->metadata.name;
      const bool named = from_.status.golden && from_.status.golden->snapshotName == name;
      if (name != seen_.name && !named && !seen_.wanted.contains(name)) remove(snapshot);
    }
  }

  const api::SandboxTemplate& from_;
  const GoldenObserved& seen_;
  Time now_;
  GoldenStep step_;
};

}  // namespace

std::string goldenName(const api::SandboxTemplate& from, const std::string& shape) {
  std::string head = from.metadata.name.substr(0, longestHead);
  while (!head.empty() && (head.back() == '.' || head.back() == '-')) head.pop_back();
  return head + "-golden-" + shortHash(from.metadata.uid + "/" + revisionName(from) + "/" + shape, 8);
}

GoldenStep planGolden(const api::SandboxTemplate& from, const GoldenObserved& seen, const Config& config,
                      Time now) {
  Round round(from, seen, now);
  if (!from.spec.golden) return round.without();
  if (std::string why = refusal(from, config); !why.empty()) return round.unsupported(std::move(why));
  return round.follow();
}

api::SandboxSpec asBuilder(api::SandboxSpec spec) {
  spec.network.expose.clear();
  spec.snapshotSchedule.reset();
  spec.restartPolicy.reset();
  spec.lifecycle.onExpiry.reset();
  return spec;
}

void makeBuilder(const api::SandboxTemplateGolden& golden, const SnapshotsConfig& config, json::value& pod) {
  json::object& spec = pod.at("spec").as_object();
  json::value& selector = spec["nodeSelector"];
  if (selector.is_null()) selector = json::object();
  for (const auto& [label, value] : config.nodeSelector) selector.as_object()[label] = value;
  const auto patience = std::chrono::ceil<seconds>(golden.timeout.value_or(defaultWarmUp)).count();
  // The kubelet asks once a second, until the first success.
  spec["containers"].at(0).as_object()["startupProbe"] = {
      {"exec", {{"command", json::encode(golden.readyCommand)}}},
      {"periodSeconds", 1},
      {"timeoutSeconds", 10},
      {"failureThreshold", std::max<int64_t>(1, patience)}};
}

}  // namespace cloister::templates
