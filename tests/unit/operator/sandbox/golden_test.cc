// Sandboxes that begin from their template's golden snapshot, and the builder that it is taken of.
#include "operator/template/golden.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/sandbox/warm.h"
#include "operator/template/revision.h"
#include "tests/unit/operator/sandbox/warm.h"

namespace cloister::sandbox {
namespace {

using testing::ElementsAre;

class FromGolden : public test::Warm {
 protected:
  FromGolden() {
    world_.config.snapshots.enabled = true;
    template_.spec.golden = api::SandboxTemplateGolden{.readyCommand = {"test", "-e", "warm"}, .timeout = {}};
    snapshot_.metadata.namespace_ = "team";
    snapshot_.metadata.uid = "golden-uid";
    snapshot_.status.phase = api::SnapshotPhase::Ready;
    snapshot_.status.nodeName = "node-1";
    snapshot_.status.image = "python:3";
    snapshot_.status.imageID = "python@sha256:1";
    makeGolden();
    keepRevision();
    world_.nodeWorks = false;
  }

  // The snapshot is of what the template says now.
  void makeGolden() {
    snapshot_.metadata.name = templates::goldenName(template_, templates::revisionName(template_),
                                                    plainShape(template_, world_.config));
    template_.status.golden = api::GoldenSnapshot{snapshot_.metadata.name, snapshot_.metadata.uid};
    world_.server.put("sandboxsnapshots", json::encode(snapshot_));
    putTemplate();
  }
  static api::Sandbox ofTemplate() {
    api::Sandbox sandbox = test::aSandbox();
    sandbox.spec.templateRef = api::LocalReference{"python"};
    return sandbox;
  }
  json::value pod() const { return world_.server.all("pods").at(0); }
  std::string asksFor() const {
    const json::value* annotations = json::find(pod(), "metadata.annotations");
    const json::value* asked = annotations->get_object().if_contains(api::restoreAnnotation);
    return asked == nullptr ? "" : std::string(asked->as_string());
  }
  // Its container has ended before it ran, as the kubelet says.
  api::Pod refused(const api::Pod& pod) {
    api::Pod out = test::ended(test::scheduled(pod), 128, "StartError", "restoring failed");
    out.status.containerStatuses.at(0).state.terminated->startedAt = Time();
    return out;
  }
  // Pods of the pool that wait, each on its node, with the image that was saved.
  void putHeld(std::initializer_list<std::pair<std::string, std::string>> pods) {
    pool_.spec.hold = true;
    putPool();
    for (const auto& [name, node] : pods) {
      putIdle(name, node);
      auto held = *json::decode<api::Pod>(world_.server.get("pods", {"team", name}));
      held.status.containerStatuses.at(0).imageID = "python@sha256:1";
      held.status.conditions.push_back({.type = std::string(api::heldCondition),
                                        .status = "True",
                                        .reason = {},
                                        .message = {},
                                        .lastTransitionTime = test::epoch});
      world_.putPod(held);
    }
  }
  // SANDBOX has a pod, which is to begin from it.
  bool isGolden(const api::Sandbox& sandbox) {
    settled(sandbox);
    return world_.server.all("pods").size() == 1 && asksFor() == "golden/" + snapshot_.metadata.name;
  }

  api::SandboxSnapshot snapshot_;
};

TEST_F(FromGolden, IsNamedByTheStatusBeforeThereIsAPod) {
  EXPECT_TRUE(isGolden(ofTemplate()));
  EXPECT_EQ(world_.sandbox().status.golden, (api::GoldenStart{snapshot_.metadata.name, "golden-uid", ""}));
  EXPECT_THAT(world_.server.writes(), ElementsAre("PATCH sandboxes/status", "POST pods"));
  EXPECT_EQ(json::findString(pod(), "spec.containers.0.image"), "python@sha256:1");
  const json::value* affinity = json::find(pod(), "spec.affinity.nodeAffinity");
  ASSERT_NE(affinity, nullptr);
  EXPECT_FALSE(affinity->as_object().contains("requiredDuringSchedulingIgnoredDuringExecution"))
      << "it starts elsewhere as well";
}

// Found by seed 1500173271: nothing needs it until then, and its template may have another one.
TEST_F(FromGolden, IsNamedAnewForTheNextPod) {
  template_.spec.sandbox.restartPolicy = api::RestartPolicy::Always;
  makeGolden();
  keepRevision();
  ASSERT_TRUE(isGolden(ofTemplate()));
  const api::Pod ran = test::ready(test::scheduled(world_.pods().at(0)));
  world_.putPod(ran);
  world_.settle();
  world_.putPod(test::ended(ran, 1, "Error"));
  world_.settle();
  EXPECT_EQ(world_.sandbox().status.golden, std::nullopt);
  world_.clock.advance(std::chrono::minutes(1));
  world_.settle();
  EXPECT_EQ(world_.sandbox().status.golden, (api::GoldenStart{snapshot_.metadata.name, "golden-uid", ""}));
}

TEST_F(FromGolden, IsNotForWhoSetsSomethingOfThePods) {
  api::Sandbox sandbox = ofTemplate();
  sandbox.spec.env = {{"A", "1"}};
  EXPECT_FALSE(isGolden(sandbox));
  EXPECT_EQ(world_.sandbox().status.golden, std::nullopt);
}

TEST_F(FromGolden, IsForWhoSetsOnlyItsTime) {
  api::Sandbox sandbox = ofTemplate();
  sandbox.spec.lifecycle.ttl = std::chrono::hours(1);
  EXPECT_TRUE(isGolden(sandbox));
}

TEST_F(FromGolden, IsNotBegunFromOnceTheTemplateOrTheConfigurationSaysSomethingElse) {
  template_.spec.sandbox.image = "python:4";
  putTemplate();
  EXPECT_FALSE(isGolden(ofTemplate()));
}

TEST_F(FromGolden, IsNotBegunFromWhereItIsGone) {
  world_.server.erase("sandboxsnapshots", api::keyOf(snapshot_.metadata));
  EXPECT_FALSE(isGolden(ofTemplate()));
}

TEST_F(FromGolden, IsNotAnotherOfItsName) {
  snapshot_.metadata.uid = "another";
  world_.server.put("sandboxsnapshots", json::encode(snapshot_));
  EXPECT_FALSE(isGolden(ofTemplate()));
}

TEST_F(FromGolden, GivesWayToASnapshotOfItsOwn) {
  api::SandboxSnapshot own = snapshot_;
  own.metadata.name = "own";
  world_.server.put("sandboxsnapshots", json::encode(own));
  api::Sandbox sandbox = ofTemplate();
  sandbox.spec.restoreFrom = api::LocalReference{"own"};
  EXPECT_FALSE(isGolden(sandbox));
  EXPECT_EQ(asksFor(), "own");
  EXPECT_EQ(world_.sandbox().status.golden, std::nullopt);
}

TEST_F(FromGolden, TakesTheHeldPodThatCanBeginFromIt) {
  putHeld({{"warm-0", "node-2"}, {"warm-1", "node-1"}});
  const api::Sandbox sandbox = settled(wish());
  EXPECT_EQ(sandbox.status.golden, (api::GoldenStart{snapshot_.metadata.name, "golden-uid", ""}));
  EXPECT_EQ(sandbox.status.podName, "warm-1");
  const api::Pod taken = *json::decode<api::Pod>(world_.server.get("pods", {"team", "warm-1"}));
  EXPECT_EQ(api::annotationOf(taken.metadata, api::restoreAnnotation), "golden/" + snapshot_.metadata.name)
      << "who takes it says for which one";
  EXPECT_NE(api::annotationOf(taken.metadata, api::shapeAnnotation), "");
  EXPECT_EQ(world_.server.writes().at(0), "PATCH sandboxes/status") << "before it has the pod";
}

TEST_F(FromGolden, IsNotToldToAHeldPodThatCannotBeginFromIt) {
  putHeld({{"warm-0", "node-2"}});
  const api::Sandbox sandbox = settled(wish());
  EXPECT_EQ(sandbox.status.podName, "warm-0");
  EXPECT_EQ(sandbox.status.golden, std::nullopt);
  EXPECT_FALSE(pod().at("metadata").at("annotations").as_object().contains(api::restoreAnnotation));
}

// Which is not reckoned anew for each plan.
TEST_F(FromGolden, IsOfTheRevisionThatTheTemplateIsKnownToHave) {
  Observed observed = test::seen(ofTemplate(), {});
  observed.template_ = std::make_shared<const api::SandboxTemplate>(template_);
  observed.golden = std::make_shared<const api::SandboxSnapshot>(snapshot_);
  const api::SandboxSpec spec = template_.spec.sandbox;
  const auto begins = [&](const std::string& revision) {
    observed.presentRevision = revision;
    return chooseStart(observed, spec, resolve(spec, world_.config), world_.config).golden != nullptr;
  };
  EXPECT_TRUE(begins(templates::revisionName(template_)));
  EXPECT_FALSE(begins("another"));
}

// An adoption has failed, and meanwhile the template says something else: the node's agent believes the
// status.
TEST_F(FromGolden, IsTakenBackWhereTheNextStartIsWithoutIt) {
  putHeld({{"warm-0", "node-2"}});
  api::Sandbox sandbox = wish();
  sandbox.status.golden = api::GoldenStart{"of-before", "uid", ""};
  EXPECT_EQ(settled(sandbox).status.golden, std::nullopt);
  EXPECT_EQ(world_.server.writes().at(0), "PATCH sandboxes/status") << "before it has the pod";
}

TEST_F(FromGolden, IsTriedOnce) {
  ASSERT_TRUE(isGolden(ofTemplate()));
  const api::Pod first = world_.pods().at(0);
  world_.putPod(refused(first));
  world_.settle();
  ASSERT_EQ(world_.pods().size(), 1u);
  EXPECT_NE(world_.pods().at(0).metadata.uid, first.metadata.uid);
  EXPECT_EQ(asksFor(), "") << "it starts as any other";
  EXPECT_EQ(world_.sandbox().status.golden->failedPodUID, first.metadata.uid);
  EXPECT_EQ(world_.sandbox().status.restarts, std::nullopt) << "it is no restart";
  ASSERT_FALSE(world_.reports.empty());
  EXPECT_THAT(world_.reports.back().message, testing::HasSubstr("restoring failed"));
  world_.putPod(refused(world_.pods().at(0)));
  world_.settle();
  EXPECT_EQ(world_.sandbox().status.phase, api::Phase::Failed) << "now it is not the golden snapshot's fault";
}

// Its end would be final.
TEST_F(FromGolden, IsGivenUpWhateverElseFails) {
  ASSERT_TRUE(isGolden(ofTemplate()));
  const api::Pod first = world_.pods().at(0);
  Observed observed = test::seen(world_.sandbox(), {refused(first)});
  observed.failure = Error{Errc::Conflict, "the removal of a second pod"};
  const Plan next = plan(observed, world_.config, world_.clock.now());
  ASSERT_TRUE(next.status);
  EXPECT_EQ(next.status->golden->failedPodUID, first.metadata.uid);
  EXPECT_NE(next.status->phase, api::Phase::Failed);
}

// Another one, which leads as well, has planned a start without it.
TEST_F(FromGolden, IsGivenUpThoughTheStatusDoesNotNameItAnyMore) {
  ASSERT_TRUE(isGolden(ofTemplate()));
  const api::Pod first = world_.pods().at(0);
  api::Sandbox sandbox = world_.sandbox();
  sandbox.status.golden.reset();
  const Observed observed = test::seen(sandbox, {refused(first)});
  const Plan next = plan(observed, world_.config, world_.clock.now());
  ASSERT_TRUE(next.status && next.status->golden);
  EXPECT_EQ(next.status->golden->failedPodUID, first.metadata.uid);
}

// The revision that it was made from goes with the template.
TEST_F(FromGolden, IsGivenUpThoughTheTemplateIsGone) {
  ASSERT_TRUE(isGolden(ofTemplate()));
  const api::Pod first = world_.pods().at(0);
  world_.server.erase("sandboxtemplates", api::keyOf(template_.metadata));
  world_.server.erase("controllerrevisions", {"team", templates::revisionName(template_)});
  world_.putPod(refused(first));
  world_.settle();
  EXPECT_THAT(world_.pods(), testing::IsEmpty());
  EXPECT_EQ(world_.sandbox().status.phase, api::Phase::Pending);
}

TEST_F(FromGolden, IsGivenUpWhereItsImageIsNoMore) {
  for (const char* why : {"ErrImageNeverPull", "ImagePullBackOff"}) {
    SCOPED_TRACE(why);
    ASSERT_TRUE(isGolden(ofTemplate()));
    const api::Pod first = world_.pods().at(0);
    world_.putPod(test::waiting(test::scheduled(first), why, "no such image"));
    world_.settle();
    ASSERT_EQ(world_.pods().size(), 1u);
    EXPECT_EQ(asksFor(), "");
    EXPECT_EQ(json::findString(pod(), "spec.containers.0.image"), "python:3");
    world_.server.erase("sandboxes", test::World::key);
    world_.server.erase("pods", api::keyOf(world_.pods().at(0).metadata));
    world_.restart();
  }
}

TEST_F(FromGolden, IsNotBlamedForWhatEndsAfterItRan) {
  ASSERT_TRUE(isGolden(ofTemplate()));
  world_.putPod(test::ended(test::scheduled(world_.pods().at(0)), 1, "Error"));
  world_.settle();
  EXPECT_EQ(world_.sandbox().status.phase, api::Phase::Failed);
  EXPECT_EQ(world_.sandbox().status.golden->failedPodUID, "");
}

TEST_F(FromGolden, ConcernsNoPodThatHasBegun) {
  putIdle("warm-0");
  EXPECT_EQ(settled(wish()).status.golden, std::nullopt);
}

TEST_F(FromGolden, IsTakenOfABuilderThatNobodyReachesAndThatSaysWhenItIsWarm) {
  template_.spec.sandbox.network.expose = {{.name = {}, .port = 80, .protocol = {}}};
  template_.spec.sandbox.restartPolicy = api::RestartPolicy::Always;
  makeGolden();
  keepRevision();
  api::Sandbox builder = ofTemplate();
  builder.spec = api::builderSpec("python");
  builder.metadata.labels[std::string(api::managedByLabel)] = api::managedBy;
  builder.metadata.ownerReferences = {{.apiVersion = "cloister.dev/v1alpha1",
                                       .kind = "SandboxTemplate",
                                       .name = "python",
                                       .uid = "template-uid",
                                       .controller = true,
                                       .blockOwnerDeletion = {}}};
  builder.metadata.name = snapshot_.metadata.name;
  world_.server.put("sandboxes", json::encode(builder));
  for (int i = 0; i < 2; ++i) {
    world_.sync();
    ASSERT_TRUE(test::run(world_.clock, world_.reconciler->reconcile(api::keyOf(builder.metadata), 1)));
  }
  ASSERT_EQ(world_.pods().size(), 1u);
  EXPECT_EQ(asksFor(), "") << "it is not taken of itself";
  EXPECT_EQ(json::findString(pod(), "spec.containers.0.startupProbe.exec.command.2"), "warm");
  EXPECT_EQ(json::find(pod(), "spec.nodeSelector")->as_object().at("cloister.dev/snapshots"), "true");
  const json::value* labels = json::find(pod(), "metadata.labels");
  EXPECT_FALSE(labels->as_object().contains(api::networkLabel));
}

}  // namespace
}  // namespace cloister::sandbox
