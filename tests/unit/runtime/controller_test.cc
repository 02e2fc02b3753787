#include "runtime/controller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/sim_clock.h"

namespace cloister::runtime::test {
namespace {

using cloister::test::SimClock;
using testing::ElementsAre;
using testing::IsEmpty;

const kube::ObjectKey a{"ns", "a"};
const kube::ObjectKey b{"ns", "b"};

// A reconcile function that does what the test says and keeps a record.
struct Script {
  explicit Script(SimClock& clock) : clock(clock) {}

  Task<Result<Outcome>> reconcile(kube::ObjectKey key, uint64_t id) {
    begun.push_back(key.name);
    times.push_back(clock.instant());
    ids.push_back(id);
    ++running[key];
    mostOfOneKey = std::max(mostOfOneKey, running[key]);
    if (takes > Duration{0}) co_await clock.sleep(takes);
    --running[key];
    ended.push_back(key.name);
    if (errors > 0) {
      --errors;
      co_return std::unexpected(error);
    }
    co_return outcome;
  }

  SimClock& clock;
  Duration takes{0};
  Outcome outcome;
  int errors = 0;
  Error error{Errc::Unavailable, "the server is away"};
  std::vector<std::string> begun;
  std::vector<std::string> ended;
  std::vector<Instant> times;
  std::vector<uint64_t> ids;
  std::map<kube::ObjectKey, int> running;
  int mostOfOneKey = 0;
};

class ControllerTest : public testing::Test {
 protected:
  ControllerTest() { controller.start(group); }
  ~ControllerTest() override { cloister::test::run(clock, group.stop()); }

  SimClock clock;
  TaskGroup group{clock.executor()};
  Script script{clock};
  bool open = true;
  Controller controller{
      {"things", 2, {milliseconds(5), seconds(60), 2, 0}},
      clock,
      [this](kube::ObjectKey key, uint64_t id) { return script.reconcile(std::move(key), id); },
      [this] { return open; }};
};

TEST_F(ControllerTest, ReconcilesWhatIsAdded) {
  controller.add(a);
  controller.add(b);
  clock.runUntilIdle();
  EXPECT_THAT(script.begun, ElementsAre("a", "b"));
  EXPECT_THAT(script.ids, ElementsAre(1, 2));
  controller.add(a);
  clock.runUntilIdle();
  EXPECT_THAT(script.begun, ElementsAre("a", "b", "a"));
  EXPECT_EQ(clock.nextDeadline(), Instant(Controller::clockPeriod)) << "it wakes up for nothing else";
}

TEST_F(ControllerTest, WorksOnSeveralKeysAtATimeButOnEachOnce) {
  script.takes = seconds(1);
  controller.add(a);
  controller.add(b);
  clock.runUntilIdle();
  EXPECT_THAT(script.begun, ElementsAre("a", "b"));
  controller.add(a);
  controller.add(a);
  clock.runUntilIdle();
  EXPECT_EQ(script.begun.size(), 2U);
  clock.advance(seconds(5));
  EXPECT_THAT(script.ended, ElementsAre("a", "b", "a"));
  EXPECT_EQ(script.mostOfOneKey, 1);
}

TEST_F(ControllerTest, NoMoreThanItsWorkersWork) {
  script.takes = seconds(1);
  for (const char* name : {"a", "b", "c", "d", "e"}) controller.add({"ns", name});
  clock.runUntilIdle();
  EXPECT_EQ(script.begun.size(), 2U);
  clock.advance(seconds(3));
  EXPECT_THAT(script.ended, ElementsAre("a", "b", "c", "d", "e"));
}

TEST_F(ControllerTest, AnUntrustedStoreStopsTheWork) {
  open = false;
  controller.gateChanged();
  controller.add(a);
  clock.advance(std::chrono::minutes(10));
  EXPECT_THAT(script.begun, IsEmpty());
  open = true;
  controller.gateChanged();
  clock.runUntilIdle();
  EXPECT_THAT(script.begun, ElementsAre("a"));
}

TEST_F(ControllerTest, AFailureIsTriedAgainAfterItsBackoff) {
  script.errors = 3;
  controller.add(a);
  clock.advance(seconds(1));
  EXPECT_THAT(script.times, ElementsAre(Instant{}, Instant(milliseconds(5)), Instant(milliseconds(15)),
                                        Instant(milliseconds(35))));
}

TEST_F(ControllerTest, WhatFailsInPartIsLookedAtInTimeAllTheSame) {
  script.outcome.failure = Error{Errc::Forbidden, "not now"};
  controller.add(a);
  clock.advance(std::chrono::minutes(10));
  const size_t before = script.begun.size();
  EXPECT_LT(before, 26U) << "it backs off";
  script.outcome.again = clock.now() + seconds(70);
  controller.add(a);
  clock.advance(seconds(1));
  const Time due = *script.outcome.again;
  while (clock.now() < due) clock.advance(seconds(1));
  EXPECT_LE(clock.instant() - script.times.back(), seconds(1));
}

// 409 storms.
TEST_F(ControllerTest, ConflictsAreRetriedQuicklyButBackOff) {
  script.errors = 1'000'000;
  script.error = {Errc::Conflict, "the object has been modified"};
  controller.add(a);
  clock.advance(milliseconds(100));
  EXPECT_EQ(script.begun.size(), 5U);
  clock.advance(std::chrono::minutes(10));
  EXPECT_LT(script.begun.size(), 26U);
}

TEST_F(ControllerTest, WaitsAsLongAsTheServerAsks) {
  script.errors = 1;
  script.error = {Errc::TooManyRequests, "slow down", "", seconds(4)};
  controller.add(a);
  clock.advance(seconds(2));
  controller.add(a);
  clock.advance(seconds(10));
  EXPECT_THAT(script.times, ElementsAre(Instant{}, Instant(seconds(4))));
}

TEST_F(ControllerTest, LooksAgainWhenAsked) {
  script.outcome.again = clock.now() + seconds(30);
  controller.add(a);
  clock.runUntilIdle();
  script.outcome.again.reset();
  clock.advance(std::chrono::minutes(10));
  EXPECT_THAT(script.times, ElementsAre(Instant{}, Instant(seconds(30))));
}

TEST_F(ControllerTest, LooksAgainInTimeThoughAnotherReconcileHangs) {
  clock.runUntilIdle();  // both workers wait, for nothing
  script.outcome.again = clock.now() + seconds(10);
  controller.add(a);
  clock.runUntilIdle();
  script.outcome.again.reset();
  script.takes = seconds(30);
  controller.add(b);
  clock.advance(seconds(10));
  EXPECT_THAT(script.begun, ElementsAre("a", "b", "a"));
}

TEST_F(ControllerTest, AJumpOfTheWallClockDelaysAnExpiryByAMinuteAtMost) {
  const Time expiry = clock.now() + std::chrono::hours(2);
  script.outcome.again = expiry;
  controller.add(a);
  clock.advance(seconds(30));
  clock.jumpWallClock(std::chrono::hours(3));
  const size_t before = script.begun.size();
  clock.advance(seconds(30));
  EXPECT_EQ(script.begun.size(), before + 1);
  EXPECT_GE(clock.now(), expiry);
}

TEST_F(ControllerTest, WhatWasReckonedWhileTheClockWasWrongIsLookedAtOnceItIsRight) {
  const Time expiry = clock.now() + std::chrono::hours(2);
  clock.advance(seconds(20));
  clock.jumpWallClock(-std::chrono::hours(3));
  script.outcome.again = expiry;
  controller.add(a);
  clock.advance(seconds(10));
  clock.jumpWallClock(std::chrono::hours(3));
  const size_t before = script.begun.size();
  clock.advance(seconds(30));
  EXPECT_EQ(script.begun.size(), before + 1);
}

TEST_F(ControllerTest, LooksAgainIfTheClockIsSetMeanwhile) {
  script.takes = seconds(10);
  controller.add(a);
  clock.advance(seconds(5));
  clock.jumpWallClock(-std::chrono::hours(3));
  script.takes = {};
  clock.advance(seconds(6));
  EXPECT_THAT(script.begun, ElementsAre("a", "a"));
}

TEST_F(ControllerTest, WhatIsDueLaterCostsNothingMeanwhile) {
  script.outcome.again = clock.now() + std::chrono::hours(2);
  controller.add(a);
  clock.advance(std::chrono::hours(2) - seconds(1));
  EXPECT_EQ(script.begun.size(), 1U);
  clock.jumpWallClock(Controller::clockTolerance / 2);
  clock.advance(seconds(1));
  EXPECT_EQ(script.begun.size(), 2U);
}

TEST_F(ControllerTest, AReconcileThatAlwaysAsksForThePastDoesNotSpin) {
  script.outcome.again = clock.now() - seconds(1);
  controller.add(a);
  clock.advance(milliseconds(100));
  EXPECT_EQ(script.begun.size(), 21U);
}

TEST_F(ControllerTest, TellsHowReconcilesEnded) {
  std::vector<std::string> records;
  controller.onReconcile([&](const ReconcileRecord& record) {
    records.push_back(std::string(record.controller) + (record.succeeded ? " ok " : " failed ") +
                      std::to_string(record.took / milliseconds(1)));
  });
  script.takes = milliseconds(40);
  script.errors = 1;
  controller.add(a);
  clock.advance(seconds(1));
  EXPECT_THAT(records, ElementsAre("things failed 40", "things ok 40"));
}

TEST_F(ControllerTest, StopsInTheMiddleOfAReconcile) {
  script.takes = seconds(10);
  controller.add(a);
  clock.advance(seconds(1));
  cloister::test::run(clock, group.stop());
  EXPECT_EQ(group.size(), 0U);
  EXPECT_THAT(script.ended, IsEmpty());
}

}  // namespace
}  // namespace cloister::runtime::test
