#include "node/agent/start.h"

namespace cloister::node {
namespace {

// To restore the root container of one pod.
constexpr int mostTries = 3;

const StartAnswer start{.action = StartAction::Start, .image = {}, .message = {}};
const StartAnswer hold{.action = StartAction::Hold, .image = {}, .message = {}};

// Why VIEW's container cannot be restored from what runsc VERSION took.
StartAnswer refuseVersion(const std::string& name, const std::string& version, const StartView& view) {
  const std::string own = view.runtimeVersion.empty()
                              ? "one that was replaced since, and of which this node has no copy"
                              : view.runtimeVersion;
  return refuse(name + " was taken by runsc " + version + ", and the pod was created with " + own +
                "; only a node that has had the former since cloister-node runs there can restore it");
}

bool isAsked(const StartRequest& request, const StartView& view) {
  return view.pod && view.pod->metadata.uid == request.podUID && view.pod->spec.nodeName == view.node;
}

const api::OwnerReference* ownerOf(const api::Pod& pod, std::string_view kind) {
  const api::OwnerReference* owner = api::controllerOf(pod.metadata);
  const bool ours = owner != nullptr && owner->kind == kind && owner->apiVersion == api::apiVersion;
  return ours ? owner : nullptr;
}

const api::OwnerReference* sandboxOf(const api::Pod& pod) {
  return ownerOf(pod, "Sandbox");
}

// A pool's own, which does not say otherwise. One that goes takes its pods with it.
bool isHeld(const StartView& view) {
  const api::OwnerReference* pool = ownerOf(*view.pod, "SandboxPool");
  if (pool == nullptr) return false;
  return !view.pool || view.pool->metadata.uid != pool->uid || view.pool->spec.hold.value_or(false);
}

bool isLeaving(const StartView& view) {
  return view.sandbox && view.sandbox->metadata.deletionTimestamp;
}

bool isOwner(const StartView& view) {
  return view.sandbox && view.sandbox->metadata.uid == sandboxOf(*view.pod)->uid;
}

bool isReady(const StartView& view) {
  return view.snapshot && view.snapshot->status.phase == api::SnapshotPhase::Ready &&
         !view.snapshot->metadata.deletionTimestamp &&
         (view.snapshot->status.nodeName == view.node || api::isStored(*view.snapshot));
}

// What an image is, whichever repository it came from: an admission webhook may have named a mirror.
std::string_view digestOf(std::string_view id) {
  return id.substr(id.find('@') + 1);
}

// Where the container of VIEW differs from the one that was SAVED.
std::optional<std::string> difference(const ManifestContainer& saved, const StartView& view) {
  if (saved.image.id.empty()) return firstDifference(saved.spec, view.container->compared);
  if (view.image.name != saved.image.name) return "image";
  return firstDifference(saved.spec, withoutImageName(view.container->compared));
}

// What the pod is to go on or to begin from; empty: nothing.
std::string namedBy(const api::Sandbox& sandbox) {
  const api::GoldenStart* golden = api::beginsFrom(sandbox);
  return golden != nullptr ? golden->snapshotName : api::continuesFrom(sandbox);
}

// A golden snapshot is the very one that the operator has named: somebody else's may have its name by now.
bool isNamed(const StartView& view) {
  const api::GoldenStart* golden = api::beginsFrom(*view.sandbox);
  return view.snapshot && (golden == nullptr || view.snapshot->metadata.uid == golden->snapshotUID);
}

// The containers that are to come into the root container have the images that SAVED has, as far as the pod
// tells.
bool willFit(const Manifest& saved, const StartView& view) {
  return std::ranges::all_of(saved.containers, [&](const ManifestContainer& one) {
    if (one.name.empty() || one.image.id.empty()) return true;
    const auto wanted = view.images.find(one.name);
    return wanted != view.images.end() && wanted->second.name == one.image.name &&
           digestOf(wanted->second.id) == digestOf(one.image.id);
  });
}

std::string nameOf(const StartView& view) {
  return "the SandboxSnapshot \"" + namedBy(*view.sandbox) + "\"";
}

// Why what VIEW's Sandbox names cannot be read here, whatever is to become of it.
std::optional<StartAnswer> refuseUnkept(const StartView& view) {
  const std::string name = nameOf(view);
  if (!view.kept && !view.fetching.empty()) return refuse(name + ": " + view.fetching);
  if (!view.kept && !view.damage.empty())
    return refuse("the files of " + name + " on this node are no good: " + view.damage);
  if (!view.kept) return refuse("the files of " + name + " are missing on this node");
  if (view.kept->digest != view.snapshot->status.digest)
    return refuse("the files of " + name + " are not those that its status.digest tells");
  return std::nullopt;
}

StartAnswer decideRestore(const StartView& view) {
  const std::string name = nameOf(view);
  if (!isNamed(view)) return refuse(name + " is gone");
  if (!isReady(view)) return refuse(name + " is not Ready on this node");
  if (const std::string& version = view.snapshot->status.runtimeVersion;
      !view.kept && api::isStored(*view.snapshot) && version != view.runtimeVersion) {
    return refuseVersion(name, version, view);
  }
  if (auto refusal = refuseUnkept(view)) return *refusal;
  const Manifest& manifest = view.kept->manifest;
  if (manifest.runtimeVersion != view.runtimeVersion)
    return refuseVersion(name, manifest.runtimeVersion, view);
  if (!view.container) return refuse("the container's config.json cannot be read");
  const auto saved = std::ranges::find(manifest.containers, view.container->name, &ManifestContainer::name);
  if (saved == manifest.containers.end())
    return refuse(name + " has no container \"" + view.container->name + "\"");
  if (const auto where = difference(*saved, view)) {
    return refuse("the pod differs from that of " + name + " in " + *where +
                  "; give the Sandbox the spec that the saved one had");
  }
  // By its digest, and not by a name that may stand for another one by now: the files below those that were
  // saved are the image's.
  if (!saved->image.id.empty() && digestOf(view.image.id) != digestOf(saved->image.id)) {
    return refuse("the pod has the image " + view.image.id + ", and " + name + " was taken with " +
                  saved->image.id + "; is the operator older than this node's cloister-node?");
  }
  return {.action = StartAction::Restore, .image = view.kept->folder, .message = {}};
}

StartAnswer refuseAfterFailures(const StartView& view) {
  return refuse("the sandbox could not be restored from " + nameOf(view) +
                "; containerd's log on the node has what runsc said");
}

// The limit of OWN, in a Sandbox's spec, that what SAVED has may be beyond; empty: none. The kubelet evicts
// what is beyond its limits.
std::string tooSmall(const Manifest& saved, const Container& own) {
  const FileLimits limits = fileLimits(own.compared);
  for (const ManifestContainer& one : saved.containers) {
    const FileLimits had = fileLimits(one.spec);
    if (limits.workspace < had.workspace) return "spec.workspace.size";
    if (limits.disk < had.disk) return "spec.resources.disk";
  }
  return "";
}

// Whether VIEW's sandbox may be created with the files of its snapshot. Its version of runsc is the better
// one to read them with, but no other is refused: they are of a format with a number, which runsc looks at.
StartAnswer decideFiles(const StartView& view) {
  const std::string name = nameOf(view);
  if (!isNamed(view)) return refuse(name + " is gone");
  if (!isReady(view)) return refuse(name + " is not Ready on this node");
  if (auto refusal = refuseUnkept(view)) return *refusal;
  // What has been changed of an image is nothing without it.
  if (!willFit(view.kept->manifest, view))
    return refuse("the pod has another image than the sandbox that " + name +
                  " was taken of; give the Sandbox that image, or none");
  if (!view.container) return refuse("the container's config.json cannot be read");
  if (!view.container->hasWorkspaceInside)
    return refuse("the sandbox's workspace is a volume, which " + name +
                  " cannot be brought into; remove spec.workspace.storageClass");
  if (const std::string field = tooSmall(view.kept->manifest, *view.container); !field.empty())
    return refuse(field + " is less than that of the sandbox that " + name +
                  " was taken of; give it as much");
  return {.action = StartAction::Restore, .image = view.kept->folder, .message = {}};
}

// What was to be done has been when its sandbox was created: by the very snapshot, or not at all.
StartAnswer decideWithFiles(const StartRequest& request, const StartView& view) {
  if (!request.files.empty() && request.files.ends_with("/" + view.snapshot->metadata.uid)) return start;
  if (view.rootFailures >= mostTries) return refuseAfterFailures(view);
  if (StartAnswer answer = decideFiles(view); answer.action == StartAction::Refuse) return answer;
  return refuse("the files of " + nameOf(view) +
                " were not there when the pod's sandbox was created; create the Sandbox anew");
}

// Whoever made or took the pod for it said so with the same write. Another one, which believes that it leads
// and has an older view of the template, may have named another golden snapshot since.
bool isMadeFor(const StartView& view) {
  const api::GoldenStart* golden = api::beginsFrom(*view.sandbox);
  return golden != nullptr && api::annotationOf(view.pod->metadata, api::restoreAnnotation) ==
                                  std::string(api::goldenPrefix) + golden->snapshotName;
}

// By what its status says now, or by what it said when its pod was made: then the root container may have
// been restored.
bool isToBegin(const StartView& view) {
  if (api::beginsFrom(*view.sandbox) != nullptr) return true;
  return api::continuesFrom(*view.sandbox).empty() &&
         api::annotationOf(view.pod->metadata, api::restoreAnnotation).starts_with(api::goldenPrefix);
}

// A golden snapshot saves time, and is never in the way: without it the pod starts as any other. That is
// decided once, for all of its containers.
StartAnswer decideGolden(const StartRequest& request, const StartView& view) {
  if (view.rootStarted || view.rootFailures > 0) return start;
  const bool isRoot = request.kind == ContainerKind::sandbox;
  StartAnswer answer =
      isMadeFor(view) ? decideRestore(view) : refuse("the pod was not made for this golden snapshot");
  if (answer.action == StartAction::Restore && isRoot && !willFit(view.kept->manifest, view)) return start;
  const bool isForAll = isRoot || request.stage == StartStage::Wait;
  return answer.action == StartAction::Refuse && isForAll ? start : answer;
}

// It could not begin from its golden snapshot, and is given up.
bool isReplaced(const StartRequest& request, const StartView& view) {
  const std::optional<api::GoldenStart>& golden = view.sandbox->status.golden;
  return golden && golden->failedPodUID == request.podUID;
}

}  // namespace

std::optional<std::string> poolToRead(const StartRequest& request, const StartView& view) {
  if (!isAsked(request, view)) return std::nullopt;
  const api::OwnerReference* owner = ownerOf(*view.pod, "SandboxPool");
  return owner != nullptr ? std::optional(owner->name) : std::nullopt;
}

std::optional<std::string> sandboxToRead(const StartRequest& request, const StartView& view) {
  if (!isAsked(request, view)) return std::nullopt;
  const api::OwnerReference* owner = sandboxOf(*view.pod);
  return owner != nullptr ? std::optional(owner->name) : std::nullopt;
}

std::optional<std::string> snapshotToRead(const StartRequest& request, const StartView& view) {
  if (!sandboxToRead(request, view) || !isOwner(view)) return std::nullopt;
  const std::string name = namedBy(*view.sandbox);
  return name.empty() ? std::nullopt : std::optional(name);
}

bool isOfFiles(const StartView& view) {
  return view.snapshot && api::isOfFiles(*view.snapshot);
}

bool isVaultToRead(const StartView& view) {
  return isReady(view);
}

// Another version of runsc would restore nothing. What begins from a golden snapshot does not wait for it.
bool isToFetch(const StartView& view) {
  return isReady(view) && api::beginsFrom(*view.sandbox) == nullptr && !view.kept &&
         api::isStored(*view.snapshot) &&
         (isOfFiles(view) || view.snapshot->status.runtimeVersion == view.runtimeVersion);
}

StartAnswer decideStart(const StartRequest& request, const StartView& view) {
  const bool waits = request.stage == StartStage::Wait;
  // The kubelet ends what is gone.
  if (!isAsked(request, view)) return waits ? hold : refuse("the API server has no such pod on this node");
  if (isHeld(view)) return hold;
  // Nothing begins any more in what is on its way out.
  if (waits && (view.pod->metadata.deletionTimestamp || isLeaving(view))) return hold;
  // A stranger's pod with our annotation is a stranger's pod.
  if (sandboxOf(*view.pod) == nullptr) return start;
  if (!isOwner(view)) return refuse("the pod's Sandbox is gone");
  // What is kept goes on in one pod alone, and never starts anew in one that was made to continue from it.
  if (restartOf(*view.pod) != api::podNumber(view.sandbox->status).value_or(0))
    return refuse("the Sandbox has another pod by now");
  if (view.sandbox->status.phase == api::Phase::Suspended) return refuse("the Sandbox is suspended");
  // Two operators that both believe they lead may have taken two pods for it: the one that its status names
  // is its own, and nothing of its memory gets into the other.
  if (waits && view.sandbox->status.podUID != request.podUID) return hold;
  if (isReplaced(request, view)) return refuse("another pod follows, without the golden snapshot");
  if (namedBy(*view.sandbox).empty() && !isToBegin(view)) return start;
  if (view.container && view.container->podUID != request.podUID)
    return refuse("the bundle is another pod's");
  if (isToBegin(view)) return decideGolden(request, view);
  if (isOfFiles(view)) return decideWithFiles(request, view);
  // The kubelet would try for ever, and nobody learn why. Some other thing may have ended it once.
  if (view.rootFailures >= mostTries) return refuseAfterFailures(view);
  return decideRestore(view);
}

// A golden snapshot is made anew at little cost, and keeps nobody from what was mended in a later runsc.
StartAnswer decideCreation(const StartView& view) {
  if (!isReady(view) || api::beginsFrom(*view.sandbox) != nullptr) return start;
  StartAnswer answer = start;
  if (isOfFiles(view)) answer = view.rootFailures < mostTries ? decideFiles(view) : refuseAfterFailures(view);
  answer.runsc = view.program;
  return answer;
}

}  // namespace cloister::node
