#include "node/agent/agent.h"

#include "base/log.h"
#include "node/agent/start.h"

namespace cloister::node {
namespace {

// cloister-runsc waits for longer (runsc/main.cc).
constexpr Duration patience = seconds(15);
constexpr Duration fetchPatience = seconds(90);
constexpr Duration retryPeriod = milliseconds(500);

// None when there is none, or none that can be read.
template <class T>
Task<Result<std::optional<T>>> read(kube::Client* client, kube::Resource kind, kube::ObjectKey key) {
  auto object = co_await client->get(kind, key);
  if (!object && object.error().code == Errc::NotFound) co_return std::optional<T>();
  if (!object) co_return fail(object.error());
  auto decoded = json::decode<T>(*object);
  if (!decoded) co_return fail(decoded.error());
  co_return std::move(*decoded);
}

}  // namespace

// One at a time: they share the node's network with its pods.
Agent::Storing::Storing(const Parts& parts, Depot& depot, uint64_t seed, runtime::Controller::Gate gate)
    : storer(parts, depot),
      fetcher(parts, depot),
      controller(
          {.name = "store",
           .workers = 1,
           .backoff = {.first = seconds(5), .largest = seconds(300)},
           .seed = seed},
          parts.clock,
          [this](kube::ObjectKey key, uint64_t id) { return storer.reconcile(std::move(key), id); },
          std::move(gate)) {}

Agent::Agent(Surroundings with)
    : parts_{with.client, with.clock, stores_, with.vault, with.files, with.runsc, with.disk, with.node},
      seed_(with.seed),
      reconciler_(parts_),
      scrubber_({.clock = with.clock,
                 .files = with.files,
                 .vault = with.vault,
                 .disk = with.disk,
                 .report = [this](const SnapshotId& id, const std::string&) { wake(id); }}),
      controller_(
          {.name = "snapshot", .workers = 2, .seed = seed_}, with.clock,
          [this](kube::ObjectKey key, uint64_t id) { return reconciler_.reconcile(std::move(key), id); },
          [this] { return current(); }),
      storing_(with.depot == nullptr
                   ? nullptr
                   : std::make_unique<Storing>(parts_, *with.depot, seed_, [this] { return current(); })),
      freezer_({with.client, with.clock, stores_.pods, with.runsc}),
      freezes_(
          {.name = "freeze", .workers = 4, .seed = seed_}, with.clock,
          [this](kube::ObjectKey key, uint64_t id) { return freezer_.reconcile(std::move(key), id); },
          [this] { return podInformer_.current(); }),
      snapshotInformer_(stores_.snapshots, {.resource = kube::sandboxSnapshots}),
      podInformer_(stores_.pods, {.resource = kube::pods,
                                  .labelSelector = std::string(api::sandboxLabel),
                                  .fieldSelector = "spec.nodeName=" + parts_.node}) {
  stores_.snapshots.onChange([this](const auto& before, const auto& after) {
    controller_.add(api::keyOf((after ? after : before)->metadata));
    if (storing_ && after && isToStore(*after, parts_.node))
      storing_->controller.add(api::keyOf(after->metadata));
    // The successor of the same name does not tell of the former one's files.
    if (before && after && before->metadata.uid != after->metadata.uid)
      controller_.add({before->metadata.namespace_, ""});
  });
  stores_.pods.onChange([this](const auto& before, const auto& after) {
    const api::ObjectMeta& meta = (after ? after : before)->metadata;
    const kube::ObjectKey sandbox{meta.namespace_, api::labelOf(meta, api::sandboxLabel)};
    for (const auto& snapshot : stores_.snapshotsOf(sandbox)) controller_.add(api::keyOf(snapshot->metadata));
    // What is there when the agent starts may have been left in any state by the agent before.
    if (!podInformer_.synced() && after) freezer_.doubt(*after);
    if (before && (!after || after->metadata.uid != before->metadata.uid)) freezer_.forget(*before);
    freezes_.add(api::keyOf(meta));
  });
  snapshotInformer_.onState([this] { currentChanged(); });
  podInformer_.onState([this] { currentChanged(); });
}

void Agent::currentChanged() {
  controller_.gateChanged();
  if (storing_) storing_->controller.gateChanged();
  freezes_.gateChanged();
  if (!current() || std::exchange(swept_, true)) return;
  const auto kept = parts_.vault.all();
  if (!kept) return log::error("the store cannot be read", {{"reason", kept.error().message}});
  for (const SnapshotId& id : *kept) controller_.add({id.namespace_, ""});
}

void Agent::wake(const SnapshotId& id) {
  for (const auto& snapshot : stores_.snapshots.inNamespace(id.namespace_)) {
    if (snapshot->metadata.uid == id.uid) controller_.add(api::keyOf(snapshot->metadata));
  }
}

void Agent::start(TaskGroup& group) {
  const auto watch = [&](auto& informer) {
    group.spawn("watch-" + std::string(informer.target().resource.plural),
                kube::runWatcher(parts_.client, parts_.clock, informer.target(), {.seed = seed_}, informer));
  };
  watch(snapshotInformer_);
  watch(podInformer_);
  controller_.start(group);
  if (storing_) {
    storing_->fetcher.start(group);
    storing_->controller.start(group);
  }
  group.spawn("scrub", scrubber_.run());
  freezes_.start(group);
}

Task<StartAnswer> Agent::answer(StartRequest request) {
  const Instant asked = parts_.clock.instant();
  for (;;) {
    auto view = co_await look(request);
    const bool fetching = view && !view->fetching.empty();
    if (fetching && parts_.clock.instant() + retryPeriod < asked + fetchPatience) {
      co_await parts_.clock.sleep(retryPeriod);
      continue;
    }
    if (view) {
      StartAnswer answer = decideStart(request, *view);
      log::info("asked about a container", {{"pod", request.podNamespace + "/" + request.podName},
                                            {"answer", boost::describe::enum_to_string(answer.action, "")},
                                            {"message", answer.message}});
      co_return answer;
    }
    if (parts_.clock.instant() + retryPeriod >= asked + patience)
      co_return refuse("cloister-node cannot find out about the pod: " + view.error().message);
    co_await parts_.clock.sleep(retryPeriod);
  }
}

Task<Result<StartView>> Agent::look(StartRequest request) {
  StartView view{.node = parts_.node, .runtimeVersion = {}};
  auto object =
      co_await read<json::value>(&parts_.client, kube::pods, {request.podNamespace, request.podName});
  if (!object) co_return fail(object.error());
  if (!*object) co_return view;
  auto pod = json::decode<api::Pod>(**object);
  if (!pod) co_return fail(pod.error());
  view.pod = std::move(*pod);
  const auto named = sandboxToRead(request, view);
  if (!named) co_return view;
  auto sandbox = co_await read<api::Sandbox>(&parts_.client, kube::sandboxes, {request.podNamespace, *named});
  if (!sandbox) co_return fail(sandbox.error());
  view.sandbox = std::move(*sandbox);
  const auto from = snapshotToRead(request, view);
  if (!from) co_return view;
  auto snapshot = co_await read<api::SandboxSnapshot>(&parts_.client, kube::sandboxSnapshots,
                                                      {request.podNamespace, *from});
  if (!snapshot) co_return fail(snapshot.error());
  view.snapshot = std::move(*snapshot);
  if (!isVaultToRead(view)) co_return view;
  auto version = co_await parts_.runsc.version();
  if (!version) co_return fail(version.error());
  view.runtimeVersion = std::move(*version);
  auto kept = parts_.vault.find({request.podNamespace, view.snapshot->metadata.uid});
  if (kept && *kept && parts_.vault.check(**kept)) view.kept = std::move(*kept);
  if (!view.kept && storing_ && isToFetch(view)) view.fetching = storing_->fetcher.want(*view.snapshot);
  if (const auto config = parts_.files.read(request.bundle + "/config.json")) {
    if (auto container = readContainer(*config)) view.container = std::move(*container);
    if (view.container) view.image = wantedImage(**object, view.container->name);
  }
  co_return view;
}

}  // namespace cloister::node
