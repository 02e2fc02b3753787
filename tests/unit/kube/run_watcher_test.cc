// The watcher on a scripted network: what the sink is told, through every kind of interruption.
#include <gtest/gtest.h>

#include "base/task_group.h"
#include "kube/watcher.h"
#include "tests/support/scripted_transport.h"
#include "tests/support/sim_clock.h"

namespace cloister::kube {
namespace {

using test::answer;
using test::Fault;

// Keeps what a store would, and a log of the calls.
class RecordingSink final : public Sink {
 public:
  void beginList() override {
    listing_.clear();
    note("begin");
  }
  void page(json::array items) override {
    for (const auto& item : items) listing_.push_back(json::findString(item, "metadata.name"));
    note("page " + std::to_string(items.size()));
  }
  void endList(std::string_view version) override {
    names = {listing_.begin(), listing_.end()};
    note("end " + std::string(version));
  }
  void put(json::value object) override { names.insert(json::findString(object, "metadata.name")); }
  void erase(json::value last) override { names.erase(json::findString(last, "metadata.name")); }
  void reached(std::string_view version) override { reachedVersion = version; }
  void current(bool current) override {
    isCurrent = current;
    note(current ? "current" : "stale");
  }

  std::set<std::string> names;
  bool isCurrent = false;
  std::string reachedVersion;
  std::vector<std::string> calls;

 private:
  void note(std::string call) { calls.push_back(std::move(call)); }
  std::vector<std::string> listing_;
};

using Names = std::set<std::string>;
using Calls = std::vector<std::string>;

std::string object(std::string_view name, int version) {
  return R"({"metadata":{"name":")" + std::string(name) + R"(","resourceVersion":")" +
         std::to_string(version) + "\"}}";
}

std::string event(std::string_view type, std::string_view name, int version) {
  return R"({"type":")" + std::string(type) + R"(","object":)" + object(name, version) + "}\n";
}

net::Response page(std::string_view items, int version, std::string_view continueToken = "") {
  return answer(200, R"({"metadata":{"resourceVersion":")" + std::to_string(version) + R"(","continue":")" +
                         std::string(continueToken) + R"("},"items":[)" + std::string(items) + "]}");
}

class RunWatcherTest : public testing::Test {
 protected:
  void TearDown() override { test::run(clock, stop()); }

  void start() {
    tasks.spawn("watcher", runWatcher(client, clock, {.resource = pods, .namespace_ = "a"}, {}, sink));
    clock.runUntilIdle();
  }
  // A view of the pods "one" and "two" at version 10, established.
  void establish() {
    transport.then(page(object("one", 3) + "," + object("two", 4), 10));
    transport.then(answer(200, ""));
    start();
    sink.calls.clear();
  }
  void send(const std::string& bytes) {
    transport.stream(transport.streams() - 1).send(bytes);
    clock.runUntilIdle();
  }
  const std::string& target(size_t index) { return transport.requests().at(index).target; }

  test::SimClock clock;
  test::ScriptedTransport transport{clock};
  Client client{transport, clock};
  RecordingSink sink;
  TaskGroup tasks{clock.executor()};

 private:
  Task<bool> stop() {
    co_await tasks.stop();
    co_return true;
  }
};

TEST_F(RunWatcherTest, FillsTheSinkPageByPageAndFollows) {
  transport.then(page(object("one", 3), 10, "more"));
  transport.then(page(object("two", 4), 10));
  transport.then(answer(200, ""));
  start();
  EXPECT_EQ(sink.calls, (Calls{"begin", "page 1", "page 1", "end 10", "current"}));
  EXPECT_EQ(target(0), "/api/v1/namespaces/a/pods?limit=100");
  EXPECT_EQ(target(1), "/api/v1/namespaces/a/pods?limit=100&continue=more");
  EXPECT_NE(target(2).find("resourceVersion=10&"), std::string::npos);

  send(event("ADDED", "three", 11) + event("MODIFIED", "one", 12) + event("DELETED", "two", 13));
  EXPECT_EQ(sink.names, (Names{"one", "three"}));
}

TEST_F(RunWatcherTest, RepeatedEventsChangeNothing) {
  establish();
  send(event("DELETED", "one", 11) + event("ADDED", "one", 12));
  send(event("DELETED", "one", 11));
  EXPECT_EQ(sink.names, (Names{"one", "two"}));
}

TEST_F(RunWatcherTest, ABookmarkMovesTheResumptionPoint) {
  establish();
  send(event("BOOKMARK", "", 500));
  EXPECT_EQ(sink.reachedVersion, "500");
  transport.then(answer(200, ""));
  transport.stream(0).close();
  clock.runUntilIdle();
  EXPECT_NE(target(2).find("resourceVersion=500&"), std::string::npos);
  EXPECT_EQ(sink.calls, (Calls{"stale", "current"})) << "no list";
  EXPECT_EQ(sink.names, (Names{"one", "two"}));
}

TEST_F(RunWatcherTest, ListsAgainAfter410AndDropsWhatWentMeanwhile) {
  establish();
  transport.then(page(object("two", 4), 900));
  transport.then(answer(200, ""));
  send(R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}})"
       "\n");
  EXPECT_FALSE(sink.isCurrent);
  clock.advance(seconds(1));
  EXPECT_EQ(sink.calls, (Calls{"stale", "begin", "page 1", "end 900", "current"}));
  EXPECT_EQ(sink.names, (Names{"two"}));
}

TEST_F(RunWatcherTest, A410BetweenTwoPagesStartsTheListOver) {
  transport.then(page(object("old", 3), 10, "more"));
  transport.then(answer(410, R"({"kind":"Status","code":410,"reason":"Expired"})"));
  transport.then(page(object("new", 30), 40));
  transport.then(answer(200, ""));
  start();
  clock.advance(seconds(1));
  EXPECT_EQ(sink.calls, (Calls{"begin", "page 1", "begin", "page 1", "end 40", "current"}));
  EXPECT_EQ(sink.names, (Names{"new"}));
}

TEST_F(RunWatcherTest, AnOutageIsSurvivedWithoutAList) {
  establish();
  send(event("ADDED", "three", 11));
  transport.failAll(Fault::Refused);
  transport.stream(0).close();
  clock.advance(std::chrono::minutes(10));
  EXPECT_FALSE(sink.isCurrent);
  EXPECT_EQ(sink.names, (Names{"one", "three", "two"})) << "the last view stays, but is not current";
  EXPECT_LT(transport.requests().size(), 60U) << "at the pace of the backoff";
  transport.failAll({});
  transport.then(answer(200, event("DELETED", "one", 12)));
  clock.advance(seconds(30));
  EXPECT_EQ(sink.calls, (Calls{"stale", "current"}));
  EXPECT_EQ(sink.names, (Names{"three", "two"}));
}

TEST_F(RunWatcherTest, ASilentConnectionIsGivenUp) {
  establish();
  clock.advance(seconds(329));
  EXPECT_TRUE(sink.isCurrent);
  transport.then(answer(200, ""));
  clock.advance(seconds(2));
  EXPECT_EQ(sink.calls, (Calls{"stale", "current"}));
  EXPECT_EQ(transport.streams(), 2U);
}

// The whole script with every call failed in turn, in every way: the view is right in the end.
TEST_F(RunWatcherTest, AnyCallMayFail) {
  for (const auto fault : {Fault::Refused, Fault::LostAnswer, Fault::Silent}) {
    for (size_t broken = 0; broken < 5; ++broken) {
      test::SimClock ownClock;
      test::ScriptedTransport own(ownClock);
      own.on("GET", "/api/v1/namespaces/a/pods?limit", [](const net::Request& request) {
        const bool second = request.target.contains("continue=");
        return second ? page(object("two", 4), 10) : page(object("one", 3), 10, "more");
      });
      own.on("GET", "/api/v1/namespaces/a/pods?watch",
             [](const net::Request&) { return answer(200, event("ADDED", "three", 11)); });
      own.failCall(broken, fault);
      Client ownClient(own, ownClock);
      RecordingSink ownSink;
      TaskGroup group(ownClock.executor());
      group.spawn("watcher",
                  runWatcher(ownClient, ownClock, {.resource = pods, .namespace_ = "a"}, {}, ownSink));
      ownClock.advance(std::chrono::minutes(3));
      EXPECT_EQ(ownSink.names, (Names{"one", "three", "two"})) << broken;
      EXPECT_TRUE(ownSink.isCurrent) << broken;
      bool stopped = false;
      boost::asio::co_spawn(ownClock.executor(), group.stop(),
                            [&](const std::exception_ptr&) { stopped = true; });
      ownClock.runUntilIdle();
      ASSERT_TRUE(stopped);
    }
  }
}

}  // namespace
}  // namespace cloister::kube
