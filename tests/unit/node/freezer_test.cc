// The agent's freezer against an API server in memory and a runsc that the test plays.
#include "node/agent/freezer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/apiserver/api_server.h"
#include "tests/support/scripted_transport.h"
#include "tests/support/sim_clock.h"

namespace cloister::node {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const kube::ObjectKey key{"team", "box-1"};

class FakeRunsc final : public Runsc {
 public:
  std::string podUID;
  bool isPaused = false;
  bool saves = false;
  std::vector<std::string> calls;
  std::optional<Error> failure;

  Task<Result<std::vector<RunningContainer>>> list() override {
    calls.emplace_back("list");
    co_return std::vector<RunningContainer>{
        {.id = "root",
         .bundle = "/r",
         .podUID = podUID,
         .isRoot = true,
         .status = isPaused ? "paused" : "running"},
        {.id = "box", .bundle = "/b", .podUID = podUID, .status = "running"}};
  }
  Task<Result<void>> checkpoint(std::string, std::string) override { co_return Result<void>{}; }
  Task<Result<void>> saveFiles(std::string, std::string, std::string) override { co_return Result<void>{}; }
  bool isSaving(const std::string& id) const override { return saves && id == "root"; }
  Task<Result<void>> pause(std::string id) override { return act("pause " + id, true); }
  Task<Result<void>> resume(std::string id) override { return act("resume " + id, false); }
  Task<Result<void>> kill(std::string id) override { return act("kill " + id, isPaused); }
  Task<Result<std::string>> version() override { co_return "v1"; }

 private:
  Task<Result<void>> act(std::string call, bool paused) {
    calls.push_back(std::move(call));
    if (failure) co_return fail(*failure);
    isPaused = paused;
    co_return Result<void>{};
  }
};

class FreezerTest : public testing::Test {
 protected:
  FreezerTest() {
    server_.create("admin", "namespaces", {{"metadata", {{"name", "team"}}}});
    transport_.on("PATCH", "/", [this](const net::Request& request) {
      if (away_) return net::Response{.status = 503};
      return server_.serve(request, "agent");
    });
    server_.create("operator", "pods",
                   {{"metadata", {{"name", "box-1"}, {"namespace", "team"}}}, {"spec", json::object()}});
    edit([](json::value& pod) {
      pod.as_object()["status"] = {{"phase", "Running"},
                                   {"conditions", json::array{{{"type", "Ready"}, {"status", "True"}}}}};
    });
    runsc_.podUID = pod().metadata.uid;
  }

  void edit(const std::function<void(json::value&)>& change) {
    server_.edit("operator", {"pods", key}, change);
    sync();
  }
  void ask(const std::string& wish) {
    edit([&](json::value& pod) {
      pod.at("metadata").as_object()["annotations"] = {{api::freezeAnnotation, wish}};
    });
  }
  void sync() {
    const auto object = server_.storage().get({"pods", key});
    pods_.replace("", {*json::decode<api::Pod>(object->json)}, std::to_string(server_.storage().revision()));
  }
  api::Pod pod() { return *pods_.get(key); }
  // The calls that this makes.
  std::vector<std::string> reconcile() {
    runsc_.calls.clear();
    const auto outcome = test::run(clock_, freezer_.reconcile(key, 1));
    succeeded_ = outcome.has_value();
    again_ = outcome && outcome->again;
    sync();
    return runsc_.calls;
  }

  cloister::test::SimClock clock_;
  cloister::test::ScriptedTransport transport_{clock_};
  cloister::test::ApiServer server_{clock_};
  kube::Client client_{transport_, clock_};
  runtime::Store<api::Pod> pods_;
  FakeRunsc runsc_;
  Freezer freezer_{{client_, clock_, pods_, runsc_}};
  bool away_ = false;
  bool succeeded_ = false;
  bool again_ = false;
};

TEST_F(FreezerTest, StopsAndLetsGoOn) {
  EXPECT_THAT(reconcile(), IsEmpty());
  ask("7");
  EXPECT_THAT(reconcile(), ElementsAre("list", "pause root"));
  EXPECT_TRUE(api::isFrozen(pod()));
  EXPECT_EQ(pod().status.conditions.size(), 2U) << "the kubelet's are left alone";
  EXPECT_THAT(reconcile(), IsEmpty());
  ask("");
  EXPECT_THAT(reconcile(), ElementsAre("list", "resume root"));
  EXPECT_EQ(findPodCondition(pod(), api::frozenCondition)->status, "False");
  EXPECT_THAT(reconcile(), IsEmpty());
}

TEST_F(FreezerTest, AnswersANewWishThoughItStandsStillAlready) {
  ask("7");
  reconcile();
  ask("9");
  EXPECT_THAT(reconcile(), ElementsAre("list"));
  EXPECT_TRUE(api::isFrozen(pod()));
}

TEST_F(FreezerTest, DoesNotForgetWhatItCouldNotTell) {
  ask("7");
  away_ = true;
  reconcile();
  EXPECT_FALSE(succeeded_);
  away_ = false;
  ask("");
  EXPECT_THAT(reconcile(), ElementsAre("list", "resume root")) << "no condition says that it stands still";
}

TEST_F(FreezerTest, FindsOutWhatAnAgentBeforeItLeft) {
  runsc_.isPaused = true;
  freezer_.doubt(pod());
  EXPECT_THAT(reconcile(), ElementsAre("list", "resume root"));
  EXPECT_THAT(reconcile(), IsEmpty());
}

TEST_F(FreezerTest, TellsWhatFailsAndTriesAgain) {
  ask("7");
  runsc_.failure = Error{Errc::Internal, "runsc failed (128): no"};
  reconcile();
  EXPECT_FALSE(succeeded_);
  EXPECT_EQ(findPodCondition(pod(), api::frozenCondition)->message, "runsc failed (128): no");
  runsc_.failure.reset();
  EXPECT_THAT(reconcile(), ElementsAre("list", "pause root"));
  EXPECT_TRUE(api::isFrozen(pod()));
}

TEST_F(FreezerTest, WaitsForACheckpoint) {
  ask("7");
  runsc_.saves = true;
  EXPECT_THAT(reconcile(), ElementsAre("list"));
  EXPECT_TRUE(succeeded_);
  EXPECT_TRUE(again_) << "nothing else tells of its end";
  EXPECT_EQ(findPodCondition(pod(), api::frozenCondition), nullptr);
  runsc_.saves = false;
  EXPECT_THAT(reconcile(), ElementsAre("list", "pause root"));
  EXPECT_TRUE(api::isFrozen(pod()));
}

TEST_F(FreezerTest, EndsOneThatIsDeleted) {
  ask("7");
  reconcile();
  edit([](json::value& pod) {
    pod.at("metadata").as_object()["deletionTimestamp"] = "2026-01-01T00:00:00Z";
    pod.at("metadata").as_object()["finalizers"] = json::array{"test/kept"};
  });
  EXPECT_THAT(reconcile(), ElementsAre("list", "kill box", "resume root"));
}

TEST_F(FreezerTest, DoesNotResumeWhatItCouldNotKill) {
  ask("7");
  reconcile();
  edit(
      [](json::value& pod) { pod.at("metadata").as_object()["deletionTimestamp"] = "2026-01-01T00:00:00Z"; });
  runsc_.failure = Error{Errc::Internal, "no"};
  EXPECT_THAT(reconcile(), ElementsAre("list", "kill box"));
  EXPECT_FALSE(succeeded_);
}

}  // namespace
}  // namespace cloister::node
