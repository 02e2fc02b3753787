#include "tests/sim/agents.h"

#include "node/agent/start.h"

namespace cloister::sim {
namespace {

using json::findString;

constexpr const char* runtimeVersion = "runsc-1";

// Into WHAT, none when there is none. False: it can't be read.
template <class T>
bool read(const test::ApiServer& server, const char* plural, const kube::ObjectKey& key,
          std::optional<T>& what) {
  const test::Object object = server.storage().get({plural, key});
  if (!object) return true;
  auto decoded = json::decode<T>(object->json);
  if (decoded) what = std::move(*decoded);
  return decoded.has_value();
}

// The files are always as they were saved, and runsc stays what it was.
node::Kept keptOf(const api::SandboxSnapshotStatus& status) {
  node::Kept kept{.folder = "kept", .manifest = {}, .digest = status.digest};
  kept.manifest.runtimeVersion = runtimeVersion;
  kept.manifest.containers.push_back({.name = std::string(api::containerName),
                                      .image = {.name = status.image, .id = status.imageID},
                                      .spec = json::object()});
  kept.manifest.containers.push_back({.name = "", .image = {}, .spec = json::object()});
  return kept;
}

bool look(const test::ApiServer& server, const node::StartRequest& request, node::StartView& view) {
  const std::string& home = request.podNamespace;
  if (!read(server, "pods", {home, request.podName}, view.pod)) return false;
  if (const auto pool = node::poolToRead(request, view)) {
    if (!read(server, "sandboxpools", {home, *pool}, view.pool)) return false;
  }
  const auto sandbox = node::sandboxToRead(request, view);
  if (!sandbox) return true;
  if (!read(server, "sandboxes", {home, *sandbox}, view.sandbox)) return false;
  const auto snapshot = node::snapshotToRead(request, view);
  if (!snapshot) return true;
  if (!read(server, "sandboxsnapshots", {home, *snapshot}, view.snapshot)) return false;
  if (node::isVaultToRead(view)) view.kept = keptOf(view.snapshot->status);
  return true;
}

}  // namespace

std::optional<node::StartAnswer> answerOf(const test::ApiServer& server, const json::value& pod,
                                          node::StartStage stage, Asker asker) {
  const auto kind = asker.isRoot ? node::ContainerKind::sandbox : node::ContainerKind::container;
  const node::StartRequest request{.container = "container",
                                   .kind = kind,
                                   .bundle = "bundle",
                                   .podNamespace = findString(pod, "metadata.namespace"),
                                   .podName = findString(pod, "metadata.name"),
                                   .podUID = findString(pod, "metadata.uid"),
                                   .stage = stage};
  node::StartView view{.node = findString(pod, "spec.nodeName"), .runtimeVersion = runtimeVersion};
  const bool runs = stage == node::StartStage::Wait;
  view.image = (runs ? node::runningImage : node::wantedImage)(pod, api::containerName);
  view.images[std::string(api::containerName)] = view.image;
  view.rootStarted = asker.rootStarted;
  view.container = node::Container{.isRoot = asker.isRoot,
                                   .name = asker.isRoot ? "" : std::string(api::containerName),
                                   .podUID = request.podUID,
                                   .compared = json::object()};
  if (!look(server, request, view)) return std::nullopt;
  return node::decideStart(request, view);
}

}  // namespace cloister::sim
