// The SandboxSnapshot controller against an API server.
#include "operator/snapshot/reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/operator/examples.h"
#include "tests/unit/operator/one_reconciler.h"

namespace cloister::snapshot {
namespace {

using api::SnapshotPhase;
using testing::ElementsAre;
using testing::IsEmpty;

const kube::ObjectKey key{"team", "saved"};

class SnapshotReconciler : public test::OneReconciler<Reconciler> {
 protected:
  SnapshotReconciler() {
    snapshot_.metadata.name = "saved";
    snapshot_.metadata.namespace_ = "team";
    snapshot_.metadata.uid = "s";
    snapshot_.spec.sandboxRef.name = "hello";
    server_.put("nodes", {{"metadata", {{"name", "node-7"}}}});
    put();
    restart();
  }

  void put() { server_.put("sandboxsnapshots", json::encode(snapshot_)); }
  void restart() {
    reconciler_.emplace(
        Parts{.client = client_,
              .clock = clock_,
              .config = config_,
              .stores = stores_,
              .report = [this](const auto&, const auto& note) { reports_.emplace_back(note.reason); }});
  }
  Result<runtime::Outcome> reconcile() { return OneReconciler::reconcile(key); }
  void runSandbox() {
    api::Sandbox sandbox = test::aSandbox("hello");
    api::Pod pod = test::podOf(sandbox);
    pod.spec.nodeName = "node-7";
    pod.status.phase = "Running";
    sandbox.status.phase = api::Phase::Running;
    sandbox.status.startedAt = clock_.now();
    sandbox.status.podUID = pod.metadata.uid;
    server_.put("sandboxes", json::encode(sandbox));
    server_.put("pods", json::encode(pod));
  }
  // As the node's agent would tell.
  void keep(SnapshotPhase phase, std::optional<Time> expiresAt = {}) {
    snapshot_.status.phase = phase;
    snapshot_.status.nodeName = "node-7";
    snapshot_.status.podUID = "p";
    snapshot_.status.expiresAt = expiresAt;
    put();
  }
  std::optional<api::SandboxSnapshot> stored() const {
    const json::value object = server_.get("sandboxsnapshots", key);
    if (object.is_null()) return std::nullopt;
    return *json::decode<api::SandboxSnapshot>(object);
  }
  std::string reason() const {
    const auto found = stored();
    const api::Condition* ready = api::findCondition(found->status.conditions, api::snapshot::ready);
    return ready == nullptr ? "" : ready->reason;
  }

  api::SandboxSnapshot snapshot_;
  std::vector<std::string> reports_;
};

TEST_F(SnapshotReconciler, TellsOnceWhyNobodyTakesIt) {
  EXPECT_TRUE(reconcile());
  EXPECT_EQ(reason(), "SandboxNotFound");
  EXPECT_TRUE(reconcile());
  EXPECT_THAT(server_.writes(), ElementsAre("PATCH sandboxsnapshots/status"));
  runSandbox();
  const auto waits = reconcile();
  ASSERT_TRUE(waits);
  EXPECT_EQ(waits->again, clock_.now() + claimGrace);
  clock_.advance(claimGrace);
  EXPECT_TRUE(reconcile());
  EXPECT_EQ(reason(), "NoNodeAgent");
  keep(SnapshotPhase::Running);
  EXPECT_TRUE(reconcile());
  EXPECT_EQ(server_.writes().size(), 2U) << "the node has it now";
}

TEST_F(SnapshotReconciler, WaitsForTheClaimAnewAfterEachStart) {
  runSandbox();
  EXPECT_TRUE(reconcile());
  clock_.advance(claimGrace - seconds(1));
  server_.erase("sandboxes", {"team", "hello"});
  EXPECT_TRUE(reconcile());
  runSandbox();
  EXPECT_TRUE(reconcile());
  clock_.advance(claimGrace - seconds(1));
  EXPECT_TRUE(reconcile());
  EXPECT_EQ(reason(), "SandboxNotFound");
}

// The status that it read is not the present one: an agent has claimed it.
TEST_F(SnapshotReconciler, LosesAgainstTheClaimOfANode) {
  server_.sync(stores_);
  keep(SnapshotPhase::Running);
  const auto refused = test::run(clock_, reconciler_->reconcile(key, 1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::Conflict);
  EXPECT_EQ(reason(), "");
  EXPECT_EQ(stores_.snapshots.get(key)->status.nodeName, "node-7") << "and knows it at once";
}

TEST_F(SnapshotReconciler, TellsThatItsNodeIsLost) {
  keep(SnapshotPhase::Ready);
  EXPECT_TRUE(reconcile());
  server_.erase("nodes", {"", "node-7"});
  EXPECT_TRUE(reconcile());
  clock_.advance(nodeGrace);
  EXPECT_TRUE(reconcile());
  EXPECT_EQ(reason(), "NodeLost");
  EXPECT_EQ(stored()->status.phase, SnapshotPhase::Failed);
  EXPECT_THAT(reports_, ElementsAre("NodeLost"));
}

TEST_F(SnapshotReconciler, KnowsOfNoLostNodeWhereItMayNotReadNodes) {
  config_.watchNamespaces = {"team"};
  keep(SnapshotPhase::Ready);
  server_.erase("nodes", {"", "node-7"});
  EXPECT_TRUE(reconcile());
  clock_.advance(nodeGrace);
  const auto outcome = reconcile();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->again, std::nullopt);
  EXPECT_EQ(stored()->status.phase, SnapshotPhase::Ready);
}

TEST_F(SnapshotReconciler, DeletesWhatHasExpiredAfterARestartAsWell) {
  keep(SnapshotPhase::Ready, clock_.now() + seconds(60));
  EXPECT_TRUE(reconcile());
  clock_.advance(seconds(60) - milliseconds(1));
  restart();
  EXPECT_TRUE(reconcile());
  EXPECT_TRUE(stored());
  clock_.advance(milliseconds(1));
  EXPECT_TRUE(reconcile());
  EXPECT_FALSE(stored());
  EXPECT_THAT(reports_, ElementsAre("Expired"));
  EXPECT_THAT(server_.writes(), ElementsAre("DELETE sandboxsnapshots"));
}

TEST_F(SnapshotReconciler, DeletesOnlyTheOneThatItRead) {
  keep(SnapshotPhase::Ready, clock_.now());
  server_.sync(stores_);
  server_.erase("sandboxsnapshots", key);
  snapshot_.metadata.uid = "successor";
  snapshot_.status = {};
  put();
  const auto refused = test::run(clock_, reconciler_->reconcile(key, 1));
  EXPECT_FALSE(refused);
  EXPECT_TRUE(stored());
  EXPECT_TRUE(reconcile()) << "and goes on with the successor";
}

}  // namespace
}  // namespace cloister::snapshot
