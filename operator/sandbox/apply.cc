#include "operator/learn_pod.h"
#include "operator/policy/create.h"
#include "operator/sandbox/reasons.h"
#include "operator/sandbox/reconciler.h"
#include "operator/sandbox/volume.h"
#include "operator/template/keep.h"
#include "runtime/learn.h"

namespace cloister::sandbox {
namespace {

bool isGone(const Error& error) {
  return error.code == Errc::NotFound;
}

bool isOutdated(const Error& error) {
  return error.code == Errc::Conflict;
}

// The name is taken. By this Sandbox's own pod, when an earlier answer was lost; else by a stranger's.
Task<Result<void>> adoptOwn(Parts& parts, json::value wanted, Error error) {
  const kube::ObjectKey key{json::findString(wanted, "metadata.namespace"),
                            json::findString(wanted, "metadata.name")};
  auto present = co_await parts.client.get(kube::pods, key);
  if (!present) co_return fail(present.error());
  auto pod = json::decode<api::Pod>(*present);
  if (!pod) co_return fail(pod.error());
  const api::OwnerReference* owner = api::controllerOf(pod->metadata);
  if (owner == nullptr || owner->uid != json::findString(wanted, "metadata.ownerReferences.0.uid")) {
    error.message = "A pod named " + key.name + " exists and belongs to somebody else.";
    co_return fail(std::move(error));
  }
  parts.stores.pods.learn(std::move(*pod));
  co_return Result<void>{};
}

Task<Result<void>> createPod(Parts& parts, CreatePod action) {
  const std::string owner = json::findString(action.pod, "metadata.ownerReferences.0.uid");
  auto answer = co_await parts.client.create(kube::pods, json::findString(action.pod, "metadata.namespace"),
                                             action.pod);
  if (!answer && answer.error().code == Errc::AlreadyExists) {
    co_return co_await adoptOwn(parts, std::move(action.pod), answer.error());
  }
  if (!answer) co_return fail(answer.error());
  parts.starts.posted(owner, parts.clock.instant());
  learn(parts.stores.pods, *answer);
  co_return Result<void>{};
}

// The Sandbox's own, which it has since its first start; else a stranger's, whose data it must not get.
Task<Result<void>> acceptVolume(Parts& parts, json::value wanted) {
  const kube::ObjectKey key{json::findString(wanted, "metadata.namespace"),
                            json::findString(wanted, "metadata.name")};
  auto present = co_await parts.client.get(kube::persistentVolumeClaims, key);
  if (!present) co_return fail(present.error());
  if (!isVolumeOf(json::findString(wanted, "metadata.ownerReferences.0.uid"), *present)) {
    co_return fail({.code = Errc::AlreadyExists,
                    .message = "A PersistentVolumeClaim named " + key.name +
                               " exists and belongs to somebody else. Delete it, or create the Sandbox under "
                               "another name.",
                    .reason = std::string(reason::volumeNameTaken)});
  }
  // No pod could mount it any more.
  if (json::find(*present, "metadata.deletionTimestamp") != nullptr)
    co_return fail({.code = Errc::Conflict, .message = "the workspace's volume is being deleted"});
  co_return Result<void>{};
}

Task<Result<void>> createVolume(Parts& parts, CreateVolume action) {
  auto answer = co_await parts.client.create(
      kube::persistentVolumeClaims, json::findString(action.claim, "metadata.namespace"), action.claim);
  if (!answer && answer.error().code == Errc::AlreadyExists)
    co_return co_await acceptVolume(parts, std::move(action.claim));
  if (!answer) co_return failWith("creating the workspace's volume", answer.error());
  co_return Result<void>{};
}

json::array taking(const AdoptPod& action) {
  std::map<std::string, std::string> labels = action.pod->metadata.labels;
  for (const auto& [key, value] : action.identity.labels) labels[key] = value;
  labels.erase(std::string(api::networkLabel));
  if (!action.profile.empty()) labels[std::string(api::networkLabel)] = action.profile;
  return json::array{{{"op", "test"},
                      {"path", "/metadata/resourceVersion"},
                      {"value", action.pod->metadata.resourceVersion}},
                     {{"op", "replace"}, {"path", "/metadata/labels"}, {"value", json::encode(labels)}},
                     {{"op", "replace"},
                      {"path", "/metadata/ownerReferences"},
                      {"value", json::array{json::encode(action.identity.owner)}}}};
}

json::value claim(const AdoptPod& action) {
  json::array patch = taking(action);
  if (!action.golden.empty()) {
    auto annotations = action.pod->metadata.annotations;
    annotations[std::string(api::restoreAnnotation)] = std::string(api::goldenPrefix) + action.golden;
    patch.push_back(
        {{"op", "replace"}, {"path", "/metadata/annotations"}, {"value", json::encode(annotations)}});
  }
  return patch;
}

Task<Result<void>> adoptPod(Parts& parts, AdoptPod action) {
  const kube::ObjectKey key = api::keyOf(action.pod->metadata);
  parts.stores.idle.hold(key);
  auto answer = co_await parts.client.patch(kube::pods, key, claim(action), {.type = kube::PatchType::Json});
  if (answer) {
    parts.starts.posted(action.identity.owner.uid, parts.clock.instant());
    learn(parts.stores.pods, *answer);
  }
  parts.stores.idle.letGo(key);
  if (answer) co_return Result<void>{};
  if (isOutdated(answer.error())) {
    // It may have been taken for this Sandbox by an earlier request.
    auto known = co_await learnPod(parts.client, parts.stores, key);
    if (!known) co_return fail(known.error());
  }
  co_return failWith("taking the pool's pod " + key.name, answer.error());
}

// Sets KEY in the pod's labels or annotations (WHERE), or removes it if VALUE is empty.
Task<Result<void>> markPod(Parts& parts, std::shared_ptr<const api::Pod> pod, const char* where,
                           std::string_view mark, std::string value) {
  const json::value next = value.empty() ? json::value(nullptr) : json::value(value);
  json::value body = {
      {"metadata", {{"resourceVersion", pod->metadata.resourceVersion}, {where, {{mark, next}}}}}};
  const kube::ObjectKey key = api::keyOf(pod->metadata);
  auto answer = co_await parts.client.patch(kube::pods, key, std::move(body), {});
  if (!answer && isGone(answer.error())) co_return Result<void>{};
  if (!answer && isOutdated(answer.error()))
    co_await catchUp(parts.client, parts.stores.pods, kube::pods, key);
  if (!answer) co_return failWith("marking the pod " + key.name, answer.error());
  learn(parts.stores.pods, *answer);
  co_return Result<void>{};
}

Task<Result<void>> deletePod(Parts& parts, DeletePod action) {
  const kube::ObjectKey key = api::keyOf(action.pod->metadata);
  const std::string& uid = action.pod->metadata.uid;
  const std::string version = action.asSeen ? action.pod->metadata.resourceVersion : "";
  auto answer = co_await parts.client.remove(kube::pods, key, {.uid = uid, .resourceVersion = version});
  // The pod as it is now, on its way out: seen as such at once, it is not deleted a second time.
  if (answer && json::findString(*answer, "kind") == "Pod") learn(parts.stores.pods, *answer);
  if (answer || isGone(answer.error())) co_return Result<void>{};
  if (isOutdated(answer.error())) {
    co_await catchUp(parts.client, parts.stores.pods, kube::pods, key);
    // Another pod has the name by now, so this one is gone.
    const auto present = parts.stores.pods.get(key);
    if (present == nullptr || present->metadata.uid != uid) co_return Result<void>{};
  }
  co_return failWith("deleting pod " + key.name, answer.error());
}

// The API server has that very Sandbox no more, or is about to delete it.
Task<bool> hasLeft(kube::Client& client, const api::ObjectMeta& meta) {
  const auto present = co_await client.get(kube::sandboxes, api::keyOf(meta));
  if (!present) co_return isGone(present.error());
  co_return json::findString(*present, "metadata.uid") != meta.uid ||
      json::find(*present, "metadata.deletionTimestamp") != nullptr;
}

Task<Result<void>> deleteSandbox(Parts& parts, DeleteSandbox action) {
  const api::ObjectMeta& meta = action.sandbox->metadata;
  auto answer = co_await parts.client.remove(
      kube::sandboxes, api::keyOf(meta),
      {.uid = meta.uid, .resourceVersion = meta.resourceVersion, .propagation = "Background"});
  if (answer || isGone(answer.error())) co_return Result<void>{};
  // Nobody would look at it again to tell why it went.
  if (isUnclear(answer.error()) && co_await hasLeft(parts.client, meta)) co_return Result<void>{};
  if (isOutdated(answer.error()))
    co_await catchUp(parts.client, parts.stores.sandboxes, kube::sandboxes, api::keyOf(meta));
  co_return failWith("deleting the expired Sandbox", answer.error());
}

// The name is taken: by this very snapshot, when an earlier answer was lost; else by a stranger's.
Task<Result<void>> acceptSnapshot(Parts& parts, CreateSnapshot action) {
  const json::value& wanted = action.snapshot;
  const kube::ObjectKey key{json::findString(wanted, "metadata.namespace"),
                            json::findString(wanted, "metadata.name")};
  auto present = co_await parts.client.get(kube::sandboxSnapshots, key);
  if (!present) co_return fail(present.error());
  if (json::findString(*present, "metadata.ownerReferences.0.uid") !=
      json::findString(wanted, "metadata.ownerReferences.0.uid")) {
    co_return fail(
        {.code = Errc::AlreadyExists,
         .message = "A SandboxSnapshot named " + key.name + " exists and belongs to somebody else.",
         .reason = std::string(action.failure)});
  }
  learn(parts.stores.snapshots, *present);
  co_return Result<void>{};
}

Task<Result<void>> createSnapshot(Parts& parts, CreateSnapshot action) {
  auto answer = co_await parts.client.create(
      kube::sandboxSnapshots, json::findString(action.snapshot, "metadata.namespace"), action.snapshot);
  if (!answer && answer.error().code == Errc::AlreadyExists)
    co_return co_await acceptSnapshot(parts, std::move(action));
  if (!answer) {
    Error error = answer.error();
    // The sandbox must not stand still for what is refused.
    if (!isRetryable(error)) error.reason = action.failure;
    co_return failWith("creating the SandboxSnapshot", std::move(error));
  }
  learn(parts.stores.snapshots, *answer);
  co_return Result<void>{};
}

Task<Result<void>> deleteSnapshot(Parts& parts, DeleteSnapshot action) {
  const api::ObjectMeta& meta = action.snapshot->metadata;
  auto answer = co_await parts.client.remove(kube::sandboxSnapshots, api::keyOf(meta), {.uid = meta.uid});
  if (answer || isGone(answer.error())) co_return Result<void>{};
  if (isOutdated(answer.error()))
    co_await catchUp(parts.client, parts.stores.snapshots, kube::sandboxSnapshots, api::keyOf(meta));
  Error error = answer.error();
  if (!isRetryable(error) && !action.failure.empty()) error.reason = action.failure;
  co_return failWith("deleting the SandboxSnapshot " + meta.name, std::move(error));
}

// Only as it was seen: a request that is carried out late must not meet what came after.
Task<Result<void>> releaseSnapshot(Parts& parts, ReleaseSnapshot action) {
  const api::ObjectMeta& seen = action.snapshot->metadata;
  json::value body = {
      {"metadata",
       {{"uid", seen.uid}, {"resourceVersion", seen.resourceVersion}, {"ownerReferences", nullptr}}}};
  const kube::ObjectKey key = api::keyOf(seen);
  auto answer = co_await parts.client.patch(kube::sandboxSnapshots, key, std::move(body), {});
  if (!answer && isOutdated(answer.error()))
    co_await catchUp(parts.client, parts.stores.snapshots, kube::sandboxSnapshots, key);
  if (!answer) co_return failWith("releasing the SandboxSnapshot " + seen.name, answer.error());
  learn(parts.stores.snapshots, *answer);
  co_return Result<void>{};
}

}  // namespace

bool isUnclear(const Error& error) {
  return error.code == Errc::Timeout || error.code == Errc::Unavailable || error.code == Errc::Protocol;
}

Task<Result<void>> apply(Parts& parts, Action action) {
  if (auto* policy = std::get_if<CreatePolicy>(&action)) {
    co_return co_await policy::create(parts.client, parts.stores, std::move(*policy));
  }
  if (auto* revision = std::get_if<CreateRevision>(&action)) {
    co_return co_await templates::keepRevision(parts.client, parts.stores, revision->template_);
  }
  if (auto* volume = std::get_if<CreateVolume>(&action)) {
    co_return co_await createVolume(parts, std::move(*volume));
  }
  if (auto* pod = std::get_if<AdoptPod>(&action)) co_return co_await adoptPod(parts, std::move(*pod));
  if (auto* pod = std::get_if<CreatePod>(&action)) co_return co_await createPod(parts, std::move(*pod));
  if (auto* label = std::get_if<LabelPod>(&action))
    co_return co_await markPod(parts, label->pod, "labels", api::networkLabel, label->profile);
  if (auto* freeze = std::get_if<FreezePod>(&action))
    co_return co_await markPod(parts, freeze->pod, "annotations", api::freezeAnnotation, freeze->wish);
  if (auto* snapshot = std::get_if<CreateSnapshot>(&action))
    co_return co_await createSnapshot(parts, std::move(*snapshot));
  if (auto* snapshot = std::get_if<DeleteSnapshot>(&action))
    co_return co_await deleteSnapshot(parts, std::move(*snapshot));
  if (auto* snapshot = std::get_if<ReleaseSnapshot>(&action))
    co_return co_await releaseSnapshot(parts, std::move(*snapshot));
  if (auto* pod = std::get_if<DeletePod>(&action)) co_return co_await deletePod(parts, std::move(*pod));
  co_return co_await deleteSandbox(parts, std::move(std::get<DeleteSandbox>(action)));
}

}  // namespace cloister::sandbox
