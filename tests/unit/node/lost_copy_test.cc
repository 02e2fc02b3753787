// A copy of a stored snapshot that a disk has lost or spoilt: it goes, and comes again when it is wanted.
#include "tests/unit/node/storing.h"

namespace cloister::node {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class LostCopy : public Storing {
 protected:
  LostCopy() { EXPECT_TRUE(store()); }

  // FILE of NODE's copy, or all of it.
  void lose(int node, const std::string& file) {
    EXPECT_TRUE(files_->remove(root(node) + "/team/" + id_.uid + (file.empty() ? "" : "/" + file)));
  }
  void spoil(int node) { folder_.write(nameOf(node) + "/team/" + id_.uid + "/checkpoint.img", "stale"); }
};

TEST_F(LostCopy, IsFetchedAgainOnItsOwnNode) {
  for (const char* file : {"manifest.json", "checkpoint.img", ""}) {
    lose(1, file);
    Vault vault(*files_, root(1));
    ASSERT_TRUE(reconcile(1, vault)) << file;
    EXPECT_EQ(status().phase, api::SnapshotPhase::Ready) << file;
    EXPECT_FALSE(here_.find(id_).value()) << file;
    const StartAnswer answer = ask(1);
    EXPECT_EQ(answer.action, StartAction::Restore) << answer.message;
    expectWhole(here_);
  }
}

TEST_F(LostCopy, IsFetchedAgainThoughNobodyHasLookedSince) {
  lose(1, "checkpoint.img");
  const StartAnswer answer = ask(1);
  EXPECT_EQ(answer.action, StartAction::Restore) << answer.message;
  expectWhole(here_);
  EXPECT_EQ(status().phase, api::SnapshotPhase::Ready);
}

TEST_F(LostCopy, IsFoundByTheScrubberOnEachNode) {
  ASSERT_TRUE(fetch());
  for (const int node : {1, 2}) {
    spoil(node);
    RunningAgent agent(*this, node, *files_);
    clock_.advance(seconds(10));
    EXPECT_FALSE(agent.vault().find(id_).value()) << "neither there, nor condemned";
    EXPECT_THAT(agent.vault().all().value(), IsEmpty());
    EXPECT_EQ(status().phase, api::SnapshotPhase::Ready);
  }
  EXPECT_EQ(ask().action, StartAction::Restore);
  expectWhole();
}

// Whose own node tells what becomes of it.
TEST_F(LostCopy, GoesOnAnotherNodeWhereverElseItIs) {
  ASSERT_TRUE(fetch());
  setStatus([](json::object& status) { status.erase("conditions"); });
  lose(2, "checkpoint.img");
  Vault vault(*files_, root(2));
  ASSERT_TRUE(reconcile(2, vault));
  EXPECT_THAT(vault.all().value(), IsEmpty());
  EXPECT_EQ(status().phase, api::SnapshotPhase::Ready);
}

TEST_F(LostCopy, IsNoneThatCannotBeRead) {
  ASSERT_TRUE(fetch());
  for (const int node : {1, 2}) {
    for (int failAt = 1; failAt <= 2; ++failAt) {
      FailingFiles files;
      files.failAt = failAt;
      Vault vault(files, root(node));
      EXPECT_FALSE(reconcile(node, vault)) << "so that it is looked at again";
      EXPECT_EQ(status().phase, api::SnapshotPhase::Ready);
    }
  }
  expectWhole(here_);
  expectWhole(there_);
}

TEST_F(LostCopy, IsCorruptWhereItIsStoredNowhere) {
  hasDepot_ = false;  // or it would be stored meanwhile
  setStatus([](json::object& status) { status.erase("conditions"); });
  createPod(1);
  RunningAgent agent(*this, 1, *files_);
  clock_.advance(seconds(10));
  lose(1, "checkpoint.img");
  EXPECT_THAT(agent.ask().message, HasSubstr("no good: "));
  clock_.runUntilIdle();
  EXPECT_EQ(status().phase, api::SnapshotPhase::Failed) << "the question has shown it";
}

}  // namespace
}  // namespace cloister::node
