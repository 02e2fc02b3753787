#include "runtime/queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cloister::runtime {
namespace {

const kube::ObjectKey a{"ns", "a"};
const kube::ObjectKey b{"ns", "b"};
const kube::ObjectKey c{"ns", "c"};
constexpr BackoffPolicy exact{milliseconds(5), seconds(60), 2, 0};  // without jitter

Instant at(Duration sinceStart) {
  return Instant(sinceStart);
}

class QueueTest : public testing::Test {
 protected:
  // Takes the key of the moment and gives it back as failed.
  void fail(Instant now, Duration atLeast = {}) {
    const auto key = queue.take(now);
    ASSERT_TRUE(key);
    queue.failed(*key, now, atLeast);
  }

  Queue queue{exact, 1};
};

TEST_F(QueueTest, AnEmptyQueueGivesNothing) {
  EXPECT_EQ(queue.take(at(seconds(1))), std::nullopt);
  EXPECT_EQ(queue.nextDue(), Instant::max());
}

TEST_F(QueueTest, FirstComeFirstServed) {
  queue.add(b, at(seconds(0)));
  queue.add(a, at(seconds(0)));
  queue.add(c, at(seconds(0)));
  EXPECT_EQ(queue.take(at(seconds(0))), b);
  EXPECT_EQ(queue.take(at(seconds(0))), a);
  EXPECT_EQ(queue.take(at(seconds(0))), c);
}

TEST_F(QueueTest, AKeyWaitsOnceAndKeepsItsPlace) {
  queue.add(a, at(seconds(0)));
  queue.add(b, at(seconds(1)));
  queue.add(a, at(seconds(2)));
  EXPECT_EQ(queue.depth(), 2U);
  EXPECT_EQ(queue.take(at(seconds(2))), a);
  EXPECT_EQ(queue.take(at(seconds(2))), b);
  EXPECT_EQ(queue.take(at(seconds(2))), std::nullopt);
}

TEST_F(QueueTest, AKeyThatIsAddedAgainAtTheSameTimeKeepsItsPlace) {
  queue.add(a, at(seconds(0)));
  queue.add(b, at(seconds(0)));
  queue.add(a, at(seconds(0)));
  EXPECT_EQ(queue.take(at(seconds(0))), a);
}

TEST_F(QueueTest, AKeyIsNotGivenTwiceAtATime) {
  queue.add(a, at(seconds(0)));
  queue.take(at(seconds(0)));
  queue.add(a, at(seconds(0)));
  queue.add(a, at(seconds(0)));
  EXPECT_EQ(queue.take(at(seconds(9))), std::nullopt);
  EXPECT_EQ(queue.working(), 1U);
  queue.done(a);
  EXPECT_EQ(queue.take(at(seconds(9))), a);
  queue.done(a);
  EXPECT_EQ(queue.take(at(seconds(9))), std::nullopt);
}

TEST_F(QueueTest, AKeyAddedForLaterWhileWorkedOnComesLater) {
  queue.add(a, at(seconds(0)));
  queue.take(at(seconds(0)));
  queue.addAt(a, at(seconds(30)));
  queue.addAt(a, at(seconds(20)));
  queue.done(a);
  EXPECT_EQ(queue.nextDue(), at(seconds(20)));
}

TEST_F(QueueTest, TheEarlierTimeCounts) {
  queue.addAt(a, at(seconds(10)));
  queue.addAt(a, at(seconds(20)));
  EXPECT_EQ(queue.nextDue(), at(seconds(10)));
  queue.addAt(a, at(seconds(5)));
  EXPECT_EQ(queue.nextDue(), at(seconds(5)));
  EXPECT_EQ(queue.depth(), 1U);
  EXPECT_EQ(queue.ready(at(seconds(4))), 0U);
  EXPECT_EQ(queue.ready(at(seconds(5))), 1U);
  EXPECT_EQ(queue.take(at(seconds(4))), std::nullopt);
  EXPECT_EQ(queue.take(at(seconds(5))), a);
  EXPECT_EQ(queue.nextDue(), Instant::max());
}

// 409 storms: a key that keeps failing comes ever more seldom, and the others do not wait for it.
TEST_F(QueueTest, FailuresBackOffPerKey) {
  queue.add(a, at(seconds(0)));
  Instant now = at(seconds(0));
  std::vector<int64_t> waits;
  for (int i = 0; i < 16; ++i) {
    fail(now);
    waits.push_back((queue.nextDue() - now).count() / 1000);
    now = queue.nextDue();
  }
  EXPECT_THAT(waits, testing::ElementsAre(5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10240, 20480,
                                          40960, 60000, 60000));
  queue.add(b, now - seconds(1));
  fail(now);  // b, for the first time
  EXPECT_EQ(queue.take(now), a);
  EXPECT_EQ(queue.nextDue(), now + milliseconds(5));
}

TEST_F(QueueTest, SuccessForgetsFailures) {
  queue.add(a, at(seconds(0)));
  for (int i = 0; i < 5; ++i) fail(queue.nextDue());
  const Instant later = queue.nextDue();
  queue.take(later);
  queue.done(a);
  queue.add(a, later);
  fail(later);
  EXPECT_EQ(queue.nextDue(), later + milliseconds(5));
}

TEST_F(QueueTest, JitterShortensTheBackoffOnly) {
  Queue jittered({milliseconds(100), seconds(60), 2, 0.5}, 7);
  jittered.add(a, at(seconds(0)));
  jittered.take(at(seconds(0)));
  jittered.failed(a, at(seconds(0)), {});
  EXPECT_LE(jittered.nextDue(), at(milliseconds(100)));
  EXPECT_GE(jittered.nextDue(), at(milliseconds(50)));
}

TEST_F(QueueTest, AnEventEndsTheBackoff) {
  queue.add(a, at(seconds(0)));
  for (int i = 0; i < 12; ++i) fail(queue.nextDue());
  const Instant now = queue.nextDue() - seconds(5);
  queue.add(a, now);
  EXPECT_EQ(queue.take(now), a);
  queue.failed(a, now, {});
  EXPECT_EQ(queue.nextDue(), now + milliseconds(5 << 12));  // but the failures are not forgotten
}

TEST_F(QueueTest, AnEventDuringAFailingReconcileBringsTheKeyAtOnce) {
  queue.add(a, at(seconds(0)));
  for (int i = 0; i < 12; ++i) fail(queue.nextDue());
  const Instant now = queue.nextDue();
  queue.take(now);
  queue.add(a, now);
  queue.failed(a, now, {});
  EXPECT_EQ(queue.nextDue(), now);
}

TEST_F(QueueTest, WhatTheServerAskedForIsWaitedOutWhateverHappens) {
  queue.add(a, at(seconds(0)));
  fail(at(seconds(0)), seconds(7));
  EXPECT_EQ(queue.nextDue(), at(seconds(7)));
  queue.add(a, at(seconds(1)));
  EXPECT_EQ(queue.nextDue(), at(seconds(7)));
  queue.take(at(seconds(7)));
  queue.add(a, at(seconds(7)));
  queue.failed(a, at(seconds(7)), seconds(3));
  EXPECT_EQ(queue.nextDue(), at(seconds(10)));
  queue.take(at(seconds(10)));
  queue.done(a);
  queue.add(a, at(seconds(10)));
  EXPECT_EQ(queue.take(at(seconds(10))), a);
}

}  // namespace
}  // namespace cloister::runtime
