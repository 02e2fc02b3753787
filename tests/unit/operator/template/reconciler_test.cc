// The SandboxTemplate controller against an API server.
#include "operator/template/reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/template/revision.h"
#include "tests/unit/operator/examples.h"
#include "tests/unit/operator/one_reconciler.h"

namespace cloister::templates {
namespace {

using std::chrono::minutes;
using testing::ElementsAre;
using testing::IsEmpty;

const kube::ObjectKey key{"team", "python"};

class TemplateReconciler : public test::OneReconciler<Reconciler> {
 protected:
  TemplateReconciler() {
    template_.metadata.name = "python";
    template_.metadata.namespace_ = "team";
    template_.metadata.uid = "template-uid";
    template_.metadata.generation = 1;
    edit("python:3");
    restart();
  }

  void restart() {
    reconciler_.emplace(Parts{.client = client_, .clock = clock_, .config = config_, .stores = stores_});
  }
  Result<runtime::Outcome> reconcile() { return OneReconciler::reconcile(key); }
  // The template says IMAGE from now on, and somebody has made something from it.
  std::string edit(const std::string& image) {
    template_.spec.sandbox.image = image;
    json::value stored = server_.get("sandboxtemplates", key);
    if (stored.is_null()) stored = json::encode(template_);
    stored.as_object()["spec"] = json::encode(template_.spec);
    server_.put("sandboxtemplates", stored);
    server_.put("controllerrevisions", revisionOf(template_));
    return revisionName(template_);
  }
  void putSandbox(const std::string& name, const std::string& revision,
                  api::Phase phase = api::Phase::Running) {
    api::Sandbox sandbox = test::aSandbox(name);
    sandbox.status.templateRevision = revision;
    sandbox.status.phase = phase;
    server_.put("sandboxes", json::encode(sandbox));
  }
  bool isKept(const std::string& revision) const {
    return !server_.get("controllerrevisions", {"team", revision}).is_null();
  }
  api::SandboxTemplateStatus status() const {
    return json::decode<api::SandboxTemplate>(server_.get("sandboxtemplates", key))->status;
  }

  api::SandboxTemplate template_;
};

TEST_F(TemplateReconciler, TellsWhoRunsAnOldRevision) {
  const std::string old = revisionName(template_);
  putSandbox("a", old);
  putSandbox("b", old, api::Phase::Failed);
  const std::string present = edit("python:4");
  putSandbox("c", present);
  EXPECT_TRUE(reconcile());
  EXPECT_EQ(status().revision, present);
  EXPECT_EQ(status().sandboxes, 2) << "that live";
  EXPECT_EQ(status().outdated, 1);
  EXPECT_EQ(status().observedGeneration, 1);
  EXPECT_EQ(status().conditions.at(0).status, "True");
  EXPECT_TRUE(reconcile());
  EXPECT_THAT(server_.writes(), ElementsAre("PATCH sandboxtemplates/status")) << "once";
}

class GoldenReconciler : public TemplateReconciler {
 protected:
  GoldenReconciler() {
    config_.snapshots.enabled = true;
    template_.spec.golden = api::SandboxTemplateGolden{.readyCommand = {"true"}, .timeout = {}};
    edit("python:3");
  }
  std::vector<std::string> named(const char* plural) const {
    std::vector<std::string> names;
    for (const json::value& object : server_.all(plural))
      names.push_back(json::findString(object, "metadata.name"));
    return names;
  }
  std::string told() const {
    const std::vector<api::Condition> conditions = status().conditions;
    const api::Condition* golden = api::findCondition(conditions, "GoldenReady");
    return golden == nullptr ? "" : golden->reason + ": " + golden->message;
  }
  // The only one is Ready, and its pod is of the present revision.
  void warm() {
    json::value builder = server_.all("sandboxes").at(0);
    api::SandboxStatus status;
    status.phase = api::Phase::Running;
    status.podUID = "pod-uid";
    status.templateRevision = revisionName(template_);
    status.conditions = {{.type = "Ready",
                          .status = "True",
                          .observedGeneration = 1,
                          .lastTransitionTime = test::epoch,
                          .reason = "Running",
                          .message = {}}};
    builder.as_object()["status"] = json::encode(status);
    server_.put("sandboxes", builder);
  }
  void saved() {
    json::value snapshot = server_.all("sandboxsnapshots").at(0);
    api::SandboxSnapshotStatus status;
    status.phase = api::SnapshotPhase::Ready;
    status.podUID = "pod-uid";
    status.image = "python:3";
    snapshot.as_object()["status"] = json::encode(status);
    server_.put("sandboxsnapshots", snapshot);
  }
};

TEST_F(GoldenReconciler, MakesAndNamesIt) {
  EXPECT_TRUE(reconcile());
  warm();
  EXPECT_TRUE(reconcile());
  EXPECT_EQ(status().sandboxes, 0) << "the builder is nobody's";
  saved();
  EXPECT_TRUE(reconcile());
  EXPECT_EQ(told().substr(0, 6), "Golden");
  EXPECT_EQ(status().golden->snapshotName, named("sandboxsnapshots").at(0));
  EXPECT_TRUE(reconcile());
  EXPECT_THAT(named("sandboxes"), IsEmpty());
  const size_t writes = server_.writes().size();
  EXPECT_TRUE(reconcile());
  EXPECT_EQ(server_.writes().size(), writes);
}

// What the watch has told is older than what the API server has.
TEST_F(GoldenReconciler, NamesNothingThatWasTakenOfWhatSomebodyHasChanged) {
  EXPECT_TRUE(reconcile());
  warm();
  EXPECT_TRUE(reconcile());
  saved();
  server_.sync(stores_);
  json::value builder = server_.all("sandboxes").at(0);
  builder.at("spec").as_object()["env"] = json::array{{{"name", "A"}, {"value", "1"}}};
  server_.put("sandboxes", builder);
  EXPECT_TRUE(test::run(clock_, reconciler_->reconcile(key, 1)));
  EXPECT_EQ(status().golden, std::nullopt);
  EXPECT_EQ(told().substr(0, 14), "SnapshotFailed");
}

TEST_F(GoldenReconciler, RemovesTheOldBuilderWhereTheNextIsRefused) {
  EXPECT_TRUE(reconcile());
  edit("python:4");
  server_.admission = [](const net::Request& request) -> std::optional<net::Response> {
    if (request.method != "POST") return std::nullopt;
    return test::refusal(403, "Forbidden", "exceeded quota: one-sandbox");
  };
  EXPECT_TRUE(reconcile());
  EXPECT_THAT(named("sandboxes"), IsEmpty()) << "it was in the way";
  EXPECT_THAT(told(), testing::Not(testing::HasSubstr("BuilderFailed"))) << "it may be counted still";
  clock_.advance(minutes(1));
  EXPECT_TRUE(reconcile());
  EXPECT_THAT(told(), testing::HasSubstr("BuilderFailed: "));
  EXPECT_THAT(told(), testing::HasSubstr("exceeded quota: one-sandbox"));
  const size_t writes = server_.writes().size();
  server_.admission = nullptr;
  EXPECT_TRUE(reconcile());
  EXPECT_EQ(server_.writes().size(), writes) << "not at once";
  clock_.advance(minutes(10));
  EXPECT_TRUE(reconcile());
  EXPECT_EQ(named("sandboxes").size(), 1u);
}

TEST_F(GoldenReconciler, NoticesThatItsBuilderIsGone) {
  EXPECT_TRUE(reconcile());
  EXPECT_TRUE(reconcile());
  server_.erase("sandboxes", {"team", named("sandboxes").at(0)});
  EXPECT_TRUE(reconcile());
  EXPECT_THAT(told(), testing::HasSubstr("BuilderFailed: "));
  EXPECT_THAT(named("sandboxes"), IsEmpty());
}

// Another one, which leads as well, has told of it, and after ten minutes that the next attempt begins.
TEST_F(GoldenReconciler, CountsABuilderThatIsGoneAsOneFailureAlone) {
  EXPECT_TRUE(reconcile());
  EXPECT_TRUE(reconcile());
  const std::string name = named("sandboxes").at(0);
  const auto tell = [&](std::optional<api::GoldenFailure> failure) {
    json::value stored = server_.get("sandboxtemplates", key);
    api::SandboxTemplateStatus next = status();
    next.goldenFailure = std::move(failure);
    stored.as_object()["status"] = json::encode(next);
    server_.put("sandboxtemplates", stored);
  };
  server_.erase("sandboxes", {"team", name});
  tell(api::GoldenFailure{
      .name = name, .failedAt = clock_.now(), .reason = "BuilderFailed", .message = "Gone."});
  EXPECT_TRUE(reconcile());
  EXPECT_THAT(named("sandboxes"), IsEmpty());
  tell(std::nullopt);
  EXPECT_TRUE(reconcile());
  EXPECT_THAT(named("sandboxes"), ElementsAre(name));
}

TEST_F(GoldenReconciler, MakesItOnceAStrangersSandboxOfItsNameIsGone) {
  EXPECT_TRUE(reconcile());
  const kube::ObjectKey taken{"team", named("sandboxes").at(0)};
  server_.erase("sandboxes", taken);
  server_.put("sandboxes",
              {{"metadata", {{"name", taken.name}, {"namespace", "team"}, {"uid", "a-strangers"}}},
               {"spec", json::object()}});
  EXPECT_TRUE(reconcile());
  server_.erase("sandboxes", taken);
  EXPECT_TRUE(reconcile());
  EXPECT_THAT(told(), testing::Not(testing::HasSubstr("BuilderFailed")));
  EXPECT_THAT(named("sandboxes"), ElementsAre(taken.name));
}

TEST_F(GoldenReconciler, MakesNoSecondBuilderWhileTheFirstCannotBeRemoved) {
  EXPECT_TRUE(reconcile());
  const std::vector<std::string> first = named("sandboxes");
  edit("python:4");
  server_.admission = [](const net::Request& request) -> std::optional<net::Response> {
    if (request.method != "DELETE") return std::nullopt;
    return test::refusal(403, "Forbidden", "admission webhook \"keep\" denied the request");
  };
  EXPECT_FALSE(reconcile());
  EXPECT_EQ(named("sandboxes"), first);
  server_.admission = nullptr;
  EXPECT_TRUE(reconcile());
  EXPECT_EQ(named("sandboxes").size(), 1u);
  EXPECT_NE(named("sandboxes"), first);
}

// Another one, which leads as well, has seen the edit and made the next builder.
TEST_F(GoldenReconciler, RemovesNothingByAnOlderViewOfTheTemplate) {
  edit("python:4");
  EXPECT_TRUE(reconcile());
  const json::value next = server_.all("sandboxes").at(0);
  const std::string name = json::findString(next, "metadata.name");
  edit("python:3");
  EXPECT_TRUE(reconcile());
  EXPECT_TRUE(reconcile());
  ASSERT_THAT(named("sandboxes"), testing::Not(testing::Contains(name)));
  server_.put("sandboxes", next);
  server_.sync(stores_);
  edit("python:4");
  EXPECT_FALSE(test::run(clock_, reconciler_->reconcile(key, 1)));
  EXPECT_THAT(named("sandboxes"), testing::Contains(name));
  EXPECT_TRUE(reconcile());
  EXPECT_THAT(named("sandboxes"), ElementsAre(name));
}

// Owner references are anybody's to write.
TEST_F(GoldenReconciler, LeavesWhatMerelyHasTheTemplateForItsOwner) {
  template_.spec.golden.reset();
  edit("python:3");
  for (const char* name : {"box", "python-golden-bcdfghjk"}) {
    api::Sandbox sandbox = test::aSandbox(name);
    sandbox.metadata.ownerReferences = {{.apiVersion = "cloister.dev/v1alpha1",
                                         .kind = "SandboxTemplate",
                                         .name = "python",
                                         .uid = "template-uid",
                                         .controller = true,
                                         .blockOwnerDeletion = {}}};
    server_.put("sandboxes", json::encode(sandbox));
    api::SandboxSnapshot snapshot;
    snapshot.metadata = sandbox.metadata;
    snapshot.spec.sandboxRef.name = name;
    server_.put("sandboxsnapshots", json::encode(snapshot));
  }
  EXPECT_TRUE(reconcile());
  EXPECT_THAT(server_.writes(), ElementsAre("PATCH sandboxtemplates/status"));
}

TEST_F(TemplateReconciler, SaysWhatKeepsSandboxesFromBeingMade) {
  template_.spec.sandbox.runtime = api::Runtime::runc;
  edit("python:3");
  EXPECT_TRUE(reconcile());
  EXPECT_EQ(status().conditions.at(0).status, "False");
  EXPECT_EQ(status().conditions.at(0).reason, "NotAllowed");
  EXPECT_THAT(status().conditions.at(0).message, testing::HasSubstr("spec.runtime"));
}

TEST_F(TemplateReconciler, RemovesRevisionsThatNothingUsesForTenMinutes) {
  const std::string unused = revisionName(template_);
  const std::string used = edit("python:4");
  putSandbox("a", used, api::Phase::Failed);
  const std::string present = edit("python:5");
  EXPECT_EQ(reconcile()->again, clock_.now() + minutes(10));
  clock_.advance(minutes(10) - Duration(1));
  EXPECT_TRUE(reconcile());
  EXPECT_TRUE(isKept(unused));
  clock_.advance(Duration(1));
  EXPECT_TRUE(reconcile());
  EXPECT_FALSE(isKept(unused));
  EXPECT_TRUE(isKept(used));
  EXPECT_TRUE(isKept(present));
}

TEST_F(TemplateReconciler, KeepsWhatAPodWasMadeFrom) {
  const std::string old = revisionName(template_);
  api::Pod pod = test::podOf(test::aSandbox("a"));
  pod.metadata.labels[std::string(api::revisionLabel)] = old;
  server_.put("pods", json::encode(pod));
  edit("python:4");
  EXPECT_TRUE(reconcile());
  clock_.advance(minutes(20));
  EXPECT_TRUE(reconcile());
  EXPECT_TRUE(isKept(old));
}

TEST_F(TemplateReconciler, LeavesANamesakesRevisionsToTheGarbageCollector) {
  json::value foreign = revisionOf(template_);
  foreign.at("metadata").as_object()["name"] = "python-other";
  foreign.at("metadata").at("ownerReferences").at(0).as_object()["uid"] = "earlier";
  server_.put("controllerrevisions", foreign);
  EXPECT_EQ(reconcile()->again, std::nullopt);
}

TEST_F(TemplateReconciler, GetsOverEachFailure) {
  for (const auto fault : {test::Fault::Refused, test::Fault::LostAnswer, test::Fault::Silent}) {
    const std::string old = edit("python:3");
    EXPECT_TRUE(reconcile());
    edit("python:4");
    for (size_t step = 0; step < 2; ++step) {
      EXPECT_TRUE(reconcile());
      clock_.advance(minutes(10));
      edit(step == 0 ? "python:5" : "python:6");
      transport_.failCall(transport_.requests().size() + step, fault);
      EXPECT_FALSE(reconcile()) << "so it comes again";
      EXPECT_TRUE(reconcile());
      EXPECT_EQ(status().revision, revisionName(template_));
    }
    EXPECT_FALSE(isKept(old));
  }
}

TEST_F(TemplateReconciler, HasNothingToDoForWhatIsGone) {
  server_.erase("sandboxtemplates", key);
  EXPECT_TRUE(reconcile());
  EXPECT_THAT(transport_.requests(), IsEmpty());
}

}  // namespace
}  // namespace cloister::templates
