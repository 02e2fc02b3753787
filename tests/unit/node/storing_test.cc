// A snapshot's way from one node into the store, and from there to another node: two agents with folders of
// their own, an API server and an object store in memory.
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
namespace {

using cloister::test::FakeS3;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const kube::ObjectKey key{"team", "saved"};

class NoRunsc final : public Runsc {
 public:
  Task<Result<std::vector<RunningContainer>>> list() override { co_return std::vector<RunningContainer>(); }
  Task<Result<void>> checkpoint(std::string, std::string) override { co_return Result<void>{}; }
  Task<Result<void>> pause(std::string) override { co_return Result<void>{}; }
  Task<Result<void>> resume(std::string) override { co_return Result<void>{}; }
  Task<Result<void>> kill(std::string) override { co_return Result<void>{}; }
  Task<Result<std::string>> version() override { co_return "v1"; }
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
    return store::Bucket(s3_, clock_, cloister::test::fakePlace,
                         [] { return store::Credentials{.accessKey = "a", .secretKey = "s"}; }, {.tries = 1});
  }
  Parts parts(Stores& stores, Vault& vault, Files& files, std::string node) {
    return {client_, clock_, stores, vault, files, runsc_, clock_.executor(), std::move(node)};
  }
  // By a new process, which knows nothing but what it reads.
  Result<runtime::Outcome> store(Files& files) {
    Vault vault(files, root(1));
    Stores stores;
    sync(stores);
    store::Bucket to = bucket();
    Depot with = depot(to, files);
    Storer storer(parts(stores, vault, files, "node-1"), with);
    return test::run(clock_, storer.reconcile(key, 1));
  }
  Result<runtime::Outcome> store() { return store(*files_); }
  Result<void> fetch(Files& files) {
    Vault vault(files, root(2));
    Stores stores;
    sync(stores);
    store::Bucket from = bucket();
    Depot with = depot(from, files);
    Fetcher fetcher(parts(stores, vault, files, "node-2"), with);
    return test::run(clock_, fetcher.fetch(snapshot()));
  }
  Result<void> fetch() { return fetch(*files_); }
  // The other node has all of it, as it was saved; or nothing.
  void expectWhole() {
    const auto kept = there_.find(id_).value();
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->digest, kept_.digest);
    for (const ManifestFile& file : kept->manifest.files)
      EXPECT_EQ(files_->sumAndSync(kept->folder + "/" + file.name)->sha256, file.sha256);
    EXPECT_THAT(files_->list(root(2) + "/.staging").value(), IsEmpty());
  }
  void expectNothing() {
    EXPECT_EQ(there_.find(id_).value().has_value(), false);
    EXPECT_THAT(files_->list(root(2) + "/.staging").value(), IsEmpty());
  }
  static std::string config(const std::string& podUID) {
    return R"({"annotations":{"io.kubernetes.cri.container-type":"sandbox","io.kubernetes.cri.sandbox-uid":")" +
           podUID + "\"}}";
  }
  // What the other node's agent, which has nothing yet, says to the root container of a pod that continues
  // from it.
  StartAnswer ask() {
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
                    {"spec", {{"nodeName", "node-2"}}}});
    const std::string podUID = uidOf("pods", "next-1");
    folder_.write("bundle/config.json", config(podUID));
    Vault vault(*files_, root(2));
    store::Bucket from = bucket();
    Depot with = depot(from, *files_);
    Agent agent({.client = client_,
                 .clock = clock_,
                 .files = *files_,
                 .vault = vault,
                 .runsc = runsc_,
                 .disk = clock_.executor(),
                 .node = "node-2",
                 .depot = &with});
    TaskGroup group(clock_.executor());
    agent.start(group);
    auto answer = test::run(clock_, agent.answer({.container = "c",
                                                  .kind = ContainerKind::sandbox,
                                                  .bundle = folder_.path("bundle"),
                                                  .podNamespace = "team",
                                                  .podName = "next-1",
                                                  .podUID = podUID}));
    boost::asio::co_spawn(clock_.executor(), group.stop(), boost::asio::detached);
    clock_.runUntilIdle();
    return answer;
  }
  std::string root(int node) { return folder_.path("node-" + std::to_string(node)); }

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
  SnapshotId id_;
  Kept kept_;
};

TEST_F(Storing, GoesFromOneNodeToAnother) {
  ASSERT_TRUE(store());
  EXPECT_EQ(told(), "True/InStore");
  const auto place = status().store.value();
  EXPECT_THAT(place.location, testing::MatchesRegex("saved/[^/]+/team/" + id_.uid + "/[0-9a-f]{8}/"));
  int64_t total = 0;
  for (const auto& [name, text] : s3_.objects) {
    EXPECT_TRUE(name.starts_with(place.location)) << name;
    EXPECT_FALSE(text.contains("state")) << "sealed";
    total += int64_t(text.size());
  }
  EXPECT_EQ(s3_.objects.size(), 3U);
  EXPECT_EQ(place.sizeBytes, total);
  ASSERT_TRUE(fetch());
  expectWhole();
}

TEST_F(Storing, IsDoneOnce) {
  ASSERT_TRUE(store());
  const int calls = s3_.count;
  ASSERT_TRUE(store());
  EXPECT_EQ(s3_.count, calls);
}

TEST_F(Storing, LeavesWhatIsNotReadyHereAlone) {
  for (const auto& [member, value] :
       {std::pair("phase", "Running"), std::pair("phase", "Failed"), std::pair("nodeName", "node-2")}) {
    setStatus([&](json::object& status) {
      status["phase"] = "Ready";
      status["nodeName"] = "node-1";
      status[member] = value;
    });
    ASSERT_TRUE(store());
    EXPECT_EQ(s3_.count, 0) << value;
  }
}

TEST_F(Storing, TellsWhyItCannot) {
  s3_.failAt = 1;
  s3_.lasts = true;
  EXPECT_FALSE(store());
  EXPECT_EQ(told(), "False/StoreUnreachable");
  EXPECT_EQ(status().phase, api::SnapshotPhase::Ready) << "it can be restored here all the same";
  s3_.trouble = FakeS3::Trouble::Denied;
  EXPECT_FALSE(store());
  EXPECT_EQ(told(), "False/StoreRefused");
  s3_.failAt = 0;
  ASSERT_TRUE(store());
  EXPECT_EQ(told(), "True/InStore");
}

TEST_F(Storing, SendsNoFileThatIsNotAsItWasSaved) {
  folder_.write("node-1/team/" + id_.uid + "/checkpoint.img", "stale");
  EXPECT_FALSE(store());
  EXPECT_EQ(told(), "False/StoreRefused");
  EXPECT_THAT(s3_.objects, IsEmpty());
}

TEST_F(Storing, GoesOnWhereItWasInterrupted) {
  ASSERT_TRUE(store());
  const int calls = s3_.count;
  const std::string location = status().store->location;
  for (const auto trouble : {FakeS3::Trouble::Refused, FakeS3::Trouble::LostAnswer}) {
    for (int failAt = 1; failAt <= calls; ++failAt) {
      s3_ = FakeS3();
      setStatus([](json::object& status) {
        status.erase("conditions");
        status.erase("store");
      });
      s3_.trouble = trouble;
      s3_.failAt = failAt;
      EXPECT_FALSE(store()) << failAt;
      const std::string first = status().store->location;
      EXPECT_NE(first, location) << "another key, another place";
      ASSERT_TRUE(store()) << failAt;
      EXPECT_EQ(told(), "True/InStore") << failAt;
      EXPECT_EQ(status().store->location, first) << failAt;
      EXPECT_THAT(s3_.objects, SizeIs(3)) << failAt;
    }
  }
  ASSERT_TRUE(fetch());
  expectWhole();
}

// Each call of the API server fails in turn, by both ways.
TEST_F(Storing, IsToldAfterTheApiServerWasAway) {
  for (const auto fault : {cloister::test::Fault::Refused, cloister::test::Fault::LostAnswer}) {
    for (size_t call = 0; call < 3; ++call) {
      s3_ = FakeS3();
      setStatus([](json::object& status) {
        status.erase("conditions");
        status.erase("store");
      });
      transport_.failCall(transport_.requests().size() + call, fault);
      (void)store();
      ASSERT_TRUE(store());
      EXPECT_EQ(told(), "True/InStore") << call;
      EXPECT_EQ(s3_.objects.size(), 3U) << call;
    }
  }
}

TEST_F(Storing, TakesAnotherKeyWhenItsOwnCannotBeRead) {
  s3_.failAt = 3;
  EXPECT_FALSE(store());
  const auto first = status().store.value();
  keys_ = {{"2", store::base64Of(std::string(store::keyBytes, '2'))}};
  currentKey_ = "2";
  ASSERT_TRUE(store());
  EXPECT_EQ(status().store->keyID, "2");
  EXPECT_NE(status().store->location, first.location);
  ASSERT_TRUE(fetch());
  expectWhole();
}

TEST_F(Storing, IsNotReadWithAnotherStoreKey) {
  ASSERT_TRUE(store());
  keys_["1"] = store::base64Of(std::string(store::keyBytes, '2'));
  EXPECT_THAT(fetch().error().message, HasSubstr("not wrapped with the store key"));
  expectNothing();
}

// Whatever is changed, cut, missing or swapped there: nothing comes of it on the node.
TEST_F(Storing, TakesNothingThatIsNotWhatWasSaved) {
  ASSERT_TRUE(store());
  const auto good = s3_.objects;
  for (const auto& [name, text] : good) {
    for (const size_t at : {size_t(0), text.size() / 2, text.size() - 1}) {
      s3_.objects = good;
      s3_.objects[name][at] ^= 1;
      EXPECT_EQ(fetch().error().code, Errc::InvalidInput) << name << " " << at;
      expectNothing();
    }
    s3_.objects[name] = text.substr(0, text.size() - 1);
    EXPECT_FALSE(fetch()) << name;
    s3_.objects.erase(name);
    EXPECT_EQ(fetch().error().code, Errc::NotFound) << name;
    expectNothing();
  }
  s3_.objects = good;
  std::swap(s3_.objects.begin()->second, std::next(s3_.objects.begin())->second);
  EXPECT_FALSE(fetch());
  expectNothing();
  s3_.objects = good;
  ASSERT_TRUE(fetch());
  expectWhole();
}

TEST_F(Storing, TakesOnlyTheManifestThatTheStatusTells) {
  ASSERT_TRUE(store());
  setStatus([](json::object& status) { status["digest"] = "sha256:other"; });
  EXPECT_THAT(fetch().error().message, HasSubstr("status.digest"));
  expectNothing();
}

TEST_F(Storing, IsFetchedWholeAfterAnyCallFailed) {
  ASSERT_TRUE(store());
  s3_.count = 0;
  ASSERT_TRUE(fetch());
  const int calls = s3_.count;
  for (int failAt = 1; failAt <= calls; ++failAt) {
    ASSERT_TRUE(there_.remove(id_));
    s3_.count = 0;
    s3_.failAt = failAt;
    EXPECT_FALSE(fetch()) << failAt;
    expectNothing();
    ASSERT_TRUE(fetch()) << failAt;
    expectWhole();
  }
}

// By errors of the disk, and by deaths of the agent.
TEST_F(Storing, IsFetchedWholeOrNotWhateverTheDiskDoes) {
  ASSERT_TRUE(store());
  for (const bool dies : {false, true}) {
    for (int failAt = 1;; ++failAt) {
      ASSERT_TRUE(there_.remove(id_));
      FailingFiles files;
      files.failAt = failAt;
      files.dies = dies;
      const bool done = fetch(files).has_value();
      if (files.count < failAt) break;
      ASSERT_TRUE(there_.open()) << "as the next agent does";
      if (there_.find(id_).value()) {
        expectWhole();
      } else {
        EXPECT_FALSE(done) << failAt;
      }
      ASSERT_TRUE(fetch()) << failAt;
      expectWhole();
    }
  }
}

TEST_F(Storing, FetchesNothingThatTheDiskHasNoRoomFor) {
  ASSERT_TRUE(store());
  FailingFiles files;
  files.free = 256 << 20;
  EXPECT_THAT(fetch(files).error().message, HasSubstr("has room for 256 MiB more"));
  expectNothing();
}

TEST_F(Storing, KeepsNothingOfASnapshotThatWentMeanwhile) {
  ASSERT_TRUE(store());
  const api::SandboxSnapshot last = snapshot();
  Stores stores;
  Vault vault(*files_, root(2));
  store::Bucket from = bucket();
  Depot with = depot(from, *files_);
  Fetcher fetcher(parts(stores, vault, *files_, "node-2"), with);
  ASSERT_TRUE(test::run(clock_, fetcher.fetch(last)));
  expectNothing();
}

TEST_F(Storing, ReplacesACopyThatIsNoGood) {
  ASSERT_TRUE(store());
  ASSERT_TRUE(fetch());
  folder_.write("node-2/team/" + id_.uid + "/checkpoint.img", "stale");
  ASSERT_TRUE(fetch());
  expectWhole();
}

TEST_F(Storing, IsRestoredOnAnotherNode) {
  ASSERT_TRUE(store());
  const StartAnswer answer = ask();
  EXPECT_EQ(answer.action, StartAction::Restore) << answer.message;
  EXPECT_EQ(answer.image, root(2) + "/team/" + id_.uid);
}

TEST_F(Storing, IsWaitedForOnAnotherNode) {
  ASSERT_TRUE(store());
  s3_.failAt = 1;
  s3_.lasts = true;
  const Instant before = clock_.instant();
  const StartAnswer answer = ask();
  EXPECT_EQ(answer.action, StartAction::Refuse);
  EXPECT_THAT(answer.message, HasSubstr("it is being fetched from the store, 0 of"));
  EXPECT_THAT(answer.message, HasSubstr("cannot be reached"));
  EXPECT_GE(clock_.instant() - before, seconds(85));
  EXPECT_LT(clock_.instant() - before, seconds(95));
}

TEST_F(Storing, IsNotFetchedBeforeItIsStored) {
  const StartAnswer answer = ask();
  EXPECT_EQ(answer.action, StartAction::Refuse);
  EXPECT_THAT(answer.message, HasSubstr("not Ready on this node"));
  EXPECT_EQ(s3_.count, 0);
}

TEST_F(Storing, TellsHowFetchingStands) {
  ASSERT_TRUE(store());
  Stores stores;
  sync(stores);
  Vault vault(*files_, root(2));
  store::Bucket from = bucket();
  Depot with = depot(from, *files_);
  Fetcher fetcher(parts(stores, vault, *files_, "node-2"), with);
  TaskGroup group(clock_.executor());
  fetcher.start(group);
  s3_.count = 0;
  s3_.failAt = 1;
  EXPECT_THAT(fetcher.want(snapshot()), HasSubstr("0 of"));
  clock_.runUntilIdle();
  EXPECT_THAT(fetcher.want(snapshot()),
              HasSubstr("the last attempt failed: manifest.json: the object store"));
  clock_.runUntilIdle();
  expectWhole();
}

}  // namespace
}  // namespace cloister::node
