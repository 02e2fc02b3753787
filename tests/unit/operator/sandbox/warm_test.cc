// Sandboxes that get their spec from a template and their pod from a pool, against an API server.

#include "tests/unit/operator/sandbox/warm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/owner.h"
#include "operator/pool/design.h"
#include "operator/sandbox/reasons.h"
#include "operator/template/revision.h"

namespace cloister::sandbox {
namespace {

using std::chrono::minutes;
using test::aSandbox;
using test::Warm;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(Warm, IsTwoWrites) {
  putIdle("ready-x-0");
  const api::Sandbox sandbox = settled(wish());
  EXPECT_THAT(world_.server.writes(), ElementsAre("PATCH pods", "PATCH sandboxes/status"));
  EXPECT_EQ(sandbox.status.phase, api::Phase::Running);
  EXPECT_EQ(sandbox.status.podName, "ready-x-0");
  EXPECT_EQ(sandbox.status.podUID, "uid-of-ready-x-0");
  EXPECT_EQ(sandbox.status.templateRevision, templates::revisionName(template_));
  EXPECT_EQ(sandbox.status.startedAt, sandbox.metadata.creationTimestamp) << "not when the pod was ready";
  EXPECT_EQ(sandbox.status.expiresAt, *sandbox.status.startedAt + minutes(10)) << "the template's ttl";
  EXPECT_EQ(reasonOf(sandbox, condition::warmStart), "True FromPool");
  const api::Pod pod = world_.pods().at(0);
  EXPECT_EQ(api::labelOf(pod.metadata, api::sandboxLabel), "hello");
  EXPECT_EQ(api::labelOf(pod.metadata, api::poolLabel), "ready");
  EXPECT_EQ(api::labelOf(pod.metadata, api::managedByLabel), api::managedBy);
  EXPECT_THAT(pod.metadata.ownerReferences, SizeIs(1));
  EXPECT_EQ(api::controllerOf(pod.metadata)->uid, sandbox.metadata.uid);
}

TEST_F(Warm, EndsLikeAnyOther) {
  putIdle("ready-x-0");
  settled(wish());
  world_.clock.advance(minutes(11));
  world_.settle();
  EXPECT_FALSE(world_.findSandbox());
  EXPECT_THAT(world_.pods(), IsEmpty());
}

TEST_F(Warm, TakesTheNodeWithMostAndNeverAClosedOne) {
  putIdle("a", "node-1");
  putIdle("b", "node-2");
  putIdle("c", "node-2");
  putIdle("d", "node-3");
  putIdle("e", "node-3");
  putIdle("f", "node-3");
  world_.server.put("nodes", {{"metadata", {{"name", "node-3"}}}, {"spec", {{"unschedulable", true}}}});
  EXPECT_EQ(settled(wish()).status.podName, "b");
}

TEST_F(Warm, StartsColdFromAnEmptyPoolAndSaysSo) {
  const api::Sandbox sandbox = settled(wish());
  EXPECT_THAT(world_.server.writes(),
              ElementsAre("POST controllerrevisions", "POST pods", "PATCH sandboxes/status"));
  EXPECT_EQ(sandbox.status.phase, api::Phase::Running);
  EXPECT_EQ(reasonOf(sandbox, condition::warmStart), "False PoolEmpty");
  EXPECT_EQ(sandbox.status.templateRevision, templates::revisionName(template_));
  EXPECT_EQ(json::findString(world_.server.all("pods").at(0), "spec.containers.0.image"), "python:3");
}

TEST_F(Warm, WaitsWhereThePoolSaysSo) {
  pool_.spec.whenEmpty = api::WhenEmpty::Wait;
  putPool();
  EXPECT_EQ(reasonOf(settled(wish()), condition::ready), "False PoolEmpty");
  EXPECT_THAT(world_.pods(), IsEmpty());
  putIdle("ready-x-0");
  world_.settle();
  EXPECT_EQ(reasonOf(world_.sandbox(), condition::ready), "True Running");
}

TEST_F(Warm, FailsWhereThePoolSaysSo) {
  pool_.spec.whenEmpty = api::WhenEmpty::Fail;
  putPool();
  const api::Sandbox sandbox = settled(wish());
  EXPECT_EQ(sandbox.status.phase, api::Phase::Failed);
  EXPECT_EQ(reasonOf(sandbox, condition::ready), "False PoolEmpty");
  putIdle("ready-x-0");
  world_.settle();
  EXPECT_EQ(world_.sandbox().status.phase, api::Phase::Failed) << "an end is final";
  EXPECT_EQ(reasonOf(world_.sandbox(), condition::accepted), "True Accepted");
}

TEST_F(Warm, DoesNotWaitForWhatThePoolWillNeverHave) {
  pool_.spec.whenEmpty = api::WhenEmpty::Wait;
  putPool();
  putIdle("ready-x-0");
  api::Sandbox sandbox = wish();
  sandbox.spec.env = {{"KEY", "1"}};
  EXPECT_EQ(reasonOf(settled(sandbox), condition::warmStart), "False PoolMismatch");
  EXPECT_THAT(messageOf(condition::warmStart), HasSubstr("(env)"));
  EXPECT_THAT(world_.pods(), SizeIs(2));
}

TEST_F(Warm, TakesAPodForAnotherLifeTime) {
  putIdle("ready-x-0");
  api::Sandbox sandbox = wish();
  sandbox.spec.lifecycle.ttl = minutes(3);
  sandbox = settled(sandbox);
  EXPECT_EQ(reasonOf(sandbox, condition::warmStart), "True FromPool");
  EXPECT_EQ(sandbox.status.expiresAt, *sandbox.status.startedAt + minutes(3));
}

// It needs a node that can save it.
TEST_F(Warm, TakesNoPodThatCannotBeSavedAtItsEnd) {
  world_.config.snapshots = {.enabled = true, .nodeSelector = {{"cloister.dev/snapshots", "true"}}};
  putIdle("ready-x-0");
  api::Sandbox sandbox = wish();
  sandbox.spec.lifecycle.onExpiry = api::OnExpiry::Suspend;
  EXPECT_EQ(reasonOf(settled(sandbox), condition::warmStart), "False PoolMismatch");
}

TEST_F(Warm, AnEditOfTheTemplateTouchesNothingThatRuns) {
  putIdle("ready-x-0");
  const api::Sandbox before = settled(wish());
  const size_t writes = world_.server.writes().size();
  template_.spec.sandbox.lifecycle.ttl = minutes(1);
  template_.spec.sandbox.network.egress.mode = api::EgressMode::Internet;
  putTemplate();
  world_.restart();
  world_.settle();
  EXPECT_EQ(world_.sandbox().status, before.status);
  EXPECT_EQ(world_.server.writes().size(), writes);
}

TEST_F(Warm, TakesAnOlderPodWhileThePoolIsUpdated) {
  putIdle("old");
  const std::string old = templates::revisionName(template_);
  template_.spec.sandbox.image = "python:4";
  template_.spec.sandbox.lifecycle.ttl = minutes(1);
  putTemplate();
  const api::Sandbox sandbox = settled(wish());
  EXPECT_EQ(sandbox.status.podName, "old");
  EXPECT_EQ(sandbox.status.templateRevision, old);
  EXPECT_EQ(sandbox.status.expiresAt, *sandbox.status.startedAt + minutes(10)) << "as it was made";
}

TEST_F(Warm, PrefersThePresentRevision) {
  putIdle("a-old");
  template_.spec.sandbox.image = "python:4";
  putTemplate();
  putIdle("b-new");
  EXPECT_EQ(settled(wish()).status.podName, "b-new");
}

TEST_F(Warm, TakesNoOlderPodUnderRecreate) {
  putIdle("old");
  template_.spec.sandbox.image = "python:4";
  putTemplate();
  pool_.spec.updateStrategy.type = api::PoolUpdate::Recreate;
  putPool();
  EXPECT_EQ(reasonOf(settled(wish()), condition::warmStart), "False PoolEmpty");
}

TEST_F(Warm, TakesNoPodThatIsNotThePoolsOwn) {
  putIdle("ready-x-0");
  json::value forged = world_.server.get("pods", {"team", "ready-x-0"});
  forged.at("metadata").at("ownerReferences").at(0).as_object()["uid"] = "a-namesake's";
  world_.server.put("pods", forged);
  EXPECT_EQ(reasonOf(settled(wish()), condition::warmStart), "False PoolEmpty");
}

TEST_F(Warm, TakesNoPodWhoseRevisionSomebodyChanged) {
  putIdle("ready-x-0");
  json::value bent = templates::revisionOf(template_);
  bent.at("data").at("sandbox").as_object()["image"] = "evil";
  world_.server.put("controllerrevisions", bent);
  EXPECT_EQ(reasonOf(settled(wish()), condition::warmStart), "False PoolEmpty");
}

TEST_F(Warm, WaitsForItsTemplateAndItsPool) {
  world_.server.erase("sandboxtemplates", {"team", "python"});
  EXPECT_EQ(reasonOf(settled(wish()), condition::accepted), "False TemplateNotFound");
  EXPECT_THAT(world_.pods(), IsEmpty());
  world_.server.erase("sandboxpools", {"team", "ready"});
  world_.settle();
  EXPECT_EQ(reasonOf(world_.sandbox(), condition::accepted), "False PoolNotFound");
  putTemplate();
  putPool();
  world_.settle();
  EXPECT_EQ(reasonOf(world_.sandbox(), condition::ready), "True Running");
}

TEST_F(Warm, GoesOnWhenItsTemplateIsGone) {
  putIdle("ready-x-0");
  const api::Sandbox before = settled(wish());
  world_.server.erase("sandboxtemplates", {"team", "python"});
  world_.server.erase("sandboxpools", {"team", "ready"});
  world_.server.erase("controllerrevisions", {"team", before.status.templateRevision});
  world_.restart();
  world_.settle();
  EXPECT_EQ(world_.sandbox().status.expiresAt, before.status.expiresAt);
  EXPECT_EQ(world_.sandbox().status.phase, api::Phase::Running);
  EXPECT_EQ(reasonOf(world_.sandbox(), condition::accepted), "False TemplateNotFound");
  world_.clock.advance(minutes(10));
  world_.settle();
  EXPECT_FALSE(world_.findSandbox());
}

TEST_F(Warm, LosesNoRevisionThatItsWatchJustHasNotToldOf) {
  putIdle("ready-x-0");
  const api::Sandbox before = settled(wish());
  ASSERT_FALSE(before.status.templateRevision.empty());
  world_.stores->revisions.replace("", {}, "1");
  const size_t writes = world_.server.writes().size();
  world_.stores->sandboxes.put(world_.sandbox());
  ASSERT_TRUE(world_.reconcile());
  EXPECT_EQ(world_.server.writes().size(), writes);
  EXPECT_EQ(reasonOf(world_.sandbox(), condition::accepted), "True Accepted");
  const size_t asked = world_.transport.requests().size();
  ASSERT_TRUE(world_.reconcile());
  EXPECT_EQ(world_.transport.requests().size(), asked) << "what was read is known";
}

// Of the template's times nothing was told but the longest life that it gives.
TEST_F(Warm, HasATimeFromItsStartAlsoWhenItsTemplateWentBefore) {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.templateRef = api::LocalReference{"python"};
  sandbox.spec.lifecycle.ttl = minutes(7);
  keepRevision();
  world_.nodeWorks = false;
  world_.create(sandbox);
  ASSERT_TRUE(world_.reconcile());
  world_.clock.advance(seconds(5));
  world_.settle();
  const Time longest = world_.sandbox().status.expiresAt.value();
  world_.server.erase("controllerrevisions", {"team", templates::revisionName(template_)});
  world_.settle();
  EXPECT_EQ(reasonOf(world_.sandbox(), condition::accepted), "False TemplateNotFound");
  EXPECT_EQ(world_.sandbox().status.expiresAt, longest);
  world_.nodeWorks = true;
  world_.settle();
  sandbox = world_.sandbox();
  EXPECT_EQ(sandbox.status.expiresAt, sandbox.status.startedAt.value() + minutes(7));
  EXPECT_LT(sandbox.status.expiresAt, longest);
  world_.edit([](api::Sandbox& edited) { edited.spec.lifecycle.ttl = minutes(9); });
  world_.settle();
  EXPECT_EQ(world_.sandbox().status.expiresAt, sandbox.status.expiresAt) << "told once, it stays";
}

TEST_F(Warm, RefusesWhatTheTemplateDoesNotLetItSet) {
  putIdle("ready-x-0");
  api::Sandbox sandbox = wish();
  sandbox.spec.image = "mine";
  EXPECT_EQ(reasonOf(settled(sandbox), condition::accepted), "False NotOverridable");
  EXPECT_THAT(messageOf(condition::accepted), HasSubstr("spec.image"));
  EXPECT_THAT(world_.pods(), SizeIs(1));
}

TEST_F(Warm, CarriesOutNothingThatTheTemplateDoesNotLetItSetWhileItRuns) {
  template_.spec.overridable = std::vector<std::string>{};
  putTemplate();
  putIdle("ready-x-0");
  const api::Sandbox before = settled(wish());
  ASSERT_EQ(reasonOf(before, condition::ready), "True Running");
  const auto labels = world_.pods().front().metadata.labels;
  world_.edit([](api::Sandbox& edited) {
    edited.spec.network.egress.mode = api::EgressMode::Internet;
    edited.spec.lifecycle.ttl = minutes(600);
    edited.spec.restartPolicy = api::RestartPolicy::Always;
  });
  world_.settle();
  EXPECT_EQ(reasonOf(world_.sandbox(), condition::accepted), "False NotOverridable");
  EXPECT_EQ(world_.pods().front().metadata.labels, labels);
  EXPECT_EQ(world_.sandbox().status.expiresAt, before.status.expiresAt);
}

TEST_F(Warm, RefusesATemplateThatIsNotThePools) {
  api::Sandbox sandbox = wish();
  sandbox.spec.templateRef = api::LocalReference{"node"};
  EXPECT_EQ(reasonOf(settled(sandbox), condition::accepted), "False TemplateMismatch");
}

TEST_F(Warm, IsColdWithATemplateAlone) {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.templateRef = api::LocalReference{"python"};
  keepRevision();
  sandbox = settled(sandbox);
  EXPECT_THAT(world_.server.writes(), ElementsAre("POST pods", "PATCH sandboxes/status"));
  EXPECT_EQ(reasonOf(sandbox, condition::warmStart), "");
  EXPECT_EQ(sandbox.status.expiresAt, *sandbox.status.startedAt + minutes(10));
}

// Its namespace was deleted and made anew, say, and the watches do not say so yet.
TEST_F(Warm, StartsFromNoTemplateThatIsGone) {
  world_.create(wish());
  world_.server.erase("sandboxtemplates", {"team", "python"});
  const auto refused = world_.reconcile();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::Conflict);
  template_.metadata.uid = "of-the-successor";
  putTemplate();
  EXPECT_FALSE(world_.reconcile());
  EXPECT_THAT(world_.pods(), IsEmpty());
  EXPECT_TRUE(world_.reconcile()) << "what was read is known";
  EXPECT_EQ(api::labelOf(world_.pods().at(0).metadata, api::revisionLabel),
            templates::revisionName(template_));
}

}  // namespace
}  // namespace cloister::sandbox
