#include "node/agent/agent.h"

#include "base/log.h"
#include "node/agent/start.h"

namespace cloister::node {
namespace {

// That the API server cannot be asked is borne for as long, since it last could.
constexpr Duration patience = seconds(15);
// A fetch is waited for, since the question.
constexpr Duration fetchPatience = seconds(90);
// Since the question: cloister-runsc waits for longer (runsc/main.cc), but not for ever.
constexpr Duration longest = seconds(95);
constexpr Duration retryPeriod = milliseconds(500);
// How soon another runsc is noticed, and in how many of these times a copy that nothing needs any more.
constexpr Duration versionsPeriod = seconds(10);
constexpr int clearingPeriods = 6;

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
Agent::Storing::Storing(const Parts& parts, Depot& to, uint64_t seed, Storer::Report report,
                        runtime::Controller::Gate gate)
    : node(parts.node),
      depot(to),
      storer(parts, to, std::move(report)),
      fetcher(parts, to, seed),
      sweeper({.client = parts.client, .clock = parts.clock, .depot = to, .seed = seed}),
      controller(
          {.name = "store",
           .workers = 1,
           .backoff = {.first = seconds(5), .largest = seconds(300)},
           .seed = seed},
          parts.clock,
          [this](kube::ObjectKey key, uint64_t id) { return storer.reconcile(std::move(key), id); },
          std::move(gate)) {}

Agent::Agent(Surroundings with)
    : parts_{with.client, with.clock, stores_,   with.vault, with.files,
             with.runsc,  with.disk,  with.node, with.depot, with.quota},
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
                   : std::make_unique<Storing>(
                         parts_, *with.depot, seed_, [this](const SnapshotId& id) { wake(id); },
                         [this] { return current(); })),
      sweeps_(with.sweeps),
      versions_({.files = with.files,
                 .runsc = with.runsc,
                 .installed = std::move(with.installed),
                 .folder = std::move(with.copies),
                 .vault = with.vault,
                 .clock = with.clock,
                 .disk = with.disk}),
      holder_({with.client, with.clock, stores_.pods,
               [this](StartRequest request, Instant asked) { return look(std::move(request), asked); },
               with.runsc}),
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
    const bool isSame = before && after && before->metadata.uid == after->metadata.uid;
    // What it tells of an attempt that failed is no reason for another one before its time.
    if (storing_ && after && storing_->wants(*after) && !(isSame && storing_->wants(*before)))
      storing_->controller.add(api::keyOf(after->metadata));
    // The successor of the same name does not tell of the former one's files.
    if (before && after && !isSame) controller_.add({before->metadata.namespace_, ""});
  });
  stores_.pods.onChange([this](const auto& before, const auto& after) {
    const api::ObjectMeta& meta = (after ? after : before)->metadata;
    const kube::ObjectKey sandbox{meta.namespace_, api::labelOf(meta, api::sandboxLabel)};
    for (const auto& snapshot : stores_.snapshotsOf(sandbox)) controller_.add(api::keyOf(snapshot->metadata));
    // What is there when the agent starts may have been left in any state by the agent before.
    if (!podInformer_.synced() && after) freezer_.doubt(*after);
    if (before && (!after || after->metadata.uid != before->metadata.uid)) freezer_.forget(*before);
    freezes_.add(api::keyOf(meta));
    holder_.podChanged(api::keyOf(meta));
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
    if (sweeps_) group.spawn("sweep", storing_->sweeper.run());
  }
  group.spawn("scrub", scrubber_.run());
  group.spawn("versions", keepVersions());
  freezes_.start(group);
}

Task<StartAnswer> Agent::answer(StartRequest request) {
  if (request.stage == StartStage::Wait) return holder_.wait(std::move(request));
  if (request.stage == StartStage::Begun) return holder_.begun(std::move(request));
  return answerStart(std::move(request));
}

Task<StartAnswer> Agent::answerStart(StartRequest request) {
  const Instant asked = parts_.clock.instant();
  // What comes into a root container that was refused brings no other attempt.
  const Instant wanted = refusals_.allow(request) ? asked : Instant{};
  Instant seen = asked;
  for (;;) {
    auto view = co_await look(request, wanted);
    const Instant next = parts_.clock.instant() + retryPeriod;
    if (view) seen = parts_.clock.instant();
    if (view && !(view->isComing && next < asked + fetchPatience && refusals_.allow(request)))
      co_return decide(request, *view);
    if (!view && (next >= seen + patience || next >= asked + longest)) {
      StartAnswer answer = refuse("cloister-node cannot find out about the pod: " + view.error().message);
      answer.unknown = true;
      refusals_.note(request, answer);
      co_return answer;
    }
    co_await parts_.clock.sleep(retryPeriod);
  }
}

// What of LEFT nothing on this node has in use. What is being saved runs.
Task<Result<std::set<std::string>>> Agent::withoutUsed(std::set<std::string> left) {
  auto running = co_await parts_.runsc.list();
  if (!running) co_return fail(running.error());
  for (const RunningContainer& one : *running) {
    const auto own = co_await parts_.runsc.versionOf(one.bundle);
    if (!own && own.error().code != Errc::NotFound) co_return fail(own.error());
    if (own) left.erase(*own);
  }
  const auto kept = parts_.vault.all();
  if (!kept) co_return fail(kept.error());
  for (const SnapshotId& id : *kept) {
    const auto found = parts_.vault.find(id);
    if (!found && found.error().code != Errc::InvalidInput) co_return fail(found.error());
    if (found && *found) left.erase((*found)->manifest.runtimeVersion);
  }
  co_return left;
}

Task<Result<void>> Agent::clearVersions() {
  auto left = co_await versions_.others();
  if (!left) co_return fail(left.error());
  const auto eraseTold = [&] {
    for (const auto& snapshot : parts_.stores.snapshots.all()) left->erase(snapshot->status.runtimeVersion);
  };
  eraseTold();
  if (!left->empty()) {
    left = co_await withoutUsed(std::move(*left));
    if (!left) co_return fail(left.error());
    // Once more: what was saved and has ended meanwhile is in the store or told by now.
    eraseTold();
  }
  co_return co_await versions_.removeUnneeded(std::move(*left));
}

Task<void> Agent::keepVersions() {
  for (int round = 1;; ++round) {
    auto installed = co_await versions_.keepInstalled();
    if (!installed) log::warn("runsc does not tell its version", {{"reason", installed.error().message}});
    if (round % clearingPeriods == 0 && current()) {
      auto done = co_await clearVersions();
      if (!done) log::warn("copies of runsc cannot be cleared up", {{"reason", done.error().message}});
    }
    co_await parts_.clock.sleep(versionsPeriod);
  }
}

StartAnswer Agent::decide(const StartRequest& request, const StartView& view) {
  // Whether it may start is decided when it asks for that.
  if (request.stage == StartStage::Create && !isOfFiles(view)) return decideCreation(view);
  StartAnswer answer =
      request.stage == StartStage::Create ? decideCreation(view) : decideStart(request, view);
  // There is nothing in the root container that it could be restored into.
  if (answer.action == StartAction::Restore && !refusals_.allow(request))
    answer = refuse("the pod's root container was not restored: " + refusals_.reason(request));
  refusals_.note(request, answer);
  log::info("asked about a container", {{"pod", request.podNamespace + "/" + request.podName},
                                        {"answer", boost::describe::enum_to_string(answer.action, "")},
                                        {"message", answer.message}});
  return answer;
}

// Whoever asks is about to open its files. It stays meanwhile, and is evicted after others from then on.
void Agent::noteUse(const SnapshotId& id) {
  if (auto noted = parts_.vault.use(id, parts_.clock.now()); !noted)
    log::warn("the use of a snapshot cannot be noted", {{"uid", id.uid}, {"reason", noted.error().message}});
}

// ASKED: when its pod began to want what it is to go on from.
Task<Result<StartView>> Agent::look(StartRequest request, Instant asked) {
  // One that was refused is there all the same, with nothing in it (refusals.h).
  StartView view{.node = parts_.node,
                 .runtimeVersion = {},
                 .rootStarted = refusals_.isStarted(request) || !refusals_.allow(request),
                 .rootFailures = refusals_.restores(request)};
  auto object =
      co_await read<json::value>(&parts_.client, kube::pods, {request.podNamespace, request.podName});
  if (!object) co_return fail(object.error());
  if (!*object) co_return view;
  auto pod = json::decode<api::Pod>(**object);
  if (!pod) co_return fail(pod.error());
  view.pod = std::move(*pod);
  if (const auto pool = poolToRead(request, view)) {
    auto answer =
        co_await read<api::SandboxPool>(&parts_.client, kube::sandboxPools, {request.podNamespace, *pool});
    if (!answer) co_return fail(answer.error());
    view.pool = std::move(*answer);
  }
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
  auto known = co_await withRunsc(request, std::move(view));
  // With which runsc a sandbox is created is all there is to say, but where it gets files.
  if (!known || (request.stage == StartStage::Create && !isOfFiles(*known))) co_return known;
  if (auto done = lookInside(*known, asked); !done) co_return fail(done.error());
  lookAtContainers(request, **object, *known);
  co_return known;
}

// VIEW with the runsc that the container was created with, or is to be.
Task<Result<StartView>> Agent::withRunsc(StartRequest request, StartView view) {
  if (request.stage == StartStage::Create) {
    auto program = co_await parts_.runsc.programOf(view.snapshot->status.runtimeVersion);
    if (!program) co_return fail(program.error());
    view.program = std::move(*program);
    co_return view;
  }
  auto version = co_await parts_.runsc.versionOf(request.bundle);
  if (!version && version.error().code != Errc::NotFound) co_return fail(version.error());
  view.runtimeVersion = version.value_or("");
  co_return view;
}

// What the container of REQUEST is, and which images those of its POD have, or are to have.
void Agent::lookAtContainers(const StartRequest& request, const json::value& pod, StartView& view) {
  if (view.kept) {
    for (const ManifestContainer& one : view.kept->manifest.containers)
      view.images[one.name] = wantedImage(pod, one.name);
  }
  const auto config = parts_.files.read(request.bundle + "/config.json");
  if (!config) return;
  if (auto container = readContainer(*config)) view.container = std::move(*container);
  // What was held has its image already, and the kubelet has told which one it is.
  const bool has = request.stage == StartStage::Wait;
  if (view.container) view.image = (has ? runningImage : wantedImage)(pod, view.container->name);
}

// What the vault has of the snapshot. That it cannot be read proves nothing of what is there.
Result<void> Agent::lookInside(StartView& view, Instant asked) {
  const api::SandboxSnapshot& snapshot = *view.snapshot;
  const SnapshotId id{.namespace_ = snapshot.metadata.namespace_, .uid = snapshot.metadata.uid};
  auto kept = parts_.vault.sound(id, snapshot.status.digest);
  if (!kept && kept.error().code != Errc::InvalidInput) return fail(kept.error());
  if (kept) {
    view.kept = std::move(*kept);
    if (view.kept) noteUse(id);
  } else {
    view.damage = kept.error().message;
    wake(id);
  }
  if (!isToFetch(view)) return {};
  const FetchState state =
      storing_
          ? storing_->fetcher.want(snapshot, asked)
          : FetchState{.words = "it is in object storage alone, and this node has none (snapshots.store)",
                       .isOver = true};
  view.fetching = state.words;
  view.isComing = !state.isOver;
  return {};
}

}  // namespace cloister::node
