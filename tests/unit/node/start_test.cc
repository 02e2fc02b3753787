#include "node/agent/start.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cloister::node {
namespace {

using testing::HasSubstr;

const StartRequest request{.container = "c",
                           .kind = ContainerKind::container,
                           .bundle = "/b",
                           .podNamespace = "ns",
                           .podName = "pod",
                           .podUID = "pod-uid"};

// Of a pod that is to be restored, with everything in order.
StartView good() {
  StartView view{.node = "node-1", .runtimeVersion = "v1"};
  view.pod.emplace();
  view.pod->metadata.uid = "pod-uid";
  view.pod->metadata.ownerReferences = {{.apiVersion = "cloister.dev/v1alpha1",
                                         .kind = "Sandbox",
                                         .name = "box",
                                         .uid = "box-uid",
                                         .controller = true,
                                         .blockOwnerDeletion = {}}};
  view.pod->spec.nodeName = "node-1";
  view.sandbox.emplace();
  view.sandbox->metadata.uid = "box-uid";
  view.sandbox->spec.restoreFrom = api::LocalReference{"saved"};
  view.snapshot.emplace();
  view.snapshot->status.phase = api::SnapshotPhase::Ready;
  view.snapshot->status.nodeName = "node-1";
  view.snapshot->status.digest = "sha256:1";
  view.kept = Kept{.folder = "/s/1", .manifest = {}, .digest = "sha256:1"};
  view.kept->manifest.runtimeVersion = "v1";
  view.kept->manifest.containers = {{.name = "box",
                                     .image = {.name = "app:1", .id = "app@sha256:1"},
                                     .spec = json::object{{"process", {{"cwd", "/"}}}}}};
  view.image = {.name = "app:1", .id = "app@sha256:1"};
  view.container =
      Container{.name = "box", .podUID = "pod-uid", .compared = json::object{{"process", {{"cwd", "/"}}}}};
  return view;
}

TEST(DecideStart, RestoresWhereEverythingIsRight) {
  EXPECT_EQ(decideStart(request, good()),
            (StartAnswer{.action = StartAction::Restore, .image = "/s/1", .message = {}}));
}

// It may have lost a name meanwhile, or got another one.
TEST(DecideStart, RestoresTheSameImageWhateverTheRuntimeCallsItNow) {
  StartView view = good();
  view.container->compared = json::object{{"annotations", {{"io.kubernetes.cri.image-name", "app@sha256:1"}}},
                                          {"process", {{"cwd", "/"}}}};
  view.kept->manifest.containers[0].spec =
      json::object{{"annotations", json::object()}, {"process", {{"cwd", "/"}}}};
  EXPECT_EQ(decideStart(request, view).action, StartAction::Restore);
}

// Of a pod that is to begin from its template's golden snapshot, with everything in order.
StartView golden() {
  StartView view = good();
  view.sandbox->spec.restoreFrom.reset();
  view.sandbox->status.golden = api::GoldenStart{"saved", "saved-uid", ""};
  view.pod->metadata.annotations[std::string(api::restoreAnnotation)] = "golden/saved";
  view.snapshot->metadata.uid = "saved-uid";
  view.images = {{"box", view.image}};
  return view;
}

TEST(DecideStart, BeginsFromTheGoldenSnapshotThatTheStatusNames) {
  EXPECT_EQ(snapshotToRead(request, golden()), "saved");
  EXPECT_EQ(decideStart(request, golden()).action, StartAction::Restore);
  StartView other = golden();
  other.sandbox->spec.restoreFrom = api::LocalReference{"own"};
  EXPECT_EQ(snapshotToRead(request, other), "own");
  other.sandbox->status.suspension.emplace().snapshotName = "mine";
  EXPECT_EQ(snapshotToRead(request, other), "mine");
}

TEST(DecideStart, StartsWhatCannotBeginFromItsGoldenSnapshotAsAWhole) {
  StartRequest root = request;
  root.kind = ContainerKind::sandbox;
  StartRequest held = request;
  held.stage = StartStage::Wait;
  const std::vector<std::function<void(StartView&)>> changes{
      [](StartView& view) { view.snapshot.reset(); },
      [](StartView& view) { view.pod->metadata.annotations.clear(); },
      [](StartView& view) { view.sandbox->status.golden->snapshotName = "of-another-revision"; },
      [](StartView& view) { view.sandbox->status.golden.reset(); },
      [](StartView& view) { view.snapshot->metadata.uid = "another"; },
      [](StartView& view) { view.snapshot->status.nodeName = "node-2"; },
      [](StartView& view) { view.kept.reset(); },
      [](StartView& view) { view.kept->digest = "sha256:2"; },
      [](StartView& view) { view.runtimeVersion = "v2"; }};
  for (size_t i = 0; i < changes.size(); ++i) {
    SCOPED_TRACE(i);
    StartView view = golden();
    view.sandbox->status.podUID = "pod-uid";
    changes[i](view);
    EXPECT_EQ(decideStart(root, view).action, StartAction::Start);
    EXPECT_EQ(decideStart(held, view).action, StartAction::Start);
    EXPECT_EQ(decideStart(request, view).action, StartAction::Refuse) << "its root container was restored";
    view.rootStarted = true;
    EXPECT_EQ(decideStart(request, view).action, StartAction::Start);
  }
}

TEST(DecideStart, RestoresNothingIntoARootThatWasStarted) {
  StartView view = golden();
  view.rootStarted = true;
  EXPECT_EQ(decideStart(request, view).action, StartAction::Start);
}

// Once the root container is restored there is no way back.
TEST(DecideStart, RestoresARootOnlyIfWhatComesIntoItFits) {
  StartRequest root = request;
  root.kind = ContainerKind::sandbox;
  StartView view = golden();
  view.container =
      Container{.isRoot = true, .name = "", .podUID = "pod-uid", .compared = json::object{{"a", 1}}};
  view.kept->manifest.containers.push_back({.name = "", .image = {}, .spec = json::object{{"a", 1}}});
  EXPECT_EQ(decideStart(root, view).action, StartAction::Restore);
  view.images["box"].name = "app:2";
  EXPECT_EQ(decideStart(root, view).action, StartAction::Start);
  view.images["box"] = {.name = "app:1", .id = "app@sha256:2"};
  EXPECT_EQ(decideStart(root, view).action, StartAction::Start);
  view.images.clear();
  EXPECT_EQ(decideStart(root, view).action, StartAction::Start);
}

TEST(DecideStart, GivesUpARootThatCannotBeRestored) {
  StartRequest root = request;
  root.kind = ContainerKind::sandbox;
  StartView view = golden();
  view.rootFailures = 1;
  EXPECT_EQ(decideStart(root, view).action, StartAction::Start);
  view = good();
  for (const int failures : {0, 1, 2}) {
    view.rootFailures = failures;
    EXPECT_THAT(decideStart(root, view).message, testing::Not(HasSubstr("could not be restored")));
  }
  view.rootFailures = 3;
  EXPECT_EQ(decideStart(root, view).action, StartAction::Refuse);
  EXPECT_THAT(decideStart(root, view).message, HasSubstr("could not be restored from the SandboxSnapshot"));
}

TEST(DecideStart, RefusesAPodThatIsReplaced) {
  StartView view = golden();
  view.sandbox->status.golden->failedPodUID = "another";
  view.pod->metadata.annotations.clear();
  EXPECT_EQ(decideStart(request, view).action, StartAction::Start);
  view.sandbox->status.golden->failedPodUID = "pod-uid";
  EXPECT_EQ(decideStart(request, view).action, StartAction::Refuse);
}

TEST(DecideStart, KeepsRefusingWhatIsNoGoldenSnapshotsMatter) {
  StartView view = golden();
  view.rootStarted = true;
  view.sandbox->metadata.uid = "another";
  EXPECT_EQ(decideStart(request, view).action, StartAction::Refuse);
  view = golden();
  view.sandbox->status.phase = api::Phase::Suspended;
  EXPECT_EQ(decideStart(request, view).action, StartAction::Refuse);
}

TEST(DecideStart, TakesTheSameImageFromAMirror) {
  StartView view = good();
  view.image.id = "mirror.example.com/app@sha256:1";
  EXPECT_EQ(decideStart(request, view).action, StartAction::Restore);
}

// Taken before images were recorded: by what the runtime calls it, as then.
TEST(DecideStart, RestoresWhatHasNoImageByTheRuntimesNameOfIt) {
  const auto called = [](const char* name) {
    return json::object{{"annotations", {{"io.kubernetes.cri.image-name", name}}}};
  };
  StartView view = good();
  view.kept->manifest.containers[0].image = {};
  view.kept->manifest.containers[0].spec = called("app:1");
  view.container->compared = called("app:1");
  view.image = {.name = "app:1", .id = "app:1"};
  EXPECT_EQ(decideStart(request, view).action, StartAction::Restore);
  view.container->compared = called("app:2");
  EXPECT_THAT(decideStart(request, view).message, HasSubstr("image-name"));
}

TEST(DecideStart, AsksForOneThingAfterTheOther) {
  StartView view{.node = "node-1", .runtimeVersion = {}};
  EXPECT_EQ(sandboxToRead(request, view), std::nullopt);
  view.pod = good().pod;
  EXPECT_EQ(sandboxToRead(request, view), "box");
  EXPECT_EQ(snapshotToRead(request, view), std::nullopt);
  view.sandbox = good().sandbox;
  EXPECT_EQ(snapshotToRead(request, view), "saved");
  EXPECT_FALSE(isVaultToRead(view));
  view.snapshot = good().snapshot;
  EXPECT_TRUE(isVaultToRead(view));
}

// Of a pod on another node than the snapshot's.
StartView elsewhere() {
  StartView view = good();
  view.snapshot->status.nodeName = "node-2";
  view.snapshot->status.runtimeVersion = "v1";
  view.snapshot->status.store = api::SnapshotStore{};
  api::setCondition(view.snapshot->status.conditions,
                    {.type = "Stored",
                     .status = "True",
                     .observedGeneration = 1,
                     .lastTransitionTime = {},
                     .reason = "InStore",
                     .message = {}},
                    Time());
  return view;
}

TEST(DecideStart, DoesNotFetchAGoldenSnapshot) {
  StartView view = elsewhere();
  view.kept.reset();
  EXPECT_TRUE(isToFetch(view));
  view.sandbox->spec.restoreFrom.reset();
  view.sandbox->status.golden = api::GoldenStart{"saved", "", ""};
  EXPECT_FALSE(isToFetch(view));
}

TEST(DecideStart, RestoresWhatWasFetchedFromTheStore) {
  EXPECT_EQ(decideStart(request, elsewhere()).action, StartAction::Restore);
  StartView view = elsewhere();
  view.snapshot->status.conditions[0].status = "False";
  EXPECT_FALSE(isVaultToRead(view));
  EXPECT_THAT(decideStart(request, view).message, HasSubstr("not Ready on this node"));
}

TEST(DecideStart, CreatesASandboxWithTheRunscOfItsSnapshot) {
  StartView view = good();
  view.program = "/copies/v1/runsc";
  EXPECT_EQ(decideCreation(view).action, StartAction::Start);
  EXPECT_EQ(decideCreation(view).runsc, "/copies/v1/runsc");
  StartView begins = golden();
  begins.program = view.program;
  EXPECT_EQ(decideCreation(begins).runsc, "") << "it begins anew, with what was mended since";
  view.snapshot->status.phase = api::SnapshotPhase::Failed;
  EXPECT_EQ(decideCreation(view).runsc, "");
  view.snapshot.reset();
  EXPECT_EQ(decideCreation(view).action, StartAction::Start);
  EXPECT_EQ(decideCreation(view).runsc, "");
}

const StartRequest created{.container = "r",
                           .kind = ContainerKind::sandbox,
                           .bundle = "/r",
                           .podNamespace = "ns",
                           .podName = "pod",
                           .podUID = "pod-uid",
                           .stage = StartStage::Create};

json::value limitedTo(int workspace, int disk) {
  return {{"annotations",
           {{"dev.gvisor.spec.mount.workspace.options", "rw,size=" + std::to_string(workspace)},
            {"dev.gvisor.flag.overlay2", "root:self,size=" + std::to_string(disk)}}}};
}

// Of a pod whose sandbox is to be created with files, with everything in order.
StartView ofFiles() {
  StartView view = good();
  view.snapshot->spec.mode = api::SnapshotMode::Filesystem;
  view.snapshot->metadata.uid = "1";
  view.images = {{"box", view.image}};
  view.container = Container{.isRoot = true,
                             .name = "",
                             .podUID = "pod-uid",
                             .hasWorkspaceInside = true,
                             .compared = limitedTo(200, 200)};
  view.kept->manifest.containers[0].spec = limitedTo(200, 100);
  view.program = "/copies/v1/runsc";
  return view;
}

TEST(DecideStart, CreatesASandboxWithTheFilesOfItsSnapshot) {
  const StartAnswer answer = decideCreation(ofFiles());
  EXPECT_EQ(
      answer,
      (StartAnswer{
          .action = StartAction::Restore, .image = "/s/1", .message = {}, .runsc = "/copies/v1/runsc"}));
  StartView other = ofFiles();
  other.program = "";
  other.kept->manifest.runtimeVersion = "v0";
  EXPECT_EQ(decideCreation(other).action, StartAction::Restore) << "another runsc reads them, too";
}

TEST(DecideStart, StartsWhatWasCreatedWithItsFiles) {
  StartRequest inside = request;
  inside.files = "/s/1";
  StartView view = ofFiles();
  view.runtimeVersion = "v2";
  EXPECT_EQ(decideStart(inside, view).action, StartAction::Start);
  view.kept.reset();
  EXPECT_EQ(decideStart(inside, view).action, StartAction::Start) << "it has them";
  view.rootFailures = 3;
  EXPECT_EQ(decideStart(inside, view).action, StartAction::Start) << "the third attempt was a good one";
  view.snapshot->status.phase = api::SnapshotPhase::Failed;
  EXPECT_EQ(decideStart(inside, view).action, StartAction::Start);
  view.sandbox->status.phase = api::Phase::Suspended;
  EXPECT_EQ(decideStart(inside, view).action, StartAction::Refuse);
}

TEST(DecideStart, StartsNothingWithoutItsFiles) {
  StartRequest inside = request;
  for (const char* files : {"", "/s/2", "1", "/s/11"}) {
    inside.files = files;
    EXPECT_EQ(decideStart(inside, ofFiles()).action, StartAction::Refuse) << files;
    EXPECT_THAT(decideStart(inside, ofFiles()).message,
                HasSubstr("not there when the pod's sandbox was created"));
  }
  StartRequest held = inside;
  held.stage = StartStage::Wait;
  StartView taken = ofFiles();
  taken.sandbox->status.podUID = "pod-uid";
  EXPECT_EQ(decideStart(held, taken).action, StartAction::Refuse) << "it was created before it was anybody's";
}

TEST(DecideStart, TellsWhyASandboxCannotHaveItsFiles) {
  const std::pair<std::function<void(StartView&)>, const char*> changes[] = {
      {[](StartView& v) { v.kept->digest = "sha256:2"; }, "not those that its status.digest tells"},
      {[](StartView& v) { v.kept.reset(); }, "are missing on this node"},
      {[](StartView& v) { v.kept.reset(), v.fetching = "it is on its way"; }, "it is on its way"},
      {[](StartView& v) { v.kept.reset(), v.damage = "pages.img is cut"; }, "pages.img is cut"},
      {[](StartView& v) { v.images["box"].id = "app@sha256:2"; }, "another image"},
      {[](StartView& v) { v.images["box"].name = "app:2"; }, "another image"},
      {[](StartView& v) { v.container->hasWorkspaceInside = false; }, "the sandbox's workspace is a volume"},
      {[](StartView& v) { v.container->compared = limitedTo(199, 200); }, "spec.workspace.size is less"},
      {[](StartView& v) { v.container->compared = limitedTo(200, 99); }, "spec.resources.disk is less"},
      {[](StartView& v) { v.container.reset(); }, "config.json cannot be read"},
      {[](StartView& v) { v.rootFailures = 3; }, "could not be restored from the SandboxSnapshot"}};
  for (const auto& [change, why] : changes) {
    SCOPED_TRACE(why);
    StartView view = ofFiles();
    change(view);
    EXPECT_EQ(decideCreation(view).action, StartAction::Refuse);
    EXPECT_THAT(decideCreation(view).message, HasSubstr(why));
    EXPECT_EQ(decideStart(request, view).action, StartAction::Refuse);
    EXPECT_THAT(decideStart(request, view).message, HasSubstr(why));
  }
  StartView gone = ofFiles();
  gone.snapshot.reset();
  EXPECT_THAT(decideStart(request, gone).message, HasSubstr("is gone"));
  EXPECT_EQ(decideCreation(gone).action, StartAction::Start) << "it is refused when it is to start";
}

TEST(DecideStart, FetchesFilesWhateverRunscIsHere) {
  StartView view = elsewhere();
  view.kept.reset();
  view.runtimeVersion = "";
  EXPECT_FALSE(isToFetch(view));
  view.snapshot->spec.mode = api::SnapshotMode::Filesystem;
  EXPECT_TRUE(isToFetch(view));
}

TEST(DecideStart, FetchesOnlyWhatIsInTheStoreAndCanBeRestoredHere) {
  StartView view = elsewhere();
  EXPECT_FALSE(isToFetch(view)) << "it is here already";
  view.kept.reset();
  EXPECT_TRUE(isToFetch(view));
  view.runtimeVersion = "v2";
  EXPECT_FALSE(isToFetch(view));
  EXPECT_THAT(decideStart(request, view).message, HasSubstr("runsc v1, and the pod was created with v2"));
  view = good();
  view.kept.reset();
  EXPECT_FALSE(isToFetch(view));
}

TEST(DecideStart, TellsHowFetchingStands) {
  StartView view = elsewhere();
  view.kept.reset();
  view.fetching = "it is being fetched from the store, 1 of 2 MiB";
  EXPECT_EQ(decideStart(request, view).action, StartAction::Refuse);
  EXPECT_THAT(decideStart(request, view).message, HasSubstr("1 of 2 MiB"));
}

// That is what it was suspended in, and comes before what it was once made from.
TEST(DecideStart, RestoresWhatTheStatusNamesFirst) {
  StartView view = good();
  view.sandbox->status.resumes = 1;
  view.sandbox->status.phase = api::Phase::Pending;
  view.sandbox->status.suspension = api::SandboxSuspension{
      .snapshotName = "kept", .startedAt = {}, .failures = {}, .failedAt = {}, .message = {}};
  view.pod->metadata.labels[std::string(api::restartLabel)] = "1";
  EXPECT_EQ(snapshotToRead(request, view), "kept");
  EXPECT_EQ(decideStart(request, view).action, StartAction::Restore);
  view.sandbox->spec.restoreFrom.reset();
  EXPECT_EQ(snapshotToRead(request, view), "kept");
  EXPECT_EQ(decideStart(request, view).action, StartAction::Restore);
  view.snapshot.reset();
  EXPECT_THAT(decideStart(request, view).message, HasSubstr("\"kept\" is gone"));
}

struct Case {
  std::function<void(StartView&)> change;
  const char* message;
};

// Whoever wrote the annotation: without a Sandbox that says so, it is a pod as any other.
TEST(DecideStart, StartsWhatNoSandboxRestores) {
  for (const auto& change :
       {std::function<void(StartView&)>([](StartView& v) { v.pod->metadata.ownerReferences.clear(); }),
        std::function<void(StartView&)>(
            [](StartView& v) { v.pod->metadata.ownerReferences[0].controller = false; }),
        std::function<void(StartView&)>(
            [](StartView& v) { v.pod->metadata.ownerReferences[0].kind = "Job"; }),
        std::function<void(StartView&)>(
            [](StartView& v) { v.pod->metadata.ownerReferences[0].apiVersion = "x/v1"; }),
        std::function<void(StartView&)>([](StartView& v) { v.sandbox->spec.restoreFrom.reset(); })}) {
    StartView view = good();
    change(view);
    EXPECT_EQ(decideStart(request, view).action, StartAction::Start);
    EXPECT_EQ(snapshotToRead(request, view), std::nullopt);
  }
}

TEST(DecideStart, RefusesEverythingElse) {
  const Case cases[] = {
      {[](StartView& v) { v.pod.reset(); }, "no such pod"},
      {[](StartView& v) { v.pod->metadata.uid = "another"; }, "no such pod"},
      {[](StartView& v) { v.pod->spec.nodeName = "node-2"; }, "no such pod on this node"},
      {[](StartView& v) { v.sandbox.reset(); }, "Sandbox is gone"},
      {[](StartView& v) { v.sandbox->metadata.uid = "its-successor"; }, "Sandbox is gone"},
      {[](StartView& v) { v.snapshot.reset(); }, "\"saved\" is gone"},
      {[](StartView& v) { v.sandbox->status.resumes = 1; }, "another pod"},
      {[](StartView& v) { v.sandbox->status.restarts = 1; }, "another pod"},
      {[](StartView& v) { v.pod->metadata.labels[std::string(api::restartLabel)] = "1"; }, "another pod"},
      {[](StartView& v) { v.sandbox->status.phase = api::Phase::Suspended; }, "is suspended"},
      {[](StartView& v) { v.snapshot->status.phase = api::SnapshotPhase::Running; }, "not Ready"},
      {[](StartView& v) { v.snapshot->status.phase.reset(); }, "not Ready"},
      {[](StartView& v) { v.snapshot->status.nodeName = "node-2"; }, "not Ready on this node"},
      {[](StartView& v) { v.snapshot->metadata.deletionTimestamp = Time(); }, "not Ready"},
      {[](StartView& v) { v.kept.reset(); }, "missing"},
      {[](StartView& v) { v.kept->digest = "sha256:2"; }, "status.digest"},
      {[](StartView& v) { v.snapshot->status.digest = ""; }, "status.digest"},
      {[](StartView& v) { v.runtimeVersion = "v2"; }, "taken by runsc v1, and the pod was created with v2"},
      {[](StartView& v) { v.runtimeVersion = ""; }, "created with one that was replaced since"},
      {[](StartView& v) { v.container.reset(); }, "config.json"},
      {[](StartView& v) { v.container->name = "other"; }, "no container \"other\""},
      {[](StartView& v) { v.container->podUID = "another"; }, "another pod's"},
      {[](StartView& v) { v.container->compared = json::object{{"process", {{"cwd", "/tmp"}}}}; },
       "process.cwd"},
      {[](StartView& v) { v.image.name = "app:2"; },
       "differs from that of the SandboxSnapshot \"saved\" in image"},
      {[](StartView& v) { v.image.id = "app@sha256:2"; },
       "the pod has the image app@sha256:2, and the SandboxSnapshot \"saved\" was taken with app@sha256:1"},
      {[](StartView& v) { v.image.id = "app:1"; }, "the pod has the image app:1"},
  };
  for (const Case& one : cases) {
    StartView view = good();
    one.change(view);
    const StartAnswer answer = decideStart(request, view);
    EXPECT_EQ(answer.action, StartAction::Refuse) << one.message;
    EXPECT_THAT(answer.message, HasSubstr(one.message));
  }
}

// Of a pod that a pool holds, and that nobody has taken.
StartView heldView() {
  StartView view{.node = "node-1", .runtimeVersion = "v1"};
  view.pod = good().pod;
  view.pod->metadata.ownerReferences[0].kind = "SandboxPool";
  view.pod->metadata.ownerReferences[0].name = "warm";
  view.pod->metadata.ownerReferences[0].uid = "pool-uid";
  view.pool.emplace();
  view.pool->metadata.uid = "pool-uid";
  view.pool->spec.hold = true;
  return view;
}

const StartRequest waiting = [] {
  StartRequest asks = request;
  asks.stage = StartStage::Wait;
  return asks;
}();

TEST(DecideStart, HoldsWhatItsPoolHolds) {
  EXPECT_EQ(poolToRead(request, heldView()), "warm");
  for (const StartRequest& asks : {request, waiting})
    EXPECT_EQ(decideStart(asks, heldView()).action, StartAction::Hold);
}

TEST(DecideStart, HoldsNothingElse) {
  StartView view = heldView();
  view.pool->spec.hold = false;
  EXPECT_EQ(decideStart(request, view).action, StartAction::Start);
  view.pool->spec.hold.reset();
  EXPECT_EQ(decideStart(request, view).action, StartAction::Start);
  view = heldView();
  view.pod->metadata.ownerReferences[0].apiVersion = "apps/v1";
  EXPECT_EQ(decideStart(request, view).action, StartAction::Start);
  EXPECT_EQ(poolToRead(request, view), std::nullopt);
  view.pod->metadata.ownerReferences.clear();
  EXPECT_EQ(decideStart(request, view).action, StartAction::Start) << "whatever its annotation says";
}

TEST(DecideStart, HoldsThePodsOfAPoolThatGoes) {
  StartView view = heldView();
  view.pool.reset();
  EXPECT_EQ(decideStart(waiting, view).action, StartAction::Hold);
  view = heldView();
  view.pool->metadata.uid = "another";
  view.pool->spec.hold = false;
  EXPECT_EQ(decideStart(waiting, view).action, StartAction::Hold);
}

// Somebody else may have taken another pod for the same Sandbox.
TEST(DecideStart, WaitsUntilTheSandboxNamesThePod) {
  StartView view = good();
  for (const char* named : {"", "another"}) {
    view.sandbox->status.podUID = named;
    EXPECT_EQ(decideStart(waiting, view).action, StartAction::Hold);
  }
  view.sandbox->status.podUID = "pod-uid";
  EXPECT_EQ(decideStart(waiting, view).action, StartAction::Restore);
  view.sandbox->spec.restoreFrom.reset();
  EXPECT_EQ(decideStart(waiting, view).action, StartAction::Start);
}

TEST(DecideStart, LetsNothingBeginThatIsOnItsWayOut) {
  StartView leaving = good();
  leaving.sandbox->status.podUID = "pod-uid";
  ASSERT_EQ(decideStart(waiting, leaving).action, StartAction::Restore);
  leaving.sandbox->metadata.deletionTimestamp = Time{};
  EXPECT_EQ(decideStart(waiting, leaving).action, StartAction::Hold);
  leaving.sandbox->metadata.deletionTimestamp.reset();
  leaving.pod->metadata.deletionTimestamp = Time{};
  EXPECT_EQ(decideStart(waiting, leaving).action, StartAction::Hold);
}

TEST(DecideStart, LeavesTheEndOfWhatIsGoneToTheKubelet) {
  StartView view = good();
  view.pod.reset();
  EXPECT_EQ(decideStart(waiting, view).action, StartAction::Hold);
}

}  // namespace
}  // namespace cloister::node
