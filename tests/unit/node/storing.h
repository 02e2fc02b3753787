// Two nodes with folders of their own, an API server and an object store in memory, and a snapshot that is
// Ready on the first node.
#pragma once

#include <filesystem>

#include <boost/asio/detached.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/agent/agent.h"
#include "tests/support/apiserver/api_server.h"
#include "tests/support/scripted_transport.h"
#include "tests/support/sim_clock.h"
#include "tests/unit/kube/temp_folder.h"
#include "tests/unit/node/files_stub.h"
#include "tests/unit/node/store/fake_s3.h"

namespace cloister::node {

using cloister::test::FakeS3;

class NoRunsc final : public Runsc {
 public:
  Task<Result<std::vector<RunningContainer>>> list() override { co_return running; }
  Task<Result<void>> checkpoint(std::string, std::string) override { co_return Result<void>{}; }
  Task<Result<void>> saveFiles(std::string, std::string, std::string) override { co_return Result<void>{}; }
  Task<Result<void>> pause(std::string) override { co_return Result<void>{}; }
  Task<Result<void>> resume(std::string) override { co_return Result<void>{}; }
  Task<Result<void>> kill(std::string) override { co_return Result<void>{}; }
  Task<Result<std::string>> version() override { co_return installed; }
  Task<Result<std::string>> versionOf(std::string) override {
    if (createdWith.empty()) co_return fail(Errc::NotFound, "there is no copy");
    co_return createdWith;
  }
  Task<Result<std::string>> programOf(std::string version) override { co_return programs[version]; }

  std::string installed = "v1";
  std::string createdWith = "v1";  // every container; empty: nobody knows
  std::vector<RunningContainer> running;
  std::map<std::string, std::string> programs;
};

class Storing : public testing::Test {
 protected:
  Storing() {
    for (const char* name : {"team", "kube-system"})
      server_.create("admin", "namespaces", {{"metadata", {{"name", name}}}});
    for (const char* method : {"GET", "PATCH"}) {
      transport_.on(method, "/",
                    [this](const net::Request& request) { return server_.serve(request, "agent"); });
    }
    keys_["1"] = store::base64Of(std::string(store::keyBytes, '1'));
    server_.create("user", "sandboxsnapshots",
                   {{"metadata", {{"name", "saved"}, {"namespace", "team"}}},
                    {"spec", {{"sandboxRef", {{"name", "box"}}}}}});
    id_ = {.namespace_ = "team", .uid = json::findString(read(), "metadata.uid")};
    EXPECT_TRUE(here_.open());
    EXPECT_TRUE(there_.open());
    const std::string folder = here_.stage(id_).value();
    EXPECT_TRUE(files_->write(folder + "/checkpoint.img", "state"));
    EXPECT_TRUE(files_->write(folder + "/pages.img", std::string(3 << 20, 'p') + "end"));
    const auto container = readContainer(config("p")).value();
    Manifest manifest;
    manifest.snapshotUID = id_.uid;
    manifest.containers = {{.name = container.name, .spec = container.compared}};
    manifest.runtimeVersion = "v1";
    kept_ = here_.publish(id_, std::move(manifest)).value();
    setStatus([&](json::object& status) {
      status = {
          {"phase", "Ready"}, {"nodeName", "node-1"}, {"digest", kept_.digest}, {"runtimeVersion", "v1"}};
    });
  }

  json::value read() { return server_.storage().get({"sandboxsnapshots", {"team", "saved"}})->json; }
  api::SandboxSnapshot snapshot() { return *json::decode<api::SandboxSnapshot>(read()); }
  api::SandboxSnapshotStatus status() { return snapshot().status; }
  void setStatus(const std::function<void(json::object&)>& edit) {
    server_.edit("admin", {"sandboxsnapshots", {"team", "saved"}}, [&](json::value& object) {
      if (!object.as_object().contains("status")) object.as_object()["status"] = json::object();
      edit(object.as_object()["status"].as_object());
    });
  }
  // "status/reason" of the condition Stored.
  std::string told() {
    const auto now = status();
    const api::Condition* stored = api::findCondition(now.conditions, "Stored");
    return stored == nullptr ? "" : stored->status + "/" + stored->reason;
  }
  void sync(Stores& stores) {
    std::vector<api::SandboxSnapshot> all;
    for (const auto& object : server_.storage().list("sandboxsnapshots", ""))
      all.push_back(*json::decode<api::SandboxSnapshot>(object->json));
    stores.snapshots.replace("", std::move(all), std::to_string(server_.storage().revision()));
  }

  Depot depot(store::Bucket& bucket, Files& files) {
    return Depot({.bucket = bucket,
                  .files = files,
                  .disk = clock_.executor(),
                  .keyRing = [this] { return store::parseKeys(keys_, currentKey_); },
                  .prefix = "saved/"});
  }
  store::Bucket bucket() {
    return store::Bucket(s3_, clock_, place_,
                         store::atOnce([] { return store::Credentials{.accessKey = "a", .secretKey = "s"}; }),
                         {.tries = 1});
  }
  Parts parts(Stores& stores, Vault& vault, Files& files, std::string node) {
    return {client_, clock_, stores, vault, files, runsc_, clock_.executor(), std::move(node)};
  }
  // By a new process, which knows nothing but what it reads.
  Result<runtime::Outcome> store(Files& files, Vault& vault) {
    Stores stores;
    sync(stores);
    store::Bucket to = bucket();
    Depot with = depot(to, files);
    Storer storer(parts(stores, vault, files, "node-1"), with,
                  [this](const SnapshotId& id) { reported_.push_back(id); });
    return test::run(clock_, storer.reconcile(key_, 1));
  }
  Result<runtime::Outcome> store() {
    Vault vault(*files_, root(1));
    return store(*files_, vault);
  }
  Result<void> fetch(Files& files) {
    Vault vault(files, root(2));
    Stores stores;
    sync(stores);
    store::Bucket from = bucket();
    Depot with = depot(from, files);
    Fetcher fetcher(parts(stores, vault, files, "node-2"), with, 1);
    return test::run(clock_, fetcher.fetch(snapshot()));
  }
  Result<void> fetch() { return fetch(*files_); }
  // The agent of NODE looks at the snapshot, and has VAULT.
  Result<runtime::Outcome> reconcile(int node, Vault& vault) {
    Stores stores;
    sync(stores);
    Reconciler reconciler(parts(stores, vault, *files_, nameOf(node)));
    return test::run(clock_, reconciler.reconcile(key_, 1));
  }
  // The other node has all of it, as it was saved; or nothing.
  void expectWhole() { expectWhole(there_); }
  void expectWhole(Vault& vault) {
    const auto kept = vault.find(id_).value();
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->digest, kept_.digest);
    for (const ManifestFile& file : kept->manifest.files)
      EXPECT_EQ(files_->sumAndSync(kept->folder + "/" + file.name)->sha256, file.sha256);
    EXPECT_EQ(files_->list(root(1) + "/.staging").value().size(), 0U);
    EXPECT_EQ(files_->list(root(2) + "/.staging").value().size(), 0U);
  }
  void expectNothing() {
    EXPECT_EQ(there_.find(id_).value().has_value(), false);
    EXPECT_EQ(files_->list(root(2) + "/.staging").value().size(), 0U);
  }
  static std::string config(const std::string& podUID) {
    return R"({"annotations":{"io.kubernetes.cri.container-type":"sandbox","io.kubernetes.cri.sandbox-uid":")" +
           podUID + "\"}}";
  }
  // A pod on NODE that continues from it, made once.
  void createPod(int node = 2) {
    server_.create("user", "sandboxes",
                   {{"metadata", {{"name", "next"}, {"namespace", "team"}}},
                    {"spec", {{"restoreFrom", {{"name", "saved"}}}}}});
    const auto uidOf = [this](const char* plural, const char* name) {
      return json::findString(server_.storage().get({plural, {"team", name}})->json, "metadata.uid");
    };
    server_.create("operator", "pods",
                   {{"metadata",
                     {{"name", "next-1"},
                      {"namespace", "team"},
                      {"ownerReferences", json::array{{{"apiVersion", "cloister.dev/v1alpha1"},
                                                       {"kind", "Sandbox"},
                                                       {"name", "next"},
                                                       {"uid", uidOf("sandboxes", "next")},
                                                       {"controller", true}}}}}},
                    {"spec", {{"nodeName", nameOf(node)}}}});
    podUID_ = uidOf("pods", "next-1");
    folder_.write("bundle/config.json", config(podUID_));
  }
  // What the agent of NODE, which begins now, says to the root container of that pod.
  StartAnswer ask(Files& files, int node = 2) {
    if (podUID_.empty()) createPod(node);
    RunningAgent agent(*this, node, files);
    return agent.ask();
  }
  StartAnswer ask(int node = 2) { return ask(*files_, node); }
  static std::string nameOf(int node) { return "node-" + std::to_string(node); }

  // The agent of NODE, all of it.
  class RunningAgent {
   public:
    RunningAgent(Storing& with, int node, Files& files)
        : with_(with),
          vault_(files, with.root(node)),
          bucket_(with.bucket()),
          depot_(with.depot(bucket_, files)),
          agent_({.client = with.client_,
                  .clock = with.clock_,
                  .files = files,
                  .vault = vault_,
                  .runsc = with.runsc_,
                  .disk = with.clock_.executor(),
                  .node = nameOf(node),
                  .depot = with.hasDepot_ ? &depot_ : nullptr,
                  .installed = with.installed_,
                  .copies = with.copies_}),
          group_(with.clock_.executor()) {
      agent_.start(group_);
    }
    RunningAgent(const RunningAgent&) = delete;
    RunningAgent& operator=(const RunningAgent&) = delete;
    ~RunningAgent() {
      boost::asio::co_spawn(with_.clock_.executor(), group_.stop(), boost::asio::detached);
      with_.clock_.runUntilIdle();
    }

    Task<StartAnswer> question(ContainerKind kind = ContainerKind::sandbox,
                               StartStage stage = StartStage::Start) {
      return agent_.answer({.container = "c",
                            .kind = kind,
                            .bundle = with_.folder_.path("bundle"),
                            .podNamespace = "team",
                            .podName = "next-1",
                            .podUID = with_.podUID_,
                            .stage = stage});
    }
    StartAnswer ask(ContainerKind kind = ContainerKind::sandbox, StartStage stage = StartStage::Start) {
      return test::run(with_.clock_, question(kind, stage));
    }
    Vault& vault() { return vault_; }

   private:
    Storing& with_;
    Vault vault_;
    store::Bucket bucket_;
    Depot depot_;
    Agent agent_;
    TaskGroup group_;
  };

  std::string root(int node) { return folder_.path(nameOf(node)); }

  cloister::test::TempFolder folder_;
  cloister::test::SimClock clock_;
  cloister::test::ScriptedTransport transport_{clock_};
  cloister::test::ApiServer server_{clock_};
  kube::Client client_{transport_, clock_};
  NoRunsc runsc_;
  std::unique_ptr<Files> files_ = realFiles();
  Vault here_{*files_, root(1)};
  Vault there_{*files_, root(2)};
  FakeS3 s3_;
  std::map<std::string, std::string> keys_;
  std::string currentKey_ = "1";
  kube::ObjectKey key_{"team", "saved"};
  SnapshotId id_;
  Kept kept_;
  std::string podUID_;                              // of createPod()
  bool hasDepot_ = true;                            // of the agents
  std::string installed_;                           // their runsc, and
  std::string copies_;                              // ... where they keep copies
  store::Place place_ = cloister::test::fakePlace;  // of their bucket
  std::vector<SnapshotId> reported_;                // as corrupt, by the storer
};

}  // namespace cloister::node
