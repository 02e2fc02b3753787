// The agent's SandboxSnapshot controller against an API server in memory, a runsc that the test plays, and a
// real folder.
#include "node/agent/reconciler.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/apiserver/api_server.h"
#include "tests/support/scripted_transport.h"
#include "tests/support/sim_clock.h"
#include "tests/unit/kube/temp_folder.h"
#include "tests/unit/node/files_stub.h"

namespace cloister::node {
namespace {

using cloister::test::Fault;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const kube::ObjectKey key{"team", "saved"};

class FakeRunsc final : public Runsc {
 public:
  std::vector<RunningContainer> containers;
  std::optional<Error> failure;
  std::function<void()> meanwhile = [] {};
  std::vector<std::string> checkpoints;
  std::vector<std::string> files;

  Task<Result<std::vector<RunningContainer>>> list() override { co_return containers; }
  Task<Result<void>> checkpoint(std::string rootId, std::string folder) override {
    checkpoints.push_back(rootId);
    std::ofstream(folder + "/checkpoint.img") << "state of " << rootId;
    meanwhile();
    if (failure) co_return fail(*failure);
    co_return Result<void>{};
  }
  Task<Result<void>> saveFiles(std::string rootId, std::string name, std::string folder) override {
    files.push_back(rootId + "/" + name);
    std::ofstream(folder + "/multitar.img") << "files";
    co_return Result<void>{};
  }
  Task<Result<void>> pause(std::string) override { co_return Result<void>{}; }
  Task<Result<void>> resume(std::string) override { co_return Result<void>{}; }
  Task<Result<void>> kill(std::string) override { co_return Result<void>{}; }
  Task<Result<std::string>> version() override { co_return "v1"; }
  Task<Result<std::string>> versionOf(std::string bundle) override {
    asked.push_back(bundle);
    co_return createdWith;
  }
  std::string createdWith = "v1";
  std::vector<std::string> asked;
};

class AgentReconciler : public testing::Test {
 protected:
  AgentReconciler() {
    server_.create("admin", "namespaces", {{"metadata", {{"name", "team"}}}});
    for (const char* method : {"GET", "PATCH"}) {
      transport_.on(method, "/",
                    [this](const net::Request& request) { return server_.serve(request, "agent"); });
    }
    EXPECT_TRUE(vault_.open());
    create("sandboxes", {{"metadata", {{"name", "box"}, {"namespace", "team"}}}, {"spec", json::object()}});
    createPod();
    tellImage("app@sha256:1");
    podUID_ = json::findString(read("pods", "box-1"), "metadata.uid");
    addContainer("root-id", "sandbox", "");
    addContainer("box-id", "container",
                 R"(,"dev.gvisor.spec.mount.workspace.type":"bind","io.kubernetes.cri.image-name":"app:1")");
    server_.edit("operator", {"sandboxes", {"team", "box"}}, [&](json::value& sandbox) {
      sandbox.as_object()["status"] = {{"phase", "Running"}, {"podUID", podUID_}, {"runtime", "gvisor"}};
    });
    writeConfigs();
  }

  void create(const std::string& plural, json::value object) {
    server_.create("user", plural, std::move(object));
  }
  void createSnapshot(const char* mode = "Memory") {
    create("sandboxsnapshots", {{"metadata", {{"name", "saved"}, {"namespace", "team"}}},
                                {"spec", {{"sandboxRef", {{"name", "box"}}}, {"mode", mode}}}});
  }
  json::value read(const std::string& plural, const std::string& name) {
    const auto found = server_.storage().get({plural, {"team", name}});
    return found ? found->json : json::value();
  }
  api::SandboxSnapshotStatus status() {
    return json::decode<api::SandboxSnapshot>(read("sandboxsnapshots", "saved"))->status;
  }
  std::string reason() {
    const auto now = status();
    const api::Condition* ready = api::findCondition(now.conditions, "Ready");
    return ready == nullptr ? "" : ready->reason;
  }

  void createPod() {
    const std::string uid = json::findString(read("sandboxes", "box"), "metadata.uid");
    create(
        "pods",
        {{"metadata",
          {{"name", "box-1"},
           {"namespace", "team"},
           {"labels", {{"cloister.dev/sandbox", "box"}}},
           {"ownerReferences", json::array{{{"apiVersion", "cloister.dev/v1alpha1"},
                                            {"kind", "Sandbox"},
                                            {"name", "box"},
                                            {"uid", uid},
                                            {"controller", true}}}}}},
         {"spec",
          {{"nodeName", "node-1"}, {"containers", json::array{{{"name", "sandbox"}, {"image", "app:1"}}}}}}});
  }
  // By the kubelet; the pod runs.
  void tellImage(const char* id) {
    server_.edit("kubelet", {"pods", {"team", "box-1"}}, [&](json::value& pod) {
      pod.as_object()["status"] = {
          {"phase", "Running"}, {"containerStatuses", json::array{{{"name", "sandbox"}, {"imageID", id}}}}};
    });
  }
  void addContainer(const std::string& id, const std::string& type, const std::string& annotations) {
    runsc_.containers.push_back({.id = id, .bundle = folder_.path(id), .podUID = podUID_});
    configs_[id] = {type, annotations};
  }
  void writeConfigs() {
    for (const auto& [id, config] : configs_) {
      folder_.write(
          id + "/config.json",
          R"({"annotations":{"io.kubernetes.cri.container-type":")" + config.first +
              R"(","io.kubernetes.cri.container-name":"sandbox","io.kubernetes.cri.sandbox-uid":")" +
              podUID_ + "\"" + config.second + "}}");
    }
  }

  // Of the sandbox, to 1 GiB.
  void limitMemory() {
    folder_.write(
        "box-id/config.json",
        R"({"linux":{"resources":{"memory":{"limit":1073741824}}},"annotations":{
        "io.kubernetes.cri.sandbox-uid":")" +
            podUID_ +
            R"(","io.kubernetes.cri.container-type":"container","io.kubernetes.cri.container-name":"sandbox",
        "dev.gvisor.spec.mount.workspace.type":"bind"}})");
  }

  // ... and its files to 1 GiB.
  void limitFiles() {
    for (auto& [id, config] : configs_) {
      config.second +=
          R"(,"dev.gvisor.spec.mount.workspace.options":"size=536870912","dev.gvisor.flag.overlay2":"root:self,size=536870912")";
    }
    writeConfigs();
  }

  // The watches catch up.
  void sync(Stores& stores) {
    const std::string version = std::to_string(server_.storage().revision());
    stores.snapshots.replace("", all<api::SandboxSnapshot>("sandboxsnapshots"), version);
    stores.pods.replace("", all<api::Pod>("pods"), version);
  }
  template <class T>
  std::vector<T> all(const std::string& plural) {
    std::vector<T> found;
    for (const auto& object : server_.storage().list(plural, ""))
      found.push_back(*json::decode<T>(object->json));
    return found;
  }

  // By a new process, which knows nothing but what it reads.
  Result<runtime::Outcome> reconcile(Files& files) {
    Vault vault(files, root_);
    if (auto opened = vault.open(); !opened) return fail(opened.error());
    Stores stores;
    sync(stores);
    Reconciler reconciler(
        {client_, clock_, stores, vault, files, runsc_, clock_.executor(), "node-1", nullptr, quota_});
    return test::run(clock_, reconciler.reconcile(key, 1));
  }
  Result<runtime::Outcome> reconcile() { return reconcile(*files_); }

  cloister::test::TempFolder folder_;
  std::string root_ = folder_.path("store");
  std::map<std::string, std::pair<std::string, std::string>> configs_;
  std::string podUID_;
  int64_t quota_ = 0;  // of what is kept
  cloister::test::SimClock clock_;
  cloister::test::ScriptedTransport transport_{clock_};
  cloister::test::ApiServer server_{clock_};
  kube::Client client_{transport_, clock_};
  FakeRunsc runsc_;
  std::unique_ptr<Files> files_ = realFiles();
  Vault vault_{*files_, root_};
};

// A node may have hundreds of them.
TEST_F(AgentReconciler, LooksAtNoOtherPodsContainers) {
  runsc_.containers.push_back({.id = "other-id", .bundle = folder_.path("other-id"), .podUID = "other"});
  folder_.write("other-id/config.json/is", "a folder");
  createSnapshot();
  EXPECT_TRUE(reconcile());
  EXPECT_EQ(status().phase, api::SnapshotPhase::Ready);
}

TEST_F(AgentReconciler, TakesASnapshot) {
  createSnapshot();
  ASSERT_TRUE(reconcile());
  EXPECT_THAT(runsc_.checkpoints, ElementsAre("root-id"));
  EXPECT_EQ(status().phase, api::SnapshotPhase::Ready);
  EXPECT_EQ(status().nodeName, "node-1");
  EXPECT_EQ(status().podUID, podUID_);
  EXPECT_EQ(status().sizeBytes, 16);
  const auto kept = vault_.all().value();
  ASSERT_EQ(kept.size(), 1U);
  const Kept found = *vault_.find(kept.front()).value();
  EXPECT_EQ(found.digest, status().digest);
  ASSERT_EQ(found.manifest.containers.size(), 2U);
  EXPECT_EQ(found.manifest.containers[0].image, Image{}) << "the root container's is nobody's";
  EXPECT_EQ(found.manifest.containers[1].image, (Image{.name = "app:1", .id = "app@sha256:1"}));
  EXPECT_FALSE(json::find(found.manifest.containers[1].spec, "annotations")
                   ->as_object()
                   .contains("io.kubernetes.cri.image-name"));
  EXPECT_EQ(status().image, "app:1");
  EXPECT_EQ(status().imageID, "app@sha256:1");
  ASSERT_TRUE(reconcile());
  EXPECT_EQ(runsc_.checkpoints.size(), 1U) << "once";
}

TEST_F(AgentReconciler, SavesTheFilesOfTheTenantsContainerAlone) {
  createSnapshot("Filesystem");
  ASSERT_TRUE(reconcile());
  EXPECT_THAT(runsc_.checkpoints, IsEmpty());
  EXPECT_THAT(runsc_.files, ElementsAre("root-id/sandbox"));
  EXPECT_EQ(status().phase, api::SnapshotPhase::Ready);
  EXPECT_EQ(status().sizeBytes, 5);
  EXPECT_EQ(status().image, "app:1");
}

TEST_F(AgentReconciler, SavesNoFilesThatTheDiskMayHaveNoRoomFor) {
  limitFiles();
  createSnapshot("Filesystem");
  FailingFiles full;
  full.free = (int64_t(1280) << 20) - 1;
  EXPECT_FALSE(reconcile(full)) << "so that it is tried again";
  EXPECT_THAT(api::findCondition(status().conditions, "Ready")->message, HasSubstr("limits of its disks"));
  EXPECT_THAT(runsc_.files, IsEmpty());
  full.free = int64_t(1280) << 20;
  ASSERT_TRUE(reconcile(full));
  EXPECT_EQ(reason(), "Taken");
}

TEST_F(AgentReconciler, TellsTheVersionThatTheSandboxWasCreatedWith) {
  createSnapshot();
  runsc_.createdWith = "v0";
  ASSERT_TRUE(reconcile());
  EXPECT_EQ(status().runtimeVersion, "v0");
  ASSERT_THAT(runsc_.asked, ElementsAre(testing::EndsWith("root-id")));
}

TEST_F(AgentReconciler, LeavesSnapshotsOfOtherNodesAlone) {
  server_.edit("user", {"pods", {"team", "box-1"}},
               [](json::value& pod) { pod.as_object()["metadata"].as_object()["labels"] = json::object(); });
  createSnapshot();
  ASSERT_TRUE(reconcile());
  EXPECT_THAT(runsc_.checkpoints, IsEmpty());
  EXPECT_FALSE(status().phase);
}

TEST_F(AgentReconciler, TellsOfARuntimeThatFailsAndTriesAgain) {
  createSnapshot();
  runsc_.failure = Error{Errc::Internal, "runsc failed (128): no space left on device"};
  EXPECT_FALSE(reconcile()) << "so that it is tried again";
  EXPECT_EQ(reason(), "Retrying");
  EXPECT_THAT(vault_.all().value(), IsEmpty());
  runsc_.failure.reset();
  ASSERT_TRUE(reconcile());
  EXPECT_EQ(reason(), "Taken");
}

// The kubelet tells a moment after the start. What was saved without it could be restored on other files.
TEST_F(AgentReconciler, TakesNoneUntilItIsKnownOfWhichImage) {
  tellImage("");
  createSnapshot();
  EXPECT_FALSE(reconcile()) << "so that it is tried again";
  EXPECT_EQ(reason(), "Retrying");
  EXPECT_THAT(runsc_.checkpoints, IsEmpty());
  tellImage("app@sha256:1");
  ASSERT_TRUE(reconcile());
  EXPECT_EQ(status().imageID, "app@sha256:1");
}

TEST_F(AgentReconciler, TakesNoImageForItsOwnThatAnotherPodHas) {
  createSnapshot();
  Stores stores;
  sync(stores);
  server_.erase("user", {"pods", {"team", "box-1"}});
  createPod();
  tellImage("app@sha256:2");
  Reconciler reconciler({client_, clock_, stores, vault_, *files_, runsc_, clock_.executor(), "node-1"});
  EXPECT_FALSE(cloister::test::run(clock_, reconciler.reconcile(key, 1)));
  EXPECT_THAT(runsc_.checkpoints, IsEmpty());
}

TEST_F(AgentReconciler, LeavesNothingOfAnAttemptThatFailed) {
  createSnapshot();
  runsc_.failure = Error{Errc::Internal, "runsc failed (128): no space left on device"};
  Stores stores;
  sync(stores);
  Reconciler reconciler({client_, clock_, stores, vault_, *files_, runsc_, clock_.executor(), "node-1"});
  EXPECT_FALSE(cloister::test::run(clock_, reconciler.reconcile(key, 1)));
  EXPECT_THAT(files_->list(root_ + "/.staging").value(), IsEmpty());
}

// The sandbox is not even stopped for it.
TEST_F(AgentReconciler, TakesNoneThatTheDiskMayHaveNoRoomFor) {
  limitMemory();
  createSnapshot();
  FailingFiles full;
  full.free = (int64_t(1280) << 20) - 1;
  EXPECT_FALSE(reconcile(full)) << "so that it is tried again";
  EXPECT_EQ(reason(), "Retrying");
  EXPECT_THAT(api::findCondition(status().conditions, "Ready")->message, HasSubstr("1280 MiB"));
  EXPECT_THAT(runsc_.checkpoints, IsEmpty());
  full.free = int64_t(1280) << 20;
  ASSERT_TRUE(reconcile(full));
  EXPECT_EQ(reason(), "Taken");
}

TEST_F(AgentReconciler, TakesNoneBeyondTheQuota) {
  limitMemory();
  createSnapshot();
  quota_ = (int64_t(1) << 30) - 1;
  EXPECT_FALSE(reconcile()) << "so that it is tried again";
  EXPECT_EQ(reason(), "Retrying");
  EXPECT_THAT(api::findCondition(status().conditions, "Ready")->message,
              HasSubstr("it needs 1024 MiB, and snapshots.localQuota allows"));
  EXPECT_THAT(runsc_.checkpoints, IsEmpty());
  quota_ = int64_t(1) << 30;
  ASSERT_TRUE(reconcile());
  EXPECT_EQ(reason(), "Taken");
}

TEST_F(AgentReconciler, TellsWhenWhatItKeptIsDamaged) {
  files_->makeFolder(root_ + "/other-team/other").value();
  for (const char* file : {"manifest.json", "checkpoint.img", ""}) {
    createSnapshot();
    ASSERT_TRUE(reconcile());
    const std::string folder =
        root_ + "/team/" + json::findString(read("sandboxsnapshots", "saved"), "metadata.uid");
    files_->remove(*file == '\0' ? folder : folder + "/" + file).value();
    ASSERT_TRUE(reconcile());
    EXPECT_EQ(status().phase, api::SnapshotPhase::Failed) << file;
    EXPECT_EQ(reason(), "Corrupt") << file;
    ASSERT_TRUE(reconcile());
    EXPECT_EQ(reason(), "Corrupt") << "for ever";
    server_.erase("user", {"sandboxsnapshots", key});
    ASSERT_TRUE(reconcile());
    EXPECT_EQ(vault_.all().value().size(), 1U) << "the other team's";
  }
}

TEST_F(AgentReconciler, TakesADiskThatIsNotMountedForNoDamage) {
  createSnapshot();
  ASSERT_TRUE(reconcile());
  files_->rename(root_, root_ + "-unmounted").value();
  EXPECT_FALSE(reconcile()) << "so that it is looked at again";
  EXPECT_EQ(reason(), "Taken");
}

TEST_F(AgentReconciler, RefusesAWorkspaceThatIsAVolume) {
  configs_["box-id"].second = "";
  writeConfigs();
  createSnapshot();
  EXPECT_FALSE(reconcile());
  EXPECT_EQ(status().phase, api::SnapshotPhase::Failed);
  EXPECT_EQ(reason(), "WorkspaceNotSnapshottable");
  EXPECT_THAT(runsc_.checkpoints, IsEmpty());
}

TEST_F(AgentReconciler, RemovesWhatNobodyWantsAnyMore) {
  createSnapshot();
  ASSERT_TRUE(reconcile());
  server_.erase("user", {"sandboxsnapshots", key});
  ASSERT_TRUE(reconcile());
  EXPECT_THAT(vault_.all().value(), IsEmpty());
}

TEST_F(AgentReconciler, KeepsTheOthersOfTheNamespace) {
  createSnapshot();
  ASSERT_TRUE(reconcile());
  Vault vault(*files_, root_);
  const auto kept = vault_.all().value();
  const SnapshotId orphan{.namespace_ = "team", .uid = "of-nobody"};
  files_->makeFolder(root_ + "/team/" + orphan.uid).value();
  Stores stores;
  sync(stores);
  Reconciler reconciler({client_, clock_, stores, vault, *files_, runsc_, clock_.executor(), "node-1"});
  ASSERT_TRUE(cloister::test::run(clock_, reconciler.reconcile({"team", "another"}, 1)));
  EXPECT_EQ(vault_.all().value(), kept);
}

TEST_F(AgentReconciler, KeepsNothingOfASnapshotThatWasDeletedMeanwhile) {
  createSnapshot();
  runsc_.meanwhile = [this] {
    if (server_.storage().get({"sandboxsnapshots", key})) server_.erase("user", {"sandboxsnapshots", key});
  };
  (void)reconcile();
  ASSERT_TRUE(reconcile());
  EXPECT_THAT(vault_.all().value(), IsEmpty());
}

// Whatever operation on the disk fails, or is the last before the agent dies: the next one gets it done, and
// what the status tells is there.
TEST_F(AgentReconciler, GetsItDoneWhateverStepFails) {
  for (const bool dies : {false, true}) {
    for (int step = 1;; ++step) {
      createSnapshot();
      FailingFiles broken;
      broken.failAt = step;
      broken.dies = dies;
      const auto first = reconcile(broken);
      ASSERT_TRUE(reconcile()) << step;
      ASSERT_EQ(reason(), "Taken") << step;
      const auto kept = vault_.all().value();
      ASSERT_EQ(kept.size(), 1U) << step;
      EXPECT_EQ(vault_.find(kept.front()).value()->digest, status().digest) << step;
      server_.erase("user", {"sandboxsnapshots", key});
      ASSERT_TRUE(reconcile()) << step;
      EXPECT_THAT(vault_.all().value(), IsEmpty()) << step;
      if (first && broken.count < step) break;
      ASSERT_LT(step, 60);
    }
  }
}

// ... and whatever call of the API server.
class AgentReconcilerFaults : public AgentReconciler, public testing::WithParamInterface<Fault> {};

TEST_P(AgentReconcilerFaults, AreOvercome) {
  for (size_t call = 0;; ++call) {
    createSnapshot();
    const size_t before = transport_.requests().size();
    transport_.failCall(before + call, GetParam());
    (void)reconcile();
    if (transport_.requests().size() <= before + call) return;
    ASSERT_TRUE(reconcile());
    EXPECT_EQ(reason(), "Taken") << call;
    EXPECT_EQ(vault_.all().value().size(), 1U);
    server_.erase("user", {"sandboxsnapshots", key});
    ASSERT_TRUE(reconcile());
    ASSERT_LT(call, 20U);
  }
}

INSTANTIATE_TEST_SUITE_P(All, AgentReconcilerFaults,
                         testing::Values(Fault::Refused, Fault::LostAnswer, Fault::Silent));

}  // namespace
}  // namespace cloister::node
