#include "operator/template/golden.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/owner.h"
#include "operator/sandbox/resolve.h"
#include "operator/template/revision.h"
#include "tests/unit/operator/examples.h"

namespace cloister::templates {
namespace {

using std::chrono::minutes;
using test::epoch;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Golden : public testing::Test {
 public:
  Golden() {
    config_.snapshots.enabled = true;
    from_.metadata.name = "python";
    from_.metadata.namespace_ = "team";
    from_.metadata.uid = "template-uid";
    from_.spec.sandbox.image = "python:3";
    from_.spec.golden = api::SandboxTemplateGolden{.readyCommand = {"true"}, .timeout = {}};
    name_ = goldenName(from_, revisionName(from_), "shape");
  }

  GoldenStep step(Time now = epoch) {
    GoldenObserved seen;
    seen.name = name_;
    if (builder_) {
      seen.builder = std::make_shared<const api::Sandbox>(*builder_);
      if (api::isBuilder(*builder_)) seen.builders = {seen.builder};
    }
    if (snapshot_) {
      seen.snapshot = std::make_shared<const api::SandboxSnapshot>(*snapshot_);
      if (api::isGolden(*snapshot_)) seen.snapshots = {seen.snapshot};
    }
    for (const auto& other : others_)
      seen.snapshots.push_back(std::make_shared<const api::SandboxSnapshot>(other));
    seen.wanted = wanted_;
    seen.begun = begun_;
    seen.refused = refused_;
    return planGolden(from_, seen, config_, now);
  }
  // What it creates is there, as the API server would have it.
  void make() {
    GoldenStep next = step();
    if (next.builder) {
      builder_ = *json::decode<api::Sandbox>(*next.builder);
      builder_->metadata.uid = "builder-uid";
      builder_->metadata.generation = 1;
      builder_->metadata.creationTimestamp = epoch;
    }
    if (next.snapshot) {
      snapshot_ = *json::decode<api::SandboxSnapshot>(*next.snapshot);
      snapshot_->metadata.uid = "snapshot-uid";
      snapshot_->metadata.creationTimestamp = epoch;
    }
  }
  void tell(std::vector<api::Condition>& conditions, const std::string& status) {
    api::setCondition(conditions,
                      {.type = "Ready",
                       .status = status,
                       .observedGeneration = 1,
                       .lastTransitionTime = {},
                       .reason = "Any",
                       .message = "Its words."},
                      epoch);
  }
  void warm() {
    make();
    builder_->status.phase = api::Phase::Running;
    builder_->status.podUID = "pod-uid";
    builder_->status.templateRevision = revisionName(from_);
    tell(builder_->status.conditions, "True");
  }
  void saved() {
    warm();
    make();
    snapshot_->status.phase = api::SnapshotPhase::Ready;
    snapshot_->status.podUID = "pod-uid";
    snapshot_->status.image = sandbox::resolve(from_.spec.sandbox, config_).image;
  }
  void named() {
    saved();
    from_.status.golden = step().golden;
  }
  std::vector<std::string> removed(const GoldenStep& step) {
    std::vector<std::string> names;
    for (const auto& builder : step.oldBuilders) names.push_back("builder " + builder->metadata.name);
    for (const auto& snapshot : step.oldSnapshots) names.push_back("snapshot " + snapshot->metadata.name);
    return names;
  }

  Config config_;
  api::SandboxTemplate from_;
  std::string name_;
  std::optional<api::Sandbox> builder_;
  std::optional<api::SandboxSnapshot> snapshot_;
  std::vector<api::SandboxSnapshot> others_;
  std::set<std::string> wanted_;
  bool begun_ = false;
  std::optional<Error> refused_;
};

TEST_F(Golden, HasAnotherNameForEachRevisionAndShape) {
  api::SandboxTemplate edited = from_;
  edited.spec.golden->readyCommand = {"false"};
  api::SandboxTemplate namesake = from_;
  namesake.metadata.uid = "other";
  const std::set<std::string> names{name_, goldenName(from_, revisionName(from_), "other"),
                                    goldenName(edited, revisionName(edited), "shape"),
                                    goldenName(namesake, revisionName(namesake), "shape")};
  EXPECT_EQ(names.size(), 4u);
  from_.metadata.name = "a.b";
  EXPECT_TRUE(goldenName(from_, revisionName(from_), "").starts_with("a-b-golden-"))
      << "a Sandbox's name has no dots";
  from_.metadata.name = std::string(35, 'a') + ".b";
  EXPECT_EQ(goldenName(from_, revisionName(from_), "").substr(0, 43), std::string(35, 'a') + "-golden-");
}

TEST_F(Golden, BeginsWithABuilderOfTheTemplateAlone) {
  const GoldenStep next = step();
  ASSERT_TRUE(next.builder);
  EXPECT_EQ(next.reason, "Building");
  const auto made = json::decode<api::Sandbox>(*next.builder);
  ASSERT_TRUE(made);
  api::SandboxSpec expected;
  expected.templateRef = api::LocalReference{"python"};
  EXPECT_EQ(made->spec, expected);
  EXPECT_TRUE(api::isBuilder(*made));
  EXPECT_EQ(api::controllerOf(made->metadata)->uid, "template-uid");
}

TEST_F(Golden, IsSavedOnceItIsWarmAndNotBefore) {
  make();
  EXPECT_FALSE(step().snapshot);
  tell(builder_->status.conditions, "False");
  EXPECT_FALSE(step().snapshot);
  EXPECT_THAT(step().message, HasSubstr("Its words."));
  tell(builder_->status.conditions, "True");
  const GoldenStep next = step();
  ASSERT_TRUE(next.snapshot);
  EXPECT_EQ(json::findString(*next.snapshot, "spec.sandboxRef.name"), builder_->metadata.name);
  EXPECT_EQ(json::findString(*next.snapshot, "metadata.ownerReferences.0.uid"), "template-uid");
}

TEST_F(Golden, IsNamedOnceItIsReadyAndOnlyThenTheBuilderGoes) {
  saved();
  const GoldenStep first = step();
  EXPECT_EQ(first.golden, (api::GoldenSnapshot{name_, "snapshot-uid"}));
  EXPECT_THAT(removed(first), IsEmpty()) << "until the status says so";
  from_.status.golden = first.golden;
  const GoldenStep second = step();
  EXPECT_EQ(second.reason, "Golden");
  EXPECT_THAT(removed(second), ElementsAre("builder " + name_));
  builder_.reset();
  EXPECT_EQ(step().reason, "Golden");
  EXPECT_FALSE(step().builder);
}

// Whoever writes Sandboxes and SandboxSnapshots may have made either.
TEST_F(Golden, IsNotTakenFromWhatCannotBeToldToBeTheBuilders) {
  const std::vector<std::function<void(Golden&)>> changes{
      [](Golden& at) { at.builder_.reset(); },
      [](Golden& at) { at.snapshot_->status.image = "of-another-operator"; },
      [](Golden& at) { at.builder_->spec.env.push_back({"A", "1"}); },
      [](Golden& at) { at.builder_->metadata.generation = 2; },
      [](Golden& at) { at.builder_->status.restarts = 1; },
      [](Golden& at) { at.builder_->status.golden.emplace(); },
      [](Golden& at) { at.builder_->status.templateRevision = "python-0"; },
      [](Golden& at) { at.builder_->status.podUID = "another"; },
      [](Golden& at) { at.snapshot_->spec.ttl = minutes(1); },
      [](Golden& at) { at.snapshot_->spec.sandboxRef.name = "another"; }};
  for (size_t i = 0; i < changes.size(); ++i) {
    SCOPED_TRACE(i);
    builder_.reset();
    snapshot_.reset();
    saved();
    changes[i](*this);
    const GoldenStep next = step();
    EXPECT_EQ(next.golden, std::nullopt);
    EXPECT_EQ(next.reason, "SnapshotFailed");
    EXPECT_EQ(next.failure->reason, "SnapshotFailed");
    EXPECT_THAT(removed(next), testing::Contains("snapshot " + name_));
  }
}

TEST_F(Golden, LeavesToOthersWhatIsTheirs) {
  saved();
  snapshot_->metadata.ownerReferences.at(0).uid = "another";
  EXPECT_EQ(step().reason, "SnapshotFailed");
  EXPECT_EQ(step().golden, std::nullopt);
  EXPECT_EQ(step().again, epoch + goldenLook) << "nobody tells when it goes";
  EXPECT_THAT(removed(step()), IsEmpty());
  saved();
  snapshot_.reset();
  builder_->metadata.labels.clear();
  EXPECT_EQ(step().reason, "BuilderFailed");
  EXPECT_FALSE(step().snapshot);
  EXPECT_THAT(removed(step()), IsEmpty());
}

TEST_F(Golden, KnowsItsOwnByAllThatTheOperatorWrites) {
  saved();
  EXPECT_TRUE(api::isBuilder(*builder_));
  EXPECT_TRUE(api::isGolden(*snapshot_));
  const std::vector<std::function<void(api::ObjectMeta&)>> changes{
      [](api::ObjectMeta& meta) { meta.labels.clear(); },
      [](api::ObjectMeta& meta) { meta.name = "python-golden"; },
      [](api::ObjectMeta& meta) { meta.name = "mine"; },
      [](api::ObjectMeta& meta) { meta.ownerReferences.at(0).name = "other"; },
      [](api::ObjectMeta& meta) { meta.ownerReferences.at(0).controller = false; },
      [](api::ObjectMeta& meta) { meta.ownerReferences.at(0).kind = "SandboxPool"; }};
  for (size_t i = 0; i < changes.size(); ++i) {
    SCOPED_TRACE(i);
    api::Sandbox builder = *builder_;
    changes[i](builder.metadata);
    EXPECT_FALSE(api::isBuilder(builder));
    api::SandboxSnapshot snapshot = *snapshot_;
    changes[i](snapshot.metadata);
    EXPECT_FALSE(api::isGolden(snapshot));
  }
  builder_->spec.lifecycle.ttl = minutes(1);
  EXPECT_FALSE(api::isBuilder(*builder_));
  snapshot_->spec.sandboxRef.name = "another";
  EXPECT_FALSE(api::isGolden(*snapshot_));
}

TEST_F(Golden, IsTriedAgainTenMinutesAfterItFailed) {
  make();
  builder_->status.phase = api::Phase::Failed;
  tell(builder_->status.conditions, "False");
  EXPECT_EQ(step().reason, "BuilderFailed");
  EXPECT_THAT(step().message, HasSubstr("Its words."));
  EXPECT_THAT(removed(step()), IsEmpty()) << "it stays for its logs";
  EXPECT_EQ(step().again, epoch + goldenRetry);
  from_.status.goldenFailure = step().failure;
  EXPECT_THAT(removed(step(epoch + goldenRetry)), ElementsAre("builder " + name_));
}

// However: nothing is made again sooner, and the words stay until then.
TEST_F(Golden, WaitsTenMinutesAfterEveryFailure) {
  const std::vector<std::function<void(Golden&)>> ways{
      [](Golden& at) {
        at.make();
        at.builder_->spec.env.push_back({"BY", "webhook"});
      },
      [](Golden& at) {
        at.make();
        at.builder_->status.phase = api::Phase::Succeeded;
      },
      [](Golden& at) { at.begun_ = true; },
      [](Golden& at) {
        at.saved();
        at.builder_.reset();
      },
      [](Golden& at) {
        at.saved();
        at.snapshot_->status.phase = api::SnapshotPhase::Failed;
      },
      [](Golden& at) { at.refused_ = Error{.code = Errc::Forbidden, .message = "exceeded quota"}; },
      [](Golden& at) {
        at.warm();
        at.refused_ = Error{.code = Errc::Forbidden, .message = "exceeded quota"};
      }};
  for (size_t i = 0; i < ways.size(); ++i) {
    SCOPED_TRACE(i);
    from_.status = {};
    builder_.reset();
    snapshot_.reset();
    ways[i](*this);
    const Time failedAt = epoch + minutes(30);
    const GoldenStep failed = step(failedAt);
    EXPECT_FALSE(failed.builder);
    EXPECT_FALSE(failed.snapshot);
    EXPECT_EQ(failed.golden, std::nullopt);
    ASSERT_TRUE(failed.failure);
    EXPECT_EQ(failed.failure->failedAt, failedAt) << "however long the attempt took";
    EXPECT_EQ(failed.again, failedAt + goldenRetry);
    from_.status.goldenFailure = failed.failure;
    builder_.reset();
    snapshot_.reset();
    begun_ = false;
    refused_.reset();
    const GoldenStep waiting = step(failedAt + goldenRetry - seconds(1));
    EXPECT_FALSE(waiting.builder);
    EXPECT_EQ(waiting.reason, failed.reason);
    EXPECT_EQ(waiting.message, failed.message);
    const GoldenStep again = step(failedAt + goldenRetry);
    EXPECT_TRUE(again.builder);
    EXPECT_EQ(again.failure, std::nullopt);
    EXPECT_EQ(again.reason, "Building");
  }
}

TEST_F(Golden, IsTriedAtOnceAfterAnEdit) {
  make();
  builder_->status.phase = api::Phase::Failed;
  from_.status.goldenFailure = step().failure;
  builder_.reset();
  from_.spec.sandbox.image = "python:4";
  name_ = goldenName(from_, revisionName(from_), "shape");
  EXPECT_TRUE(step().builder);
  EXPECT_EQ(step().failure, std::nullopt);
}

// It would be Pending for ever: no node claims it.
TEST_F(Golden, IsGivenUpWhereTheBuilderGoesBeforeANodeSavesIt) {
  warm();
  make();
  tell(snapshot_->status.conditions, "False");
  EXPECT_EQ(step().reason, "Building");
  EXPECT_THAT(step().message, HasSubstr("Its words.")) << "such as that there is no cloister-node";
  builder_.reset();
  EXPECT_EQ(step().reason, "SnapshotFailed");
  EXPECT_THAT(step().message, HasSubstr("Its words."));
  snapshot_->status.nodeName = "node-1";
  EXPECT_EQ(step().reason, "Building") << "the node tells";
}

TEST_F(Golden, SaysWhyItsBuilderWasRefused) {
  refused_ = Error{.code = Errc::Forbidden, .message = "exceeded quota: small"};
  EXPECT_EQ(step().reason, "BuilderFailed");
  EXPECT_THAT(step().message, HasSubstr("exceeded quota: small"));
  refused_.reset();
  warm();
  refused_ = Error{.code = Errc::Forbidden, .message = "no right to it"};
  EXPECT_EQ(step().reason, "SnapshotFailed");
  EXPECT_THAT(step().message, HasSubstr("no right to it"));
}

TEST_F(Golden, IsMadeAtOnceWhereSomebodyDeletedIt) {
  named();
  builder_.reset();
  snapshot_.reset();
  EXPECT_TRUE(step().builder);
  EXPECT_EQ(step().golden, std::nullopt);
}

// ... or where it was lost with its node, say, after it had been good.
TEST_F(Golden, IsMadeAtOnceWhereWhatWasNamedIsNoGoodAnyMore) {
  named();
  builder_.reset();
  snapshot_->status.phase = api::SnapshotPhase::Failed;
  const GoldenStep next = step();
  EXPECT_THAT(removed(next), ElementsAre("snapshot " + name_));
  EXPECT_EQ(next.failure, std::nullopt);
  EXPECT_EQ(next.reason, "Building");
  EXPECT_EQ(next.golden, from_.status.golden) << "until it is gone: else it would be a failed attempt";
  snapshot_.reset();
  EXPECT_TRUE(step().builder);
  EXPECT_EQ(step().failure, std::nullopt);
}

// A builder's time is not that of those that begin from it; its program is asked no longer than it may take.
TEST(Builder, LivesByItsOwnTimes) {
  api::SandboxSpec spec;
  spec.lifecycle.expiresAt = epoch;
  spec.lifecycle.maxLifetime = seconds(1);
  spec.lifecycle.onExpiry = api::OnExpiry::Snapshot;
  EXPECT_EQ(asBuilder(spec).lifecycle, api::SandboxLifecycle());
  for (const Duration timeout : {Duration(seconds(1)), Duration(seconds(12)), Duration(minutes(5))}) {
    json::value pod{{"spec", {{"containers", json::array{json::object()}}}}};
    makeBuilder({.readyCommand = {"true"}, .timeout = timeout}, {}, pod);
    const json::object& probe = pod.at("spec").at("containers").at(0).at("startupProbe").as_object();
    EXPECT_LE(probe.at("timeoutSeconds").as_int64(), probe.at("periodSeconds").as_int64());
    const Duration all =
        seconds(probe.at("failureThreshold").as_int64() * probe.at("periodSeconds").as_int64());
    EXPECT_GE(all, timeout);
    EXPECT_LT(all, timeout + warmUpPeriod);
  }
}

TEST_F(Golden, IsNotWhatHasItsNameByNow) {
  named();
  builder_.reset();
  snapshot_->metadata.uid = "another";
  EXPECT_EQ(step().reason, "SnapshotFailed");
  EXPECT_THAT(removed(step()), ElementsAre("snapshot " + name_));
}

TEST_F(Golden, OfBeforeStaysUntilThereIsTheNext) {
  named();
  const std::string before = name_;
  others_ = {*snapshot_};
  snapshot_.reset();
  builder_.reset();
  from_.spec.sandbox.image = "python:4";
  name_ = goldenName(from_, revisionName(from_), "shape");
  GoldenStep next = step();
  EXPECT_TRUE(next.builder);
  EXPECT_EQ(next.golden->snapshotName, before);
  EXPECT_THAT(removed(next), IsEmpty());
  from_.status.golden.reset();
  wanted_ = {before};
  EXPECT_THAT(removed(step()), IsEmpty()) << "a Sandbox is about to begin from it";
  wanted_.clear();
  EXPECT_THAT(removed(step()), ElementsAre("snapshot " + before));
}

TEST_F(Golden, GoesWhereItIsNotWantedOrCannotBe) {
  named();
  const auto gone = ElementsAre("builder " + name_, "snapshot " + name_);
  from_.spec.sandbox.runtime = api::Runtime::kata;
  config_.runtimes.kata.allowed = true;
  EXPECT_EQ(step().reason, "Unsupported");
  EXPECT_EQ(step().golden, std::nullopt);
  EXPECT_THAT(removed(step()), gone);
  from_.spec.sandbox.runtime.reset();
  from_.spec.sandbox.workspace.storageClass = "fast";
  EXPECT_THAT(step().message, HasSubstr("storageClass"));
  from_.spec.sandbox.workspace.storageClass.clear();
  config_.snapshots.enabled = false;
  EXPECT_THAT(step().message, HasSubstr("snapshots.enabled"));
  from_.spec.golden.reset();
  EXPECT_EQ(step().reason, "");
  EXPECT_THAT(removed(step()), gone);
}

}  // namespace
}  // namespace cloister::templates
