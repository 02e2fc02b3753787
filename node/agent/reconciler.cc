#include "node/agent/reconciler.h"

#include <set>

#include "base/log.h"
#include "node/agent/evict.h"
#include "node/agent/oci_spec.h"
#include "node/agent/on_disk.h"
#include "runtime/write_status.h"

namespace cloister::node {
namespace {

constexpr const char* bySandbox = "sandbox";

std::string indexKey(const std::string& namespace_, const std::string& name) {
  return namespace_ + "/" + name;
}

SnapshotId idOf(const api::SandboxSnapshot& snapshot) {
  return {.namespace_ = snapshot.metadata.namespace_, .uid = snapshot.metadata.uid};
}

struct Running {
  std::string rootId;
  std::string rootBundle;
  std::vector<ManifestContainer> specs;
  int64_t memoryLimit = 0;  // bytes, as far as its containers have one
  int64_t filesLimit = 0;   // bytes, of its workspace and its changes of the image
};

// The pod's containers; InvalidInput when its workspace would not be saved with them.
Result<Running> findContainers(Files& files, const std::vector<RunningContainer>& all,
                               const std::string& podUID) {
  Running out;
  bool hasWorkspace = false;
  for (const RunningContainer& one : all) {
    if (one.podUID != podUID) continue;
    const auto config = files.read(one.bundle + "/config.json");
    if (!config && config.error().code == Errc::NotFound) continue;  // it is on its way out
    if (!config) return fail(config.error());
    auto container = readContainer(*config);
    if (!container) continue;
    if (container->isRoot) out.rootId = one.id;
    if (container->isRoot) out.rootBundle = one.bundle;
    hasWorkspace |= container->hasWorkspaceInside;
    out.memoryLimit += container->memoryLimit;
    // All containers of the pod have its annotations.
    const FileLimits limits = fileLimits(container->compared);
    out.filesLimit = limits.workspace + limits.disk;
    out.specs.push_back({.name = container->name, .spec = std::move(container->compared)});
  }
  if (out.rootId.empty()) return fail(Errc::NotFound, "runsc has no container of the sandbox's pod");
  if (!hasWorkspace) {
    return fail(Error{
        .code = Errc::InvalidInput,
        .message = "The sandbox's workspace is a volume, which is not saved with it. Save a sandbox whose "
                   "spec.workspace has no storageClass.",
        .reason = std::string(api::snapshot::workspaceNotSnapshottable)});
  }
  std::ranges::sort(out.specs, {}, &ManifestContainer::name);
  return out;
}

// Which image the tenant's container has, as the kubelet tells in POD. Of those that somebody's webhook puts
// beside it, the name has to do.
Result<void> noteImage(const json::value& pod, const std::string& podUID, Running& running) {
  if (json::findString(pod, "metadata.uid") != podUID)
    return fail(Errc::Internal, "the sandbox has another pod by now");
  const auto own = std::ranges::find(running.specs, api::containerName, &ManifestContainer::name);
  if (own == running.specs.end()) return fail(Errc::NotFound, "runsc has no container of the sandbox");
  own->image = runningImage(pod, own->name);
  if (own->image.id.empty())
    return fail(Errc::Internal, "the kubelet has not told yet which image the sandbox runs");
  own->spec = withoutImageName(std::move(own->spec));
  return {};
}

// A disk that is not mounted has lost nothing.
Result<void> checkMounted(Vault& vault) {
  const auto all = vault.all();
  if (!all) return fail(all.error());
  if (!all->empty()) return {};
  return fail(Errc::Internal,
              "the store is empty, and shall have a snapshot that is Ready: is its disk mounted?");
}

}  // namespace

Stores::Stores() {
  pods.addIndex(bySandbox, [](const api::Pod& pod) {
    const std::string name = api::labelOf(pod.metadata, api::sandboxLabel);
    return name.empty() ? std::vector<std::string>() : std::vector{indexKey(pod.metadata.namespace_, name)};
  });
  snapshots.addIndex(bySandbox, [](const api::SandboxSnapshot& snapshot) {
    return std::vector{indexKey(snapshot.metadata.namespace_, snapshot.spec.sandboxRef.name)};
  });
}

std::shared_ptr<const api::Pod> Stores::podOf(const kube::ObjectKey& sandbox) const {
  for (const auto& pod : pods.byIndex(bySandbox, indexKey(sandbox.namespace_, sandbox.name))) {
    if (!pod->metadata.deletionTimestamp) return pod;
  }
  return nullptr;
}

std::vector<std::shared_ptr<const api::SandboxSnapshot>> Stores::snapshotsOf(
    const kube::ObjectKey& sandbox) const {
  return snapshots.byIndex(bySandbox, indexKey(sandbox.namespace_, sandbox.name));
}

Task<Result<runtime::Outcome>> Reconciler::reconcile(kube::ObjectKey key, uint64_t) {
  const auto snapshot = parts_.stores.snapshots.get(key);
  if (snapshot == nullptr) {
    auto done = co_await sweep(key.namespace_);
    if (!done) co_return fail(done.error());
    co_return runtime::Outcome{};
  }
  const bool ours = isOurs(*snapshot, parts_.stores.podOf(sandboxOf(*snapshot)).get(), parts_.node);
  if (!ours && snapshot->status.phase != api::SnapshotPhase::Ready) co_return runtime::Outcome{};
  auto observed = co_await observe(snapshot);
  if (!observed) co_return fail(observed.error());
  co_return co_await apply(std::move(*observed));
}

Task<Result<Observed>> Reconciler::observe(std::shared_ptr<const api::SandboxSnapshot> snapshot) {
  Observed seen{.snapshot = snapshot, .pod = parts_.stores.podOf(sandboxOf(*snapshot))};
  if (snapshot->status.phase == api::SnapshotPhase::Ready) {
    auto damage = damageOf(*snapshot);
    if (!damage) co_return fail(damage.error());
    seen.damage = std::move(*damage);
    co_return seen;
  }
  auto kept = parts_.vault.find(idOf(*snapshot));
  if (!kept) co_return fail(kept.error());
  seen.kept = std::move(*kept);
  auto object = co_await parts_.client.get(kube::sandboxes, sandboxOf(*snapshot));
  if (!object && object.error().code != Errc::NotFound) co_return fail(object.error());
  if (!object) co_return seen;
  auto sandbox = json::decode<api::Sandbox>(*object);
  if (!sandbox) co_return fail(sandbox.error());
  seen.sandbox = std::move(*sandbox);
  co_return seen;
}

// What is wrong with what is kept here of SNAPSHOT, which is Ready. That there is nothing is all right where
// it can be fetched from elsewhere.
Result<std::optional<std::string>> Reconciler::damageOf(const api::SandboxSnapshot& snapshot) {
  const auto kept = parts_.vault.sound(idOf(snapshot), snapshot.status.digest);
  if (!kept && kept.error().code != Errc::InvalidInput) return fail(kept.error());
  if (!kept) return kept.error().message;
  if (*kept || api::isStored(snapshot) || snapshot.status.nodeName != parts_.node) return std::nullopt;
  if (auto mounted = checkMounted(parts_.vault); !mounted) return fail(mounted.error());
  return "its files are gone";
}

Task<Result<runtime::Outcome>> Reconciler::apply(Observed observed) {
  const kube::ObjectKey key = api::keyOf(observed.snapshot->metadata);
  for (;;) {
    const Plan next = plan(observed, parts_.node, parts_.clock.now());
    if (next.status) {
      auto done = co_await writeStatus(parts_.client, kube::sandboxSnapshots, parts_.stores.snapshots,
                                       observed.snapshot, *next.status);
      if (!done) co_return fail(done.error());
    }
    if (observed.failure) co_return fail(*observed.failure);
    if (next.drop) co_return co_await drop(std::move(observed));
    if (!next.take) co_return runtime::Outcome{.again = next.again};
    // The claim has given it a new version; if it is gone by now, nothing is to be taken.
    observed.snapshot = parts_.stores.snapshots.get(key);
    if (observed.snapshot == nullptr) co_return runtime::Outcome{};
    auto kept = co_await take(observed);
    parts_.vault.release(idOf(*observed.snapshot));
    if (kept) {
      observed.kept = std::move(*kept);
    } else {
      (void)co_await onDisk(parts_.disk, [&] { return parts_.vault.discard(idOf(*observed.snapshot)); });
      log::warn("snapshot failed", {{"snapshot", toString(key)}, {"reason", kept.error().message}});
      observed.failure = kept.error();
    }
  }
}

Task<Result<runtime::Outcome>> Reconciler::drop(Observed observed) {
  const SnapshotId id = idOf(*observed.snapshot);
  auto done = co_await onDisk(parts_.disk, [&] { return parts_.vault.remove(id); });
  if (!done) co_return fail(done.error());
  parts_.vault.acquit(id);
  log::warn("bad copy of a snapshot removed, which is stored elsewhere",
            {{"namespace", id.namespace_}, {"uid", id.uid}, {"reason", *observed.damage}});
  co_return runtime::Outcome{};
}

Task<Result<Kept>> Reconciler::take(Observed observed) {
  const SnapshotId id = idOf(*observed.snapshot);
  const std::string podUID = observed.pod->metadata.uid;
  const Instant begun = parts_.clock.instant();
  auto all = co_await parts_.runsc.list();
  if (!all) co_return fail(all.error());
  auto running = findContainers(parts_.files, *all, podUID);
  if (!running) co_return fail(running.error());
  auto pod = co_await parts_.client.get(kube::pods, api::keyOf(observed.pod->metadata));
  if (!pod) co_return fail(pod.error());
  if (auto noted = noteImage(*pod, podUID, *running); !noted) co_return fail(noted.error());
  auto version = co_await parts_.runsc.versionOf(running->rootBundle);
  if (!version) co_return fail(version.error());
  // One that fills the disk would fail, after the sandbox has stood still for nothing, and other pods of the
  // node would suffer.
  const bool ofFiles = api::isOfFiles(*observed.snapshot);
  if (auto enough = co_await makeRoom(parts_, id, ofFiles ? running->filesLimit : running->memoryLimit);
      !enough) {
    co_return failWith(
        std::string("there is no room for a snapshot, which may be as large as the sandbox's ") +
            (ofFiles ? "limits of its disks" : "memory limit"),
        enough.error());
  }
  auto folder = parts_.vault.stage(id);
  if (!folder) co_return fail(folder.error());
  const Instant paused = parts_.clock.instant();
  auto saved =
      ofFiles ? co_await parts_.runsc.saveFiles(running->rootId, std::string(api::containerName), *folder)
              : co_await parts_.runsc.checkpoint(running->rootId, *folder);
  if (!saved) co_return fail(saved.error());
  const Instant resumed = parts_.clock.instant();
  Manifest manifest{.snapshotUID = id.uid,
                    .podUID = podUID,
                    .runtimeVersion = std::move(*version),
                    .duration = std::chrono::floor<milliseconds>(resumed - paused),
                    .files = {},
                    .containers = std::move(running->specs)};
  auto kept = co_await onDisk(parts_.disk, [&] { return parts_.vault.publish(id, std::move(manifest)); });
  const Instant done = parts_.clock.instant();
  log::info("snapshot taken", {{"snapshot", toString(api::keyOf(observed.snapshot->metadata))},
                               {"before", formatDuration(paused - begun)},
                               {"checkpoint", formatDuration(resumed - paused)},
                               {"after", formatDuration(done - resumed)}});
  co_return kept;
}

Task<Result<void>> Reconciler::sweep(std::string namespace_) {
  std::set<std::string> there;
  for (const auto& snapshot : parts_.stores.snapshots.inNamespace(namespace_))
    there.insert(snapshot->metadata.uid);
  auto all = parts_.vault.all();
  if (!all) co_return fail(all.error());
  for (const SnapshotId& id : *all) {
    if (id.namespace_ != namespace_ || there.contains(id.uid)) continue;
    auto done = co_await onDisk(parts_.disk, [&] { return parts_.vault.remove(id); });
    if (!done) co_return fail(done.error());
    log::info("snapshot removed", {{"namespace", id.namespace_}, {"uid", id.uid}});
  }
  co_return Result<void>{};
}

}  // namespace cloister::node
