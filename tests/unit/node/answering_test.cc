// What a node's agent answers to the containers of a pod that continues from a stored snapshot.
#include "tests/unit/node/storing.h"

namespace cloister::node {
namespace {

using testing::HasSubstr;

class Answering : public Storing {
 protected:
  // From now on, in BEGIN, and again from END on.
  void without(Duration begin, Duration end) {
    const Instant now = clock_.instant();
    clock_.at(now + begin, [this] { transport_.failAll(cloister::test::Fault::Refused); });
    clock_.at(now + end, [this] { transport_.failAll(std::nullopt); });
  }
};

TEST_F(Answering, IsRestoredOnAnotherNode) {
  ASSERT_TRUE(store());
  const StartAnswer answer = ask();
  EXPECT_EQ(answer.action, StartAction::Restore) << answer.message;
  EXPECT_EQ(answer.image, root(2) + "/team/" + id_.uid);
}

TEST_F(Answering, IsWaitedForOnAnotherNode) {
  ASSERT_TRUE(store());
  s3_.count = 0;
  s3_.failAt = 1;
  s3_.lasts = true;
  const Instant before = clock_.instant();
  const StartAnswer answer = ask();
  EXPECT_EQ(answer.action, StartAction::Refuse);
  EXPECT_THAT(answer.message, HasSubstr("it is being fetched from the store, 0 of"));
  EXPECT_THAT(answer.message, HasSubstr("cannot be reached"));
  EXPECT_GE(clock_.instant() - before, seconds(85));
  EXPECT_LT(clock_.instant() - before, seconds(95));
  EXPECT_LE(s3_.count, 8) << "attempts have pauses that grow";
}

TEST_F(Answering, IsNotFetchedBeforeItIsStored) {
  const StartAnswer answer = ask();
  EXPECT_EQ(answer.action, StartAction::Refuse);
  EXPECT_THAT(answer.message, HasSubstr("not Ready on this node"));
  EXPECT_EQ(s3_.count, 0);
}

TEST_F(Answering, RefusesAtOnceWhatNoWaitingMends) {
  ASSERT_TRUE(store());
  const auto good = s3_.objects;
  const auto keys = keys_;
  createPod();
  for (const auto& spoil : {std::function<void()>([&] { s3_.objects.clear(); }),
                            std::function<void()>([&] { s3_.objects.begin()->second[9] ^= 1; }),
                            std::function<void()>([&] { keys_["1"] = keys_["2"]; }),
                            std::function<void()>([&] { place_.bucket = "other"; })}) {
    keys_["2"] = store::base64Of(std::string(store::keyBytes, '2'));
    spoil();
    RunningAgent agent(*this, 2, *files_);
    const Instant before = clock_.instant();
    const StartAnswer answer = agent.ask();
    EXPECT_EQ(answer.action, StartAction::Refuse);
    EXPECT_THAT(answer.message, HasSubstr("it could not be fetched from the store: "));
    EXPECT_LE(clock_.instant() - before, seconds(1));
    s3_.objects = good;
    keys_ = keys;
    place_ = cloister::test::fakePlace;
    expectNothing();
  }
}

// Whoever has mended it makes another pod, and does not learn from that how it was before.
TEST_F(Answering, TriesWhatFailedForGoodAgainForALaterPod) {
  ASSERT_TRUE(store());
  createPod();
  const auto good = s3_.objects;
  RunningAgent agent(*this, 2, *files_);
  for (int i = 0; i < 3; ++i) {
    s3_.objects.clear();
    const std::string why = agent.ask().message;
    EXPECT_THAT(why, HasSubstr("it could not be fetched from the store: "));
    s3_.objects = good;
    clock_.advance(seconds(300));
    s3_.count = 0;
    EXPECT_EQ(agent.ask(ContainerKind::container).message, why) << "of the same pod";
    EXPECT_EQ(s3_.count, 0);
    clock_.runUntilIdle();
    expectNothing();
    s3_.objects.clear();
    EXPECT_EQ(agent.ask().action, StartAction::Refuse);
    s3_.objects = good;
    EXPECT_EQ(agent.ask().action, StartAction::Restore) << "at once";
    ASSERT_TRUE(agent.vault().remove(id_));
  }
}

// It has been asked all the time.
TEST_F(Answering, BearsThatTheApiServerIsAwayWhileItFetches) {
  ASSERT_TRUE(store());
  s3_.failAt = s3_.count + 1;
  s3_.lasts = true;
  createPod();
  without(seconds(30), seconds(40));
  clock_.at(clock_.instant() + seconds(41), [this] { s3_.failAt = 0; });
  EXPECT_EQ(ask().action, StartAction::Restore);
}

TEST_F(Answering, GivesUpWhenTheApiServerStaysAway) {
  ASSERT_TRUE(store());
  s3_.failAt = s3_.count + 1;
  s3_.lasts = true;
  createPod();
  for (const Duration begin : {seconds(30), seconds(88)}) {
    const Instant before = clock_.instant();
    without(begin, seconds(300));
    EXPECT_THAT(ask().message, HasSubstr("cannot find out about the pod"));
    EXPECT_GE(clock_.instant() - before, std::min(begin + Duration(seconds(13)), Duration(seconds(94))));
    EXPECT_LE(clock_.instant() - before, std::min(begin + Duration(seconds(16)), Duration(seconds(95))))
        << "cloister-runsc waits no longer";
    clock_.advance(seconds(600));
  }
}

// gVisor has started the root container all the same, with nothing in it.
TEST_F(Answering, GivesAllContainersOfAPodTheSameAnswer) {
  ASSERT_TRUE(store());
  createPod();
  RunningAgent agent(*this, 2, *files_);
  s3_.failAt = s3_.count + 1;
  s3_.lasts = true;
  EXPECT_EQ(agent.ask().action, StartAction::Refuse);
  s3_.failAt = 0;
  clock_.advance(std::chrono::minutes(5));
  const Instant before = clock_.instant();
  for (int i = 0; i < 2; ++i) {
    const StartAnswer answer = agent.ask(ContainerKind::container);
    EXPECT_EQ(answer.action, StartAction::Refuse);
    clock_.runUntilIdle();
  }
  EXPECT_EQ(clock_.instant(), before) << "it does not wait for what does not help";
  expectWhole();
  EXPECT_THAT(agent.ask(ContainerKind::container).message,
              HasSubstr("the pod's root container was not restored: "));
  EXPECT_EQ(agent.ask().action, StartAction::Restore) << "that of the pod's next sandbox";
  EXPECT_EQ(agent.ask(ContainerKind::container).action, StartAction::Restore);
}

// Its root container was started all the same, by then.
TEST_F(Answering, StartsWhatWouldBeginFromAGoldenSnapshotWhereItsRootWasRefused) {
  createPod(1);
  server_.edit("admin", {"sandboxes", {"team", "next"}}, [&](json::value& object) {
    object.at("spec").as_object().erase("restoreFrom");
    object.as_object()["status"] = {{"golden", {{"snapshotName", "saved"}, {"snapshotUID", id_.uid}}}};
  });
  server_.edit("operator", {"pods", {"team", "next-1"}}, [](json::value& pod) {
    pod.at("metadata").as_object()["annotations"] = {{api::restoreAnnotation, "golden/saved"}};
  });
  RunningAgent agent(*this, 1, *files_);
  EXPECT_EQ(agent.ask(ContainerKind::container).action, StartAction::Restore);
  transport_.failAll(cloister::test::Fault::Refused);
  EXPECT_EQ(agent.ask().action, StartAction::Refuse);
  transport_.failAll(std::nullopt);
  EXPECT_EQ(agent.ask(ContainerKind::container).action, StartAction::Start);
  EXPECT_EQ(agent.ask().action, StartAction::Restore) << "of another try";
  EXPECT_EQ(agent.ask().action, StartAction::Start) << "which has failed";
}

// A disk that cannot be read proves nothing of what it has.
TEST_F(Answering, FetchesNothingBecauseOfADiskThatCannotBeRead) {
  ASSERT_TRUE(store());
  ASSERT_TRUE(fetch());
  const int calls = s3_.count;
  FailingFiles files;
  files.failAt = 1;
  files.dies = true;
  EXPECT_THAT(ask(files).message, HasSubstr("cannot find out about the pod: broken"));
  EXPECT_EQ(s3_.count, calls);
  expectWhole();
}

TEST_F(Answering, SaysThatThereIsNoStoreToFetchFrom) {
  ASSERT_TRUE(store());
  hasDepot_ = false;
  EXPECT_THAT(ask().message, HasSubstr("it is in object storage alone, and this node has none"));
}

TEST(Refusals, AreOfThePodsRefusedLast) {
  Refusals refusals;
  const auto of = [](const std::string& uid, ContainerKind kind) {
    StartRequest request;
    request.kind = kind;
    request.podUID = uid;
    return request;
  };
  for (size_t i = 0; i <= Refusals::most; ++i)
    refusals.note(of(std::to_string(i), ContainerKind::sandbox), refuse("why"));
  EXPECT_TRUE(refusals.allow(of("0", ContainerKind::container)));
  EXPECT_EQ(refusals.reason(of("1", ContainerKind::container)), "why");
  EXPECT_TRUE(refusals.allow(of("1", ContainerKind::sandbox)));
  refusals.note(of("1", ContainerKind::container),
                {.action = StartAction::Restore, .image = {}, .message = {}});
  EXPECT_FALSE(refusals.allow(of("1", ContainerKind::container)));
  refusals.note(of("1", ContainerKind::sandbox),
                {.action = StartAction::Restore, .image = {}, .message = {}});
  EXPECT_TRUE(refusals.allow(of("1", ContainerKind::container)));
}

TEST(Refusals, TellWhoseRootContainerWasStarted) {
  Refusals refusals;
  StartRequest root;
  root.kind = ContainerKind::sandbox;
  root.podUID = "1";
  StartRequest inside = root;
  inside.kind = ContainerKind::container;
  EXPECT_FALSE(refusals.isStarted(inside));
  refusals.note(root, {.action = StartAction::Start, .image = {}, .message = {}});
  EXPECT_TRUE(refusals.isStarted(inside));
  EXPECT_FALSE(refusals.isStarted(root));
  EXPECT_TRUE(refusals.allow(inside));
  EXPECT_EQ(refusals.restores(root), 0);
  refusals.note(root, {.action = StartAction::Restore, .image = {}, .message = {}});
  EXPECT_FALSE(refusals.isStarted(inside));
  EXPECT_EQ(refusals.restores(root), 1);
  EXPECT_EQ(refusals.restores(inside), 0);
  refusals.note(root, {.action = StartAction::Start, .image = {}, .message = {}});
  EXPECT_EQ(refusals.restores(root), 1) << "for good";
  refusals.note(root, {.action = StartAction::Hold, .image = {}, .message = {}});
  EXPECT_EQ(refusals.restores(root), 1);
  EXPECT_FALSE(refusals.isStarted(inside));
}

TEST_F(Answering, TellsWithWhichRunscASandboxIsToBeCreated) {
  ASSERT_TRUE(store());
  createPod();
  RunningAgent agent(*this, 2, *files_);
  const auto create = [&] { return agent.ask(ContainerKind::sandbox, StartStage::Create); };
  EXPECT_EQ(create().action, StartAction::Start);
  EXPECT_EQ(create().runsc, "") << "there is none of that version";
  runsc_.programs["v1"] = "/copies/v1/runsc";
  EXPECT_EQ(create().runsc, "/copies/v1/runsc");
  EXPECT_TRUE(agent.vault().all()->empty()) << "that is fetched when it is to start";
  const auto isAwayFor = [this](Duration time) {
    transport_.failAll(cloister::test::Fault::Refused);
    clock_.at(clock_.instant() + time, [this] { transport_.failAll(std::nullopt); });
  };
  isAwayFor(seconds(10));
  EXPECT_EQ(create().runsc, "/copies/v1/runsc") << "the API server was away for a while";
  isAwayFor(seconds(60));
  const StartAnswer answer = create();
  EXPECT_EQ(answer.action, StartAction::Refuse);
  EXPECT_TRUE(answer.unknown);
  clock_.advance(seconds(60));
  EXPECT_EQ(agent.ask().action, StartAction::Restore) << "that says nothing of its start";
}

// The files have to be there when the sandbox is created: it is waited for them.
TEST_F(Answering, FetchesFilesBeforeASandboxIsCreatedWithThem) {
  ASSERT_TRUE(store());
  createPod();
  server_.edit("admin", {"sandboxsnapshots", {"team", "saved"}},
               [](json::value& object) { object.at("spec").as_object()["mode"] = "Filesystem"; });
  folder_.write("bundle/config.json", R"({"annotations":{"dev.gvisor.spec.mount.workspace.type":"bind"}})");
  runsc_.createdWith = "v2";
  RunningAgent agent(*this, 2, *files_);
  for (int i = 0; i < 3; ++i) {
    const StartAnswer answer = agent.ask(ContainerKind::sandbox, StartStage::Create);
    EXPECT_EQ(answer.action, StartAction::Restore) << answer.message;
    EXPECT_EQ(answer.image, root(2) + "/team/" + id_.uid);
  }
  expectWhole();
  const StartAnswer fourth = agent.ask(ContainerKind::sandbox, StartStage::Create);
  EXPECT_EQ(fourth.action, StartAction::Refuse) << "three have failed";
  EXPECT_THAT(fourth.message, HasSubstr("could not be restored"));
  EXPECT_EQ(agent.ask().action, StartAction::Refuse);
  EXPECT_EQ(agent.ask(ContainerKind::container).action, StartAction::Refuse) << "it has none";
}

TEST_F(Answering, RestoresNothingIntoASandboxOfAnotherVersion) {
  ASSERT_TRUE(store());
  runsc_.createdWith = "v2";
  const StartAnswer answer = ask();
  EXPECT_EQ(answer.action, StartAction::Refuse);
  EXPECT_THAT(answer.message, HasSubstr("taken by runsc v1, and the pod was created with v2"));
}

TEST_F(Answering, RefusesAtOnceWhatWasCreatedWithARunscThatIsGone) {
  ASSERT_TRUE(store());
  runsc_.createdWith = "";
  const Instant before = clock_.instant();
  const StartAnswer answer = ask();
  EXPECT_EQ(answer.action, StartAction::Refuse);
  EXPECT_FALSE(answer.unknown);
  EXPECT_THAT(answer.message, HasSubstr("replaced since, and of which this node has no copy"));
  EXPECT_LE(clock_.instant() - before, seconds(1));
}

TEST_F(Answering, KeepsTheVersionsThatSomethingNeeds) {
  const auto install = [this](const std::string& version) {
    std::filesystem::rename(folder_.writeProgram("bin/new", version), installed_);
    runsc_.installed = version;
  };
  const auto kept = [this] { return files_->list(copies_).value(); };
  installed_ = folder_.path("bin/runsc");
  copies_ = folder_.path("copies");
  install("v1");
  auto agent = std::make_unique<RunningAgent>(*this, 2, *files_);
  clock_.runUntilIdle();
  EXPECT_THAT(kept(), testing::ElementsAre("v1"));
  for (const char* version : {"v2", "v3", "v4"}) {
    install(version);
    clock_.advance(seconds(10));
  }
  runsc_.running = {{.id = "c", .bundle = "/b"}};
  runsc_.createdWith = "v2";
  EXPECT_THAT(kept(), testing::ElementsAre("v1", "v2", "v3", "v4"));
  clock_.advance(seconds(60));
  EXPECT_THAT(kept(), testing::Contains("v3")) << "it may have been about to be used";
  clock_.advance(seconds(60));
  EXPECT_THAT(kept(), testing::ElementsAre("v1", "v2", "v4"))
      << "the snapshot's, that of what runs, and what is installed";
  runsc_.running.clear();
  agent.reset();
  server_.erase("user", {"sandboxsnapshots", {"team", "saved"}});
  agent = std::make_unique<RunningAgent>(*this, 2, *files_);
  clock_.advance(seconds(180));
  EXPECT_THAT(kept(), testing::ElementsAre("v4"));
}

// It is in a store that is not told of: its SandboxSnapshot may be made anew from it.
TEST_F(Answering, KeepsTheVersionOfWhatIsInItsStore) {
  installed_ = folder_.writeProgram("bin/runsc", "v1");
  copies_ = folder_.path("copies");
  setStatus([](json::object& status) { status.erase("runtimeVersion"); });
  const RunningAgent agent(*this, 1, *files_);
  clock_.runUntilIdle();
  std::filesystem::rename(folder_.writeProgram("bin/new", "v2"), installed_);
  runsc_.installed = "v2";
  clock_.advance(seconds(300));
  EXPECT_THAT(files_->list(copies_).value(), testing::ElementsAre("v1", "v2"));
}

}  // namespace
}  // namespace cloister::node
