// A snapshot's way from the store to a node that is to continue from it.
#include "tests/unit/node/storing.h"

namespace cloister::node {
namespace {

using testing::HasSubstr;
using testing::Not;

class Fetching : public Storing {};

TEST_F(Fetching, IsNotReadWithAnotherStoreKey) {
  ASSERT_TRUE(store());
  keys_["1"] = store::base64Of(std::string(store::keyBytes, '2'));
  EXPECT_THAT(fetch().error().message, HasSubstr("not wrapped with the store key"));
  expectNothing();
}

// Whatever is changed, cut, missing or swapped there: nothing comes of it on the node.
TEST_F(Fetching, TakesNothingThatIsNotWhatWasSaved) {
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

TEST_F(Fetching, TakesOnlyTheManifestThatTheStatusTells) {
  ASSERT_TRUE(store());
  setStatus([](json::object& status) { status["digest"] = "sha256:other"; });
  EXPECT_THAT(fetch().error().message, HasSubstr("status.digest"));
  expectNothing();
}

TEST_F(Fetching, IsFetchedWholeAfterAnyCallFailed) {
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
TEST_F(Fetching, IsFetchedWholeOrNotWhateverTheDiskDoes) {
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

TEST_F(Fetching, FetchesNothingThatTheDiskHasNoRoomFor) {
  ASSERT_TRUE(store());
  FailingFiles files;
  files.free = 256 << 20;
  EXPECT_THAT(fetch(files).error().message, HasSubstr("has room for 256 MiB more"));
  expectNothing();
}

TEST_F(Fetching, KeepsNothingOfASnapshotThatWentMeanwhile) {
  ASSERT_TRUE(store());
  const api::SandboxSnapshot last = snapshot();
  Stores stores;
  Vault vault(*files_, root(2));
  store::Bucket from = bucket();
  Depot with = depot(from, *files_);
  Fetcher fetcher(parts(stores, vault, *files_, "node-2"), with, 1);
  ASSERT_TRUE(test::run(clock_, fetcher.fetch(last)));
  expectNothing();
}

TEST_F(Fetching, ReplacesACopyThatIsNoGood) {
  ASSERT_TRUE(store());
  ASSERT_TRUE(fetch());
  folder_.write("node-2/team/" + id_.uid + "/checkpoint.img", "stale");
  ASSERT_TRUE(fetch());
  expectWhole();
}

TEST_F(Fetching, WritesNoMoreOfAFileThanItHas) {
  ASSERT_TRUE(store());
  store::Bucket from = bucket();
  Depot with = depot(from, *files_);
  const std::string path = folder_.path("piece");
  const auto done =
      test::run(clock_, with.fetch(id_, *status().store, {.name = "pages.img", .size = 3 << 20, .sha256 = ""},
                                   path, [](int64_t) {}));
  EXPECT_EQ(done.error().code, Errc::InvalidInput);
  EXPECT_THAT(done.error().message, HasSubstr("larger than the manifest tells"));
  EXPECT_LE(files_->size(path).value(), 3 << 20);
}

// Of more than one piece, in the store and from there.
TEST_F(Fetching, BringsFilesOfManyPieces) {
  const std::string text = store::randomBytes(20'000'000);
  const SnapshotId large{.namespace_ = "team", .uid = "large"};
  ASSERT_TRUE(files_->write(here_.stage(large).value() + "/pages.img", text));
  Manifest manifest;
  manifest.snapshotUID = large.uid;
  const Kept kept = here_.publish(large, std::move(manifest)).value();
  store::Bucket to = bucket();
  Depot with = depot(to, *files_);
  const auto place = with.choosePlace(large, "cluster").value();
  s3_.failAt = 6;
  EXPECT_FALSE(test::run(clock_, with.store(large, kept, place)));
  EXPECT_EQ(s3_.uploads.size(), 1U);
  ASSERT_TRUE(test::run(clock_, with.store(large, kept, place)));
  EXPECT_EQ(s3_.uploads.size(), 0U);
  s3_.count = 0;
  const std::string path = folder_.path("piece");
  int64_t told = 0;
  ASSERT_TRUE(test::run(
      clock_, with.fetch(large, place, kept.manifest.files[0], path, [&](int64_t bytes) { told += bytes; })));
  EXPECT_EQ(s3_.count, 3);
  EXPECT_EQ(told, 20'000'000);
  EXPECT_EQ(files_->sumAndSync(path)->sha256, kept.manifest.files[0].sha256);
}

TEST_F(Fetching, TellsHowFetchingStands) {
  ASSERT_TRUE(store());
  Stores stores;
  sync(stores);
  Vault vault(*files_, root(2));
  store::Bucket from = bucket();
  Depot with = depot(from, *files_);
  Fetcher fetcher(parts(stores, vault, *files_, "node-2"), with, 1);
  TaskGroup group(clock_.executor());
  fetcher.start(group);
  s3_.count = 0;
  s3_.failAt = 1;
  EXPECT_THAT(fetcher.want(snapshot(), clock_.instant()).words, HasSubstr("0 of"));
  clock_.runUntilIdle();
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(fetcher.want(snapshot(), clock_.instant()).words,
                HasSubstr("the last attempt failed: manifest.json: the object store"));
    clock_.runUntilIdle();
    EXPECT_EQ(s3_.count, 1) << "not before some seconds have passed";
  }
  clock_.advance(seconds(5));
  EXPECT_FALSE(fetcher.want(snapshot(), clock_.instant()).isOver);
  clock_.runUntilIdle();
  expectWhole();
}

// Several pods ask for what is spoilt: one attempt is an answer for all who had asked before its end.
TEST_F(Fetching, TriesWhatFailedForGoodAgainForWhoeverAsksLater) {
  ASSERT_TRUE(store());
  Stores stores;
  sync(stores);
  Vault vault(*files_, root(2));
  store::Bucket from = bucket();
  Depot with = depot(from, *files_);
  Fetcher fetcher(parts(stores, vault, *files_, "node-2"), with, 1);
  TaskGroup group(clock_.executor());
  fetcher.start(group);
  const auto good = s3_.objects;
  s3_.objects.clear();
  s3_.count = 0;
  Instant first = clock_.instant();
  for (int attempts = 1; attempts <= 3; ++attempts) {
    EXPECT_FALSE(fetcher.want(snapshot(), first).isOver);
    clock_.runUntilIdle();
    for (const Duration later : {milliseconds(0), milliseconds(400), milliseconds(60'000)}) {
      clock_.advance(later);
      const FetchState told = fetcher.want(snapshot(), first);
      EXPECT_TRUE(told.isOver);
      EXPECT_THAT(told.words, HasSubstr("could not be fetched from the store: manifest.json: "));
      clock_.runUntilIdle();
      EXPECT_EQ(s3_.count, attempts);
    }
    first = clock_.instant();
  }
  s3_.objects = good;
  EXPECT_FALSE(fetcher.want(snapshot(), first).isOver) << "at once";
  clock_.runUntilIdle();
  expectWhole();
}

// Several that are stored, as large as the first one, and wanted on the second node.
class Several : public Fetching {
 protected:
  Several() {
    Depot with = depot(bucket_, *files_);
    for (const char* uid : {"a", "b", "c", "d"}) {
      const SnapshotId id{.namespace_ = "team", .uid = uid};
      EXPECT_TRUE(files_->write(here_.stage(id).value() + "/pages.img", std::string(3 << 20, 'p')));
      Manifest manifest;
      manifest.snapshotUID = uid;
      const Kept kept = here_.publish(id, std::move(manifest)).value();
      api::SandboxSnapshot one;
      one.metadata.name = uid;
      one.metadata.namespace_ = id.namespace_;
      one.metadata.uid = uid;
      one.status.digest = kept.digest;
      one.status.sizeBytes = sizeOf(kept.manifest);
      one.status.store = with.choosePlace(id, "cluster").value();
      EXPECT_TRUE(test::run(clock_, with.store(id, kept, *one.status.store)));
      all_.push_back(std::move(one));
    }
    stores_.snapshots.replace("", all_, "1");
    fetcher_.start(group_);
    s3_.clock = &clock_;
  }
  ~Several() override { test::run(clock_, stop()); }
  Task<bool> stop() {
    co_await group_.stop();
    co_return true;
  }
  bool isHere(int which) {
    return vault_.find({.namespace_ = "team", .uid = all_[size_t(which)].metadata.uid}).value().has_value();
  }

  FailingFiles disk_;
  Vault vault_{disk_, root(2)};
  Stores stores_;
  store::Bucket bucket_ = bucket();
  Depot depot_ = depot(bucket_, disk_);
  Fetcher fetcher_{parts(stores_, vault_, disk_, "node-2"), depot_, 1};
  TaskGroup group_{clock_.executor()};
  std::vector<api::SandboxSnapshot> all_;
};

TEST_F(Several, AreFetchedTwoAtATimeInTheOrderOfAsking) {
  for (const auto& one : all_) fetcher_.want(one, clock_.instant());
  EXPECT_THAT(fetcher_.want(all_[1], clock_.instant()).words, Not(HasSubstr("waits")));
  EXPECT_THAT(fetcher_.want(all_[2], clock_.instant()).words, HasSubstr("it waits for others to be fetched"));
  while (!isHere(2) && clock_.step()) {
  }
  EXPECT_TRUE(isHere(0));
  EXPECT_TRUE(isHere(1));
  clock_.advance(seconds(10));
  EXPECT_TRUE(isHere(3));
  EXPECT_EQ(s3_.mostInFlight, 2);
}

// Each would fit by itself.
TEST_F(Several, DoNotShareTheRoomOfOne) {
  disk_.free = (256 << 20) + (4 << 20);
  fetcher_.want(all_[0], clock_.instant());
  fetcher_.want(all_[1], clock_.instant());
  clock_.advance(seconds(3));
  EXPECT_TRUE(isHere(0));
  EXPECT_FALSE(isHere(1));
  EXPECT_THAT(fetcher_.want(all_[1], clock_.instant()).words,
              HasSubstr("has room for 257 MiB more, and it needs 259 MiB"));
  clock_.advance(seconds(5));
  EXPECT_FALSE(fetcher_.want(all_[1], clock_.instant()).isOver);
  clock_.advance(seconds(5));
  EXPECT_TRUE(isHere(1)) << "nothing is reserved any more";
}

TEST_F(Several, LeaveTheirRoomWhenTheyFail) {
  disk_.free = (256 << 20) + (4 << 20);
  s3_.failAt = s3_.count + 2;
  fetcher_.want(all_[0], clock_.instant());
  clock_.advance(seconds(3));
  EXPECT_FALSE(isHere(0));
  fetcher_.want(all_[1], clock_.instant());
  clock_.advance(seconds(3));
  EXPECT_TRUE(isHere(1));
}

}  // namespace
}  // namespace cloister::node
