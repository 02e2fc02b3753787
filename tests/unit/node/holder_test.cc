// The agent's holder against an API server in memory.
#include "node/agent/holder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/task_group.h"
#include "tests/support/apiserver/api_server.h"
#include "tests/support/scripted_transport.h"
#include "tests/support/sim_clock.h"
#include "tests/unit/node/storing.h"

namespace cloister::node {
namespace {

const kube::ObjectKey key{"team", "warm-1"};

class HolderTest : public testing::Test {
 protected:
  HolderTest() {
    server_.create("admin", "namespaces", {{"metadata", {{"name", "team"}}}});
    transport_.on("PATCH", "/", [this](const net::Request& request) {
      if (away_) return net::Response{.status = 503};
      return server_.serve(request, "agent");
    });
    server_.create("operator", "pods",
                   {{"metadata", {{"name", "warm-1"}, {"namespace", "team"}}}, {"spec", json::object()}});
    own("SandboxPool");
    request_.podUID = pod().metadata.uid;
  }

  void TearDown() override { cloister::test::run(clock_, stop(&group_)); }
  static Task<bool> stop(TaskGroup* group) {
    co_await group->stop();
    co_return true;
  }

  void own(const char* kind) {
    server_.edit("operator", {"pods", key}, [&](json::value& pod) {
      pod.at("metadata").as_object()["ownerReferences"] =
          json::array{{{"apiVersion", "cloister.dev/v1alpha1"},
                       {"kind", kind},
                       {"name", "x"},
                       {"uid", "x-uid"},
                       {"controller", true}}};
    });
    sync();
  }
  void sync() {
    const auto object = server_.storage().get({"pods", key});
    pods_.replace("", {*json::decode<api::Pod>(object->json)}, std::to_string(server_.storage().revision()));
    holder_.podChanged(key);
  }
  api::Pod pod() { return *json::decode<api::Pod>(server_.storage().get({"pods", key})->json); }
  // What the API server has of it, once it is taken.
  Task<Result<StartView>> look(Instant asked) {
    ++looks_;
    asked_ = asked;
    if (away_) co_return fail(Errc::Unavailable, "away");
    StartView view{.node = "node-1", .runtimeVersion = "v1"};
    if (gone_) co_return view;
    view.pod = *pods_.get(key);
    view.pod->spec.nodeName = "node-1";
    view.sandbox.emplace();
    view.sandbox->metadata.uid = "x-uid";
    view.sandbox->status.podUID = named_;
    co_return view;
  }
  // Begins to wait; what comes of it goes to answer_.
  void ask() {
    request_.stage = StartStage::Wait;
    group_.spawn("wait", wait(this));
    pass(milliseconds(1));
  }
  static Task<void> wait(HolderTest* self) { self->answer_ = co_await self->holder_.wait(self->request_); }
  void pass(Duration time) { clock_.advance(time); }
  std::string held() {
    const api::Pod now = pod();
    const api::PodCondition* said = api::findPodCondition(now, api::heldCondition);
    return said == nullptr ? "" : said->status;
  }

  cloister::test::SimClock clock_;
  cloister::test::ScriptedTransport transport_{clock_};
  cloister::test::ApiServer server_{clock_};
  kube::Client client_{transport_, clock_};
  runtime::Store<api::Pod> pods_;
  NoRunsc runsc_;
  Holder holder_{
      {client_, clock_, pods_, [this](StartRequest, Instant asked) { return look(asked); }, runsc_}};
  TaskGroup group_{clock_.executor()};
  StartRequest request_{.container = "c",
                        .kind = ContainerKind::container,
                        .bundle = "/b",
                        .podNamespace = "team",
                        .podName = "warm-1",
                        .podUID = {}};
  std::optional<StartAnswer> answer_;
  std::string named_;
  bool away_ = false;
  bool gone_ = false;
  int looks_ = 0;
  Instant asked_ = {};  // by what the last look was told
};

TEST_F(HolderTest, TellsThatItWaitsAndAnswersWhenItIsTaken) {
  runsc_.createdWith = "v7";
  ask();
  EXPECT_EQ(held(), "True");
  EXPECT_EQ(api::findPodCondition(pod(), api::heldCondition)->message, "v7");
  sync();
  pass(seconds(60));
  EXPECT_FALSE(answer_);
  EXPECT_EQ(looks_, 0) << "the watch tells";
  named_ = request_.podUID;
  own("Sandbox");
  pass(milliseconds(1));
  ASSERT_TRUE(answer_);
  EXPECT_EQ(answer_->action, StartAction::Start);
}

TEST_F(HolderTest, TellsThatNobodyKnowsItsRunsc) {
  runsc_.createdWith = "";
  ask();
  EXPECT_EQ(api::findPodCondition(pod(), api::heldCondition)->message, "unknown") << "no snapshot is of that";
}

TEST_F(HolderTest, WaitsForTheSandboxToNameIt) {
  ask();
  sync();
  own("Sandbox");
  pass(seconds(5));
  EXPECT_FALSE(answer_);
  named_ = request_.podUID;
  pass(milliseconds(500));
  EXPECT_TRUE(answer_);
}

// What has failed before is not held against it: it has asked for nothing until then.
TEST_F(HolderTest, AsksForWhatItGoesOnFromWhenItIsTaken) {
  ask();
  sync();
  pass(seconds(60));
  sync();
  pass(seconds(60));
  const Instant taken = clock_.instant();
  own("Sandbox");
  pass(seconds(5));
  EXPECT_GT(looks_, 1);
  EXPECT_EQ(asked_, taken);
}

TEST_F(HolderTest, OutlivesTheApiServer) {
  away_ = true;
  ask();
  EXPECT_EQ(held(), "");
  own("Sandbox");
  named_ = request_.podUID;
  pass(seconds(600));
  EXPECT_FALSE(answer_);
  away_ = false;
  pass(milliseconds(500));
  EXPECT_TRUE(answer_);
}

TEST_F(HolderTest, TellsAsSoonAsItCan) {
  away_ = true;
  ask();
  pass(seconds(5));
  away_ = false;
  pass(milliseconds(500));
  EXPECT_EQ(held(), "True");
}

TEST_F(HolderTest, HasWhoeverAsksAskAgain) {
  ask();
  sync();
  pass(std::chrono::minutes(10));
  ASSERT_TRUE(answer_);
  EXPECT_EQ(answer_->action, StartAction::Hold);
}

TEST_F(HolderTest, KeepsNobodyWaitingForAPodThatIsGone) {
  pods_.replace("", {}, std::to_string(server_.storage().revision()));
  gone_ = true;
  ask();
  ASSERT_TRUE(answer_) << "connections are few";
  EXPECT_EQ(answer_->action, StartAction::Hold);
}

TEST_F(HolderTest, NeverSaysAgainThatItWaitsOnceItHasBegun) {
  EXPECT_EQ(cloister::test::run(clock_, holder_.begun(request_)).action, StartAction::Start);
  ask();  // the watch has not told yet
  pass(seconds(5));
  EXPECT_EQ(held(), "False");
}

TEST_F(HolderTest, TellsThatItHasBegun) {
  ask();
  request_.stage = StartStage::Begun;
  away_ = true;
  EXPECT_EQ(cloister::test::run(clock_, holder_.begun(request_)).action, StartAction::Refuse);
  EXPECT_EQ(held(), "True");
  away_ = false;
  EXPECT_EQ(cloister::test::run(clock_, holder_.begun(request_)).action, StartAction::Start);
  EXPECT_EQ(held(), "False");
}

}  // namespace
}  // namespace cloister::node
