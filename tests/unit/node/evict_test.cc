// Room on a node: what is asked of it, what goes for it, and what never does.
#include "node/agent/evict.h"

#include "tests/unit/node/storing.h"

namespace cloister::node {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr int64_t mib = 1 << 20;

Time at(int64_t minutes) {
  return Time(std::chrono::minutes(minutes));
}

Copy copyOf(const char* uid, int64_t bytes, Time usedAt) {
  return {.id = {.namespace_ = "team", .uid = uid}, .bytes = bytes, .usedAt = usedAt};
}

std::string chosen(const std::vector<Copy>& copies, int64_t missing) {
  const auto id = chooseEvicted(copies, missing, at(100));
  return id ? id->uid : "";
}

TEST(Shortage, IsOfTheDiskOrOfTheQuota) {
  EXPECT_EQ(shortage({.room = spareBytes + 5}, 5), 0);
  EXPECT_EQ(shortage({.room = spareBytes + 4}, 5), 1);
  EXPECT_EQ(shortage({.room = 1 << 30, .taken = 1 << 30}, 5), 0) << "no quota";
  EXPECT_EQ(shortage({.room = 1 << 30, .taken = 95, .quota = 100}, 5), 0);
  EXPECT_EQ(shortage({.room = 1 << 30, .taken = 98, .quota = 100}, 5), 3);
  EXPECT_EQ(shortage({.room = spareBytes, .taken = 98, .quota = 100}, 5), 5) << "the larger one";
}

TEST(Shortage, IsToldWithTheLimitInTheWay) {
  EXPECT_THAT(tellShortage({.room = 300 * mib}, 100 * mib),
              HasSubstr("disk has room for 300 MiB more, and it needs 356 MiB; delete snapshots"));
  EXPECT_THAT(tellShortage({.room = 900 * mib, .taken = 80 * mib, .quota = 120 * mib}, 100 * mib),
              HasSubstr("take 80 MiB of the 120 MiB that snapshots.localQuota allows, and it needs 100 MiB"));
  EXPECT_THAT(
      tellShortage({.room = 900 * mib, .taken = 0, .quota = 90 * mib}, 100 * mib),
      HasSubstr("it needs 100 MiB, and snapshots.localQuota allows all of the node's together 90 MiB"));
}

TEST(Evicted, IsWhatWasUsedLongestAgo) {
  const std::vector<Copy> copies{copyOf("a", 10, at(3)), copyOf("b", 10, at(1)), copyOf("c", 10, at(2))};
  EXPECT_EQ(chosen(copies, 1), "b");
  EXPECT_EQ(chosen(copies, 30), "b") << "one after the other";
  EXPECT_EQ(chosen(copies, 31), "") << "none goes for nothing";
  EXPECT_EQ(chosen({}, 0), "");
}

TEST(Evicted, IsNothingThatWasUsedLately) {
  EXPECT_EQ(chosen({copyOf("a", 10, at(99))}, 1), "");
  EXPECT_EQ(chosen({copyOf("a", 10, at(98))}, 1), "a");
  EXPECT_EQ(chosen({copyOf("a", 10, at(99)), copyOf("b", 10, at(1))}, 20), "") << "nor does it count";
  EXPECT_EQ(chosen({copyOf("a", 10, at(500))}, 1), "a") << "a clock that was wrong keeps nothing for ever";
}

class Evicting : public Storing {
 protected:
  Evicting() {
    EXPECT_TRUE(store());
    setUsed(1);
    sync(stores_);
    disk_.free = int64_t(4) << 30;
  }
  void setUsed(int64_t minutes) {
    EXPECT_TRUE(here_.use(id_, clock_.now() - std::chrono::minutes(minutes * 10)));
  }
  // For BYTES more, by a new process of the first node.
  Result<void> makeRoom(int64_t bytes) {
    Vault vault(disk_, root(1));
    return makeRoom(vault, bytes);
  }
  Result<void> makeRoom(Vault& vault, int64_t bytes) {
    store::Bucket with = bucket();
    Depot depot = this->depot(with, disk_);
    Parts parts = this->parts(stores_, vault, disk_, "node-1");
    parts.depot = hasDepot_ ? &depot : nullptr;
    parts.quota = quota_;
    return test::run(clock_, node::makeRoom(parts, next_, bytes));
  }
  bool isHere() { return here_.find(id_).value().has_value(); }
  std::string message(const Result<void>& done) { return done ? "done" : done.error().message; }

  const SnapshotId next_{.namespace_ = "team", .uid = "next"};
  Stores stores_;
  FailingFiles disk_;
  int64_t quota_ = 5 * mib;
};

TEST_F(Evicting, FreesWhatTheQuotaLacks) {
  EXPECT_EQ(message(makeRoom(1 * mib)), "done");
  EXPECT_TRUE(isHere()) << "both fit";
  EXPECT_EQ(message(makeRoom(3 * mib)), "done");
  EXPECT_FALSE(isHere());
  EXPECT_THAT(files_->list(root(1) + "/.staging").value(), SizeIs(0)) << "its bytes are gone";
  EXPECT_EQ(status().phase, api::SnapshotPhase::Ready);
  Vault vault(*files_, root(1));
  ASSERT_TRUE(reconcile(1, vault));
  EXPECT_EQ(status().phase, api::SnapshotPhase::Ready) << "it is in the store";
}

TEST_F(Evicting, FreesWhatTheDiskLacks) {
  quota_ = 0;
  disk_.free = spareBytes + 1 * mib;
  EXPECT_EQ(message(makeRoom(1 * mib)), "done");
  EXPECT_TRUE(isHere());
  // Which the stub does not give back.
  EXPECT_THAT(message(makeRoom(2 * mib)), HasSubstr("has room for 257 MiB more"));
  EXPECT_FALSE(isHere());
}

TEST_F(Evicting, CountsWhatIsOnItsWay) {
  Vault vault(disk_, root(1));
  vault.reserve({.namespace_ = "team", .uid = "other"}, 3 * mib);
  vault.arrived({.namespace_ = "team", .uid = "other"}, 3 * mib);
  EXPECT_THAT(message(makeRoom(vault, 3 * mib)), HasSubstr("take 6 MiB of the 5 MiB"));
  EXPECT_TRUE(isHere()) << "it would not do";
  vault.release({.namespace_ = "team", .uid = "other"});
  EXPECT_EQ(message(makeRoom(vault, 2 * mib)), "done");
  EXPECT_EQ(vault.reserved(), 2 * mib);
}

TEST_F(Evicting, KeepsWhatIsNowhereElse) {
  hasDepot_ = false;
  EXPECT_THAT(message(makeRoom(3 * mib)), HasSubstr("take 3 MiB of the 5 MiB"));
  hasDepot_ = true;
  setStatus([](json::object& status) { status.erase("conditions"); });
  sync(stores_);
  EXPECT_FALSE(makeRoom(3 * mib));
  EXPECT_TRUE(isHere());
}

TEST_F(Evicting, KeepsWhatIsInAnotherBucket) {
  place_.bucket = s3_.bucket = "other";
  EXPECT_FALSE(makeRoom(3 * mib));
  EXPECT_TRUE(isHere());
}

TEST_F(Evicting, KeepsWhatHasNoObjectOrNoneThatItUnderstands) {
  setStatus([](json::object& status) { status["phase"] = "Failed"; });
  sync(stores_);
  EXPECT_FALSE(makeRoom(3 * mib));
  stores_.snapshots.replace("", {}, "99999");
  EXPECT_FALSE(makeRoom(3 * mib));
  EXPECT_TRUE(isHere());
}

// What the object says is not what the bucket has, if somebody has been there.
TEST_F(Evicting, KeepsWhatTheStoreHasNotAllOf) {
  const auto good = s3_.objects;
  for (const auto& [name, text] : good) {
    s3_.objects = good;
    s3_.objects.erase(name);
    EXPECT_THAT(message(makeRoom(3 * mib)), HasSubstr("take 3 MiB of the 5 MiB")) << name;
    s3_.objects[name] = text.substr(1);
    EXPECT_FALSE(makeRoom(3 * mib)) << name;
    EXPECT_TRUE(isHere()) << name;
  }
  s3_.objects = good;
  EXPECT_EQ(message(makeRoom(3 * mib)), "done");
}

TEST_F(Evicting, KeepsAllWhileTheStoreIsAway) {
  for (const auto trouble : {FakeS3::Trouble::Refused, FakeS3::Trouble::Denied}) {
    s3_.trouble = trouble;
    s3_.failAt = 1;
    s3_.lasts = true;
    EXPECT_THAT(message(makeRoom(3 * mib)),
                HasSubstr("no copy goes for it, as the store does not say that it has them"));
    EXPECT_TRUE(isHere());
  }
  s3_.failAt = 0;
  EXPECT_EQ(message(makeRoom(3 * mib)), "done");
}

// Whoever asks is about to open its files.
TEST_F(Evicting, KeepsWhatARestoreHasJustBeenSentTo) {
  const StartAnswer answer = ask(1);
  ASSERT_EQ(answer.action, StartAction::Restore) << answer.message;
  EXPECT_FALSE(makeRoom(3 * mib)) << "by an agent that began since";
  EXPECT_TRUE(isHere());
  clock_.advance(std::chrono::minutes(3));
  EXPECT_EQ(message(makeRoom(3 * mib)), "done");
}

TEST_F(Evicting, KeepsWhatAPodHereIsAboutToBeginFrom) {
  api::Pod pod;
  pod.metadata.name = "next-1";
  pod.metadata.namespace_ = "team";
  pod.metadata.uid = "pod";
  pod.metadata.annotations[std::string(api::restoreAnnotation)] = "saved";
  int version = 1000;
  const auto with = [&](const char* phase) {
    pod.status.phase = phase;
    pod.metadata.resourceVersion = std::to_string(++version);
    stores_.pods.replace("", {pod}, pod.metadata.resourceVersion);
    return message(makeRoom(3 * mib));
  };
  EXPECT_THAT(with(""), HasSubstr("take 3 MiB"));
  EXPECT_THAT(with("Pending"), HasSubstr("take 3 MiB"));
  pod.metadata.annotations[std::string(api::restoreAnnotation)] = "golden/saved";
  EXPECT_THAT(with("Pending"), HasSubstr("take 3 MiB"));
  EXPECT_TRUE(isHere());
  EXPECT_EQ(with("Running"), "done");
}

TEST_F(Evicting, KeepsWhatIsUsedWhileTheStoreIsAsked) {
  s3_.clock = &clock_;
  Vault vault(disk_, root(1));
  boost::asio::co_spawn(
      clock_.executor(),
      [](Vault* with, SnapshotId id, Clock* clock) -> Task<void> {
        co_await clock->sleep(milliseconds(500));
        (void)with->use(id, clock->now());
      }(&vault, id_, &clock_),
      boost::asio::detached);
  EXPECT_THAT(message(makeRoom(vault, 3 * mib)), HasSubstr("take 3 MiB"));
  EXPECT_TRUE(isHere());
}

// Each step of the disk fails once, or is the last one: nothing but the whole copy goes, and the next attempt
// gets its room.
TEST_F(Evicting, LosesNothingWhateverTheDiskDoes) {
  for (const bool dies : {false, true}) {
    for (int failAt = 1;; ++failAt) {
      ASSERT_TRUE(here_.open()) << "as the next agent does";
      disk_.failAt = disk_.count = 0;
      disk_.dies = dies;
      disk_.failAt = failAt;
      const bool done = makeRoom(3 * mib).has_value();
      const bool reached = disk_.count >= failAt;
      disk_.failAt = 0;
      ASSERT_TRUE(here_.open());
      if (!done && isHere()) expectWhole(here_);
      EXPECT_TRUE(reached || done);
      EXPECT_EQ(message(makeRoom(3 * mib)), "done") << failAt;
      if (!reached) return;
      Parts parts = this->parts(stores_, here_, *files_, "node-1");
      store::Bucket from = bucket();
      Depot depot = this->depot(from, *files_);
      Fetcher fetcher(parts, depot, 1);
      ASSERT_TRUE(test::run(clock_, fetcher.fetch(snapshot())));
      setUsed(1);
    }
  }
}

// The same for what the bucket is asked.
TEST_F(Evicting, LosesNothingWhateverTheStoreDoes) {
  s3_.count = 0;
  for (int failAt = 1; failAt <= 2; ++failAt) {
    s3_.count = 0;
    s3_.failAt = failAt;
    EXPECT_FALSE(makeRoom(3 * mib)) << failAt;
    EXPECT_TRUE(isHere()) << failAt;
  }
  s3_.count = s3_.failAt = 0;
  EXPECT_EQ(message(makeRoom(3 * mib)), "done");
  EXPECT_EQ(s3_.count, 2);
}

TEST_F(Evicting, MakesRoomForWhatIsFetched) {
  const auto larger = [&] {
    Vault vault(*files_, root(2));
    Stores stores;
    sync(stores);
    store::Bucket from = bucket();
    Depot with = depot(from, *files_);
    Parts parts = this->parts(stores, vault, *files_, "node-2");
    parts.depot = &with;
    parts.quota = quota_;
    Fetcher fetcher(parts, with, 1);
    return message(test::run(clock_, fetcher.fetch(snapshot())));
  };
  quota_ = 2 * mib;
  EXPECT_THAT(larger(), HasSubstr("snapshots.localQuota allows all of the node's together 2 MiB; raise it"));
  expectNothing();
  quota_ = 4 * mib;
  EXPECT_EQ(larger(), "done");
  expectWhole();
  EXPECT_EQ(larger(), "done") << "in its own place, again";
}

TEST_F(Evicting, NotesUseOverARestart) {
  ASSERT_TRUE(here_.use(id_, at(7)));
  Vault next(*files_, root(1));
  const auto copies = next.copies().value();
  ASSERT_THAT(copies, SizeIs(1));
  EXPECT_EQ(copies[0].usedAt, at(7));
  EXPECT_EQ(copies[0].id, id_);
  EXPECT_GT(copies[0].bytes, 3 * mib);
  EXPECT_LT(copies[0].bytes, 4 * mib);
}

}  // namespace
}  // namespace cloister::node
