// A store that follows an API server: watcher, informer, store and controller together.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/task_group.h"
#include "kube/watcher.h"
#include "runtime/controller.h"
#include "runtime/informer.h"
#include "tests/support/scripted_transport.h"
#include "tests/support/sim_clock.h"
#include "tests/unit/runtime/thing.h"

namespace cloister::runtime::test {
namespace {

using cloister::test::answer;
using cloister::test::Fault;
using cloister::test::ScriptedTransport;
using cloister::test::SimClock;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr kube::Resource things{"example.com", "v1", "things", "Thing"};

class FollowingTest : public testing::Test {
 protected:
  FollowingTest() {
    transport.on("GET", "/apis/example.com/v1/things", [this](const net::Request& request) {
      return request.target.find("watch=true") == std::string::npos ? answer(200, list()) : answer(200, "");
    });
    store.onChange([this](const auto& before, const auto& after) {
      controller.add(api::keyOf((after ? after : before)->metadata));
    });
    informer.onState([this] { controller.gateChanged(); });
    controller.start(group);
    group.spawn("watch", kube::runWatcher(client, clock, informer.target(), {}, informer));
    clock.runUntilIdle();
  }
  ~FollowingTest() override { cloister::test::run(clock, group.stop()); }

  std::string list() const {
    return json::print({{"metadata", {{"resourceVersion", std::to_string(version)}}}, {"items", items}});
  }
  void send(const std::string& type, const Thing& object) {
    transport.stream(transport.streams() - 1)
        .send(json::print({{"type", type}, {"object", json::encode(object)}}) + "\n");
    clock.runUntilIdle();
  }
  Task<Result<Outcome>> reconcile(kube::ObjectKey key, uint64_t) {
    reconciled.push_back(key.name);
    co_return Outcome{};
  }
  std::vector<std::string> contents() const {
    std::vector<std::string> texts;
    for (const auto& thing : store.all())
      texts.push_back(thing->metadata.name + "@" + thing->metadata.resourceVersion);
    return texts;
  }
  std::vector<std::string> takeReconciled() { return std::exchange(reconciled, {}); }

  SimClock clock;
  ScriptedTransport transport{clock};
  kube::Client client{transport, clock};
  json::array items{json::encode(thing("a", 3))};
  int version = 5;
  Store<Thing> store;
  Informer<Thing> informer{store, {things}};
  std::vector<std::string> reconciled;
  Controller controller{{"things"},
                        clock,
                        [this](kube::ObjectKey key, uint64_t id) { return reconcile(std::move(key), id); },
                        [this] { return informer.current(); }};
  TaskGroup group{clock.executor()};
};

TEST_F(FollowingTest, EachChangeIsReconciledOnce) {
  EXPECT_TRUE(informer.current());
  EXPECT_THAT(takeReconciled(), ElementsAre("a"));
  send("ADDED", thing("b", 6));
  send("MODIFIED", thing("a", 7));
  EXPECT_THAT(takeReconciled(), ElementsAre("b", "a"));
  send("DELETED", thing("b", 8));
  EXPECT_THAT(takeReconciled(), ElementsAre("b"));
  EXPECT_THAT(contents(), ElementsAre("a@7"));
}

// Hot loops: a status write comes back by the watch, and must not be taken for news.
TEST_F(FollowingTest, TheEchoOfAnOwnWriteIsNoChange) {
  takeReconciled();
  store.learn(thing("a", 6));
  clock.runUntilIdle();
  EXPECT_THAT(takeReconciled(), ElementsAre("a"));
  send("MODIFIED", thing("a", 6));
  EXPECT_THAT(takeReconciled(), IsEmpty());
}

TEST_F(FollowingTest, WhileTheServerIsAwayNothingIsReconciled) {
  takeReconciled();
  transport.failAll(Fault::Refused);
  transport.stream(0).close();
  clock.advance(seconds(10));
  EXPECT_FALSE(informer.current());
  controller.add({"ns", "a"});
  clock.advance(std::chrono::minutes(10));
  EXPECT_THAT(takeReconciled(), IsEmpty());
  EXPECT_THAT(contents(), ElementsAre("a@3"));
  transport.failAll(std::nullopt);
  clock.advance(std::chrono::minutes(1));
  EXPECT_TRUE(informer.current());
  EXPECT_THAT(takeReconciled(), ElementsAre("a"));
}

TEST_F(FollowingTest, AfterAnExpiredVersionTheListTellsWhatWasMissed) {
  takeReconciled();
  items = {json::encode(thing("b", 40))};
  version = 50;
  store.learn(thing("c", 60));
  transport.stream(0).send(
      R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}})"
      "\n");
  clock.advance(std::chrono::minutes(1));
  EXPECT_TRUE(informer.current());
  EXPECT_THAT(contents(), ElementsAre("b@40", "c@60"));
  send("ADDED", thing("c", 60));
  EXPECT_THAT(contents(), ElementsAre("b@40", "c@60"));
}

}  // namespace
}  // namespace cloister::runtime::test
