// A snapshot's way from its node into the store.
#include "tests/unit/node/storing.h"

namespace cloister::node {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

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

// Another one is made in a few minutes; and a stored one would never be taken for lost.
TEST_F(Storing, IsNotForGoldenSnapshots) {
  store::Bucket to = bucket();
  Depot with = depot(to, *files_);
  api::SandboxSnapshot golden = snapshot();
  EXPECT_TRUE(isToStore(golden, "node-1", with));
  golden.metadata.name = "python-golden-bcdfghjk";
  golden.metadata.labels[std::string(api::managedByLabel)] = api::managedBy;
  golden.metadata.ownerReferences = {{.apiVersion = "cloister.dev/v1alpha1",
                                      .kind = "SandboxTemplate",
                                      .name = "python",
                                      .uid = "u",
                                      .controller = true,
                                      .blockOwnerDeletion = {}}};
  golden.spec.sandboxRef.name = golden.metadata.name;
  EXPECT_FALSE(isToStore(golden, "node-1", with));
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

TEST_F(Storing, CondemnsWhatIsNotAsItWasSaved) {
  folder_.write("node-1/team/" + id_.uid + "/checkpoint.img", "stale");
  Vault vault(*files_, root(1));
  EXPECT_TRUE(store(*files_, vault)) << "to try it again would not help";
  EXPECT_EQ(told(), "False/Corrupt");
  EXPECT_THAT(s3_.objects, IsEmpty());
  EXPECT_EQ(vault.find(id_).error().code, Errc::InvalidInput) << "nothing continues from it";
  EXPECT_THAT(reported_, ElementsAre(id_));
  ASSERT_TRUE(reconcile(1, vault));
  EXPECT_EQ(status().phase, api::SnapshotPhase::Failed);
}

TEST_F(Storing, CondemnsWhatIsNotThere) {
  std::filesystem::remove(root(1) + "/team/" + id_.uid + "/pages.img");
  Vault vault(*files_, root(1));
  EXPECT_TRUE(store(*files_, vault));
  EXPECT_EQ(told(), "False/Corrupt");
  EXPECT_THAT(reported_, ElementsAre(id_));
}

TEST_F(Storing, TakesADiskThatIsNotMountedForNoDamage) {
  ASSERT_TRUE(files_->rename(root(1), root(1) + "-unmounted"));
  EXPECT_FALSE(store()) << "so that it is tried again";
  EXPECT_EQ(told(), "False/StoreFailed");
  Vault vault(*files_, root(1));
  EXPECT_FALSE(reconcile(1, vault));
  EXPECT_EQ(status().phase, api::SnapshotPhase::Ready);
  ASSERT_TRUE(files_->rename(root(1) + "-unmounted", root(1)));
  ASSERT_TRUE(store());
  EXPECT_EQ(told(), "True/InStore");
}

TEST_F(Storing, TellsInBoundedWords) {
  currentKey_ = std::string(5000, 'x');
  EXPECT_FALSE(store());
  const auto now = status();
  EXPECT_LT(api::findCondition(now.conditions, "Stored")->message.size(), 1100U);
}

// That it tells of a failure changes the object, and is no reason to try it again.
TEST_F(Storing, WaitsBeforeItTriesAgain) {
  s3_.failAt = 1;
  s3_.lasts = true;
  RunningAgent agent(*this, 1, *files_);
  clock_.advance(seconds(3));
  EXPECT_EQ(told(), "False/StoreUnreachable");
  EXPECT_EQ(s3_.count, 1);
  clock_.advance(seconds(60));
  EXPECT_GE(s3_.count, 3);
  EXPECT_LE(s3_.count, 6);
}

TEST_F(Storing, IsDoneAgainWhereTheStoreIsAnotherOne) {
  ASSERT_TRUE(store());
  EXPECT_EQ(status().store->endpoint, "http://s3.example");
  EXPECT_EQ(status().store->bucket, "bucket");
  place_.bucket = s3_.bucket = "other";
  s3_.objects.clear();
  EXPECT_THAT(fetch().error().message, HasSubstr("it is in the bucket \"bucket\" at http://s3.example"));
  expectNothing();
  ASSERT_TRUE(store());
  EXPECT_EQ(told(), "True/InStore");
  EXPECT_EQ(status().store->bucket, "other");
  ASSERT_TRUE(fetch());
  expectWhole();
}

// It is whole there, and would be nowhere.
TEST_F(Storing, LeavesItInTheFormerStoreWhenItCannotBeDoneAgain) {
  ASSERT_TRUE(store());
  place_.endpoint.host = "other.example";
  const auto keys = std::exchange(keys_, {});
  EXPECT_FALSE(store());
  EXPECT_EQ(told(), "True/InStore");
  keys_ = keys;
  folder_.write("node-1/team/" + id_.uid + "/checkpoint.img", "stale");
  EXPECT_TRUE(store());
  EXPECT_EQ(told(), "True/InStore");
  EXPECT_THAT(reported_, ElementsAre(id_));
  ASSERT_TRUE(here_.remove(id_));
  EXPECT_TRUE(store());
  EXPECT_EQ(told(), "True/InStore");
  EXPECT_EQ(status().store->endpoint, "http://s3.example");
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

}  // namespace
}  // namespace cloister::node
