#include "node/agent/reconciler.h"

#include <set>

#include "base/log.h"
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

kube::ObjectKey sandboxKeyOf(const api::SandboxSnapshot& snapshot) {
  return {snapshot.metadata.namespace_, snapshot.spec.sandboxRef.name};
}

struct Running {
  std::string rootId;
  std::vector<ManifestContainer> specs;
};

// The pod's containers; InvalidInput when its workspace would not be in a checkpoint.
Result<Running> findContainers(Files& files, const std::vector<RunningContainer>& all,
                               const std::string& podUID) {
  Running out;
  bool hasWorkspace = false;
  for (const RunningContainer& one : all) {
    const auto config = files.read(one.bundle + "/config.json");
    if (!config && config.error().code == Errc::NotFound) continue;  // it is on its way out
    if (!config) return fail(config.error());
    auto container = readContainer(*config);
    if (!container || container->podUID != podUID) continue;
    if (container->isRoot) out.rootId = one.id;
    hasWorkspace |= container->hasWorkspaceInside;
    out.specs.push_back({.name = container->name, .spec = std::move(container->compared)});
  }
  if (out.rootId.empty()) return fail(Errc::NotFound, "runsc has no container of the sandbox's pod");
  if (!hasWorkspace) {
    return fail(Errc::InvalidInput,
                "The sandbox's workspace is a volume, which is not part of its memory. Save a sandbox whose "
                "spec.workspace has no storageClass.");
  }
  std::ranges::sort(out.specs, {}, &ManifestContainer::name);
  return out;
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
  if (!isOurs(*snapshot, parts_.stores.podOf(sandboxKeyOf(*snapshot)).get(), parts_.node))
    co_return runtime::Outcome{};
  auto observed = co_await observe(snapshot);
  if (!observed) co_return fail(observed.error());
  co_return co_await apply(std::move(*observed));
}

Task<Result<Observed>> Reconciler::observe(std::shared_ptr<const api::SandboxSnapshot> snapshot) {
  Observed seen{.snapshot = snapshot, .pod = parts_.stores.podOf(sandboxKeyOf(*snapshot))};
  auto kept = parts_.vault.find(idOf(*snapshot));
  if (!kept) co_return fail(kept.error());
  seen.kept = std::move(*kept);
  auto object = co_await parts_.client.get(kube::sandboxes, sandboxKeyOf(*snapshot));
  if (!object && object.error().code != Errc::NotFound) co_return fail(object.error());
  if (!object) co_return seen;
  auto sandbox = json::decode<api::Sandbox>(*object);
  if (!sandbox) co_return fail(sandbox.error());
  seen.sandbox = std::move(*sandbox);
  co_return seen;
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
    if (!next.take) co_return runtime::Outcome{.again = next.again};
    // The claim has given it a new version; if it is gone by now, nothing is to be taken.
    observed.snapshot = parts_.stores.snapshots.get(key);
    if (observed.snapshot == nullptr) co_return runtime::Outcome{};
    auto kept = co_await take(observed);
    if (kept) {
      observed.kept = std::move(*kept);
    } else {
      log::warn("snapshot failed", {{"snapshot", toString(key)}, {"reason", kept.error().message}});
      observed.failure = kept.error();
    }
  }
}

Task<Result<Kept>> Reconciler::take(Observed observed) {
  const SnapshotId id = idOf(*observed.snapshot);
  const std::string podUID = observed.pod->metadata.uid;
  const Instant begun = parts_.clock.instant();
  auto all = co_await parts_.runsc.list();
  if (!all) co_return fail(all.error());
  auto running = findContainers(parts_.files, *all, podUID);
  if (!running) co_return fail(running.error());
  auto version = co_await parts_.runsc.version();
  if (!version) co_return fail(version.error());
  auto folder = parts_.vault.stage(id);
  if (!folder) co_return fail(folder.error());
  const Instant paused = parts_.clock.instant();
  auto saved = co_await parts_.runsc.checkpoint(running->rootId, *folder);
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
