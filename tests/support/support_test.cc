#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/task_group.h"
#include "tests/support/scripted_transport.h"
#include "tests/support/sim_clock.h"

namespace cloister::test {
namespace {

using testing::ElementsAre;

class SimClockTest : public testing::Test {
 protected:
  ~SimClockTest() override { run(clock, group.stop()); }

  Task<void> note(Duration after, std::string text) {
    co_await clock.sleep(after);
    notes.push_back(text + "@" + std::to_string(clock.instant().time_since_epoch() / seconds(1)));
  }
  Task<void> spin() {
    for (;;) co_await clock.sleep(seconds(0));
  }
  Task<void> waitForEver() { co_await clock.sleep(Duration::max()); }
  Task<int> fail() {
    co_await clock.sleep(seconds(1));
    throw std::runtime_error("failed");
  }

  SimClock clock;
  TaskGroup group{clock.executor()};
  std::vector<std::string> notes;
};

TEST_F(SimClockTest, TimersGoOffByDeadlineThenByOrder) {
  group.spawn("late", note(seconds(3), "late"));
  group.spawn("first", note(seconds(2), "first"));
  group.spawn("second", note(seconds(2), "second"));
  clock.advance(seconds(1));
  EXPECT_TRUE(notes.empty());
  EXPECT_EQ(clock.nextDeadline(), Instant(seconds(2)));
  clock.advance(seconds(10));
  EXPECT_THAT(notes, ElementsAre("first@2", "second@2", "late@3"));
  EXPECT_EQ(clock.instant(), Instant(seconds(11)));
  EXPECT_FALSE(clock.step());
}

TEST_F(SimClockTest, TheWallClockMovesWithTimeAndByItself) {
  const Time start = clock.now();
  clock.advance(seconds(5));
  clock.jumpWallClock(std::chrono::hours(1));
  EXPECT_EQ(clock.now() - start, std::chrono::hours(1) + seconds(5));
  EXPECT_EQ(clock.instant(), Instant(seconds(5)));
}

TEST_F(SimClockTest, RunGivesResultsAndFailures) {
  EXPECT_THROW(run(clock, fail()), std::runtime_error);
  EXPECT_THROW(run(clock, waitForEver()), std::runtime_error);
}

TEST_F(SimClockTest, ABusyLoopIsFound) {
  group.spawn("spin", spin());
  EXPECT_THROW(clock.runUntilIdle(), std::runtime_error);
}

TEST(SimClockEndTest, CoroutinesThatStillWaitEndWithTheClock) {
  struct Waiter {
    static Task<void> wait(Clock& clock) { co_await clock.sleep(std::chrono::hours(1)); }
  };
  SimClock clock;
  boost::asio::co_spawn(clock.executor(), Waiter::wait(clock), [](const std::exception_ptr&) {});
  clock.runUntilIdle();
}

class ScriptedTransportTest : public testing::Test {
 protected:
  Result<net::Response> get(std::string target) {
    return run(clock, transport.exchange({.target = std::move(target)}));
  }

  SimClock clock;
  ScriptedTransport transport{clock};
};

TEST_F(ScriptedTransportTest, AnswersByRuleThenInOrder) {
  transport.on("GET", "/a", [](const auto&) { return answer(200, "rule"); });
  transport.on("GET", "/a/b", [](const auto&) { return answer(200, "newer rule"); });
  transport.then(answer(200, "first"));
  transport.then(answer(500, "second"));
  EXPECT_EQ(get("/a/x")->body, "rule");
  EXPECT_EQ(get("/a/b?c")->body, "newer rule");
  EXPECT_EQ(get("/x")->body, "first");
  EXPECT_EQ(get("/x")->status, 500);
  EXPECT_EQ(get("/x")->status, 404);
  EXPECT_EQ(transport.count("GET", "/a"), 2U);
}

TEST_F(ScriptedTransportTest, FailsAsTold) {
  int carriedOut = 0;
  transport.on("GET", "/", [&](const auto&) {
    ++carriedOut;
    return answer(200);
  });
  transport.failCall(0, Fault::Refused);
  transport.failCall(1, Fault::LostAnswer);
  transport.failCall(2, Fault::Silent);
  EXPECT_EQ(get("/").error().code, Errc::Unavailable);
  EXPECT_EQ(carriedOut, 0);
  EXPECT_EQ(get("/").error().code, Errc::Timeout);
  EXPECT_EQ(carriedOut, 1);
  EXPECT_EQ(clock.instant(), Instant(seconds(15)));
  EXPECT_EQ(get("/").error().code, Errc::Timeout);
  EXPECT_EQ(carriedOut, 1);
  EXPECT_TRUE(get("/"));
}

TEST_F(ScriptedTransportTest, StreamsWhatTheTestSends) {
  transport.on("GET", "/", [](const auto&) { return answer(200, "begin"); });
  auto opened = run(clock, transport.open({.target = "/"}));
  ASSERT_TRUE(opened && opened->stream);
  EXPECT_EQ(run(clock, opened->stream->read(seconds(1))), "begin");
  EXPECT_EQ(run(clock, opened->stream->read(seconds(1))).error().code, Errc::Timeout);
  transport.stream(0).send("more");
  transport.stream(0).close();
  EXPECT_EQ(run(clock, opened->stream->read(seconds(1))), "more");
  EXPECT_EQ(run(clock, opened->stream->read(seconds(1))).error().code, Errc::Unavailable);
}

}  // namespace
}  // namespace cloister::test
