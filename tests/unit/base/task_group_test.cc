#include "base/task_group.h"

#include <boost/asio/post.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/sim_clock.h"

namespace cloister {
namespace {

using test::SimClock;
using testing::ElementsAre;
using testing::IsEmpty;

class TaskGroupTest : public testing::Test {
 protected:
  Task<void> sleepThenNote(Duration duration, std::string note) {
    co_await clock.sleep(duration);
    notes.push_back(std::move(note));
  }
  Task<void> note(std::string note) {
    notes.push_back(std::move(note));
    co_return;
  }
  // Holds something that must be given back before the group is done.
  Task<void> holdFor(Duration duration) {
    struct Held {
      std::vector<std::string>& notes;
      ~Held() { notes.push_back("released"); }
    } held{notes};
    co_await clock.sleep(duration);
  }
  Task<void> cleanUpSlowly() {
    bool cancelled = false;
    try {
      co_await clock.sleep(std::chrono::hours(1));
    } catch (const boost::system::system_error&) {
      cancelled = true;
    }
    if (cancelled) co_await clock.sleep(seconds(1));
  }
  Task<void> spawnAnother() {
    group.spawn("child", sleepThenNote(seconds(5), "child"));
    co_await clock.sleep(std::chrono::hours(1));
  }
  Task<void> spawnAnotherAtTheEnd() {
    struct AtTheEnd {
      TaskGroupTest& test;
      ~AtTheEnd() { test.group.spawn("child", test.sleepThenNote(std::chrono::hours(5), "child")); }
    } atTheEnd{*this};
    co_await clock.sleep(std::chrono::hours(1));
  }
  Task<void> fail() {
    co_await clock.sleep(seconds(1));
    throw std::runtime_error("a bug");
  }

  SimClock clock;
  TaskGroup group{clock.executor()};
  std::vector<std::string> notes;
};

TEST_F(TaskGroupTest, RunsTasksToTheirEnd) {
  group.spawn("slow", sleepThenNote(seconds(2), "slow"));
  group.spawn("quick", sleepThenNote(seconds(1), "quick"));
  EXPECT_EQ(group.size(), 2U);
  test::run(clock, group.join());
  EXPECT_THAT(notes, ElementsAre("quick", "slow"));
  EXPECT_EQ(group.size(), 0U);
}

TEST_F(TaskGroupTest, JoiningAnEmptyGroupReturns) {
  test::run(clock, group.join());
  test::run(clock, group.stop());
  EXPECT_EQ(group.size(), 0U);
}

TEST_F(TaskGroupTest, ATaskThatNeverWaitsEnds) {
  group.spawn("at once", note("done"));
  test::run(clock, group.join());
  EXPECT_THAT(notes, ElementsAre("done"));
}

TEST_F(TaskGroupTest, StoppingEndsEveryTaskAndWaitsForIt) {
  group.spawn("one", holdFor(std::chrono::hours(1)));
  group.spawn("two", holdFor(std::chrono::hours(2)));
  clock.runUntilIdle();
  test::run(clock, group.stop());
  EXPECT_THAT(notes, ElementsAre("released", "released"));
  EXPECT_EQ(clock.instant(), Instant{});
}

TEST_F(TaskGroupTest, ATaskThatHasNotBegunIsStoppedToo) {
  auto stopped = boost::asio::co_spawn(clock.executor(), group.stop(), boost::asio::use_future);
  group.spawn("one", sleepThenNote(seconds(1), "one"));
  clock.runUntilIdle();
  EXPECT_THAT(notes, IsEmpty());
  EXPECT_EQ(group.size(), 0U);
  stopped.get();
}

TEST_F(TaskGroupTest, StoppingTwiceIsOnce) {
  group.spawn("one", holdFor(std::chrono::hours(1)));
  clock.runUntilIdle();
  test::run(clock, group.stop());
  test::run(clock, group.stop());
  EXPECT_THAT(notes, ElementsAre("released"));
}

TEST_F(TaskGroupTest, ATaskCannotWaitAnyLongerOnceStopped) {
  group.spawn("one", cleanUpSlowly());
  clock.runUntilIdle();
  test::run(clock, group.stop());
  EXPECT_EQ(clock.instant(), Instant{});
}

TEST_F(TaskGroupTest, NothingBeginsWhileTheGroupStops) {
  group.spawn("one", spawnAnotherAtTheEnd());
  clock.runUntilIdle();
  test::run(clock, group.stop());
  EXPECT_EQ(group.size(), 0U);
  EXPECT_THAT(notes, IsEmpty());
}

TEST_F(TaskGroupTest, AStoppedGroupCanBeUsedAgain) {
  test::run(clock, group.stop());
  group.spawn("one", sleepThenNote(seconds(1), "one"));
  clock.advance(seconds(2));
  EXPECT_THAT(notes, ElementsAre("one"));
}

TEST_F(TaskGroupTest, ATaskMaySpawnAnother) {
  group.spawn("parent", spawnAnother());
  clock.advance(seconds(10));
  EXPECT_THAT(notes, ElementsAre("child"));
  test::run(clock, group.stop());
}

using TaskGroupDeathTest = TaskGroupTest;

TEST_F(TaskGroupDeathTest, AnUnexpectedExceptionEndsTheProgramAndNamesTheTask) {
  EXPECT_DEATH(
      {
        group.spawn("the culprit", fail());
        clock.advance(seconds(2));
      },
      "the culprit.*a bug");
}

}  // namespace
}  // namespace cloister
