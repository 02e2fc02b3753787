#include "kube/watcher.h"

#include <gtest/gtest.h>

namespace cloister::kube {
namespace {

using namespace watcher;
using State = Watcher::State;

// What an action is, in a few characters that a test can be read by.
std::string text(const Action& action) {
  if (const auto* list = std::get_if<List>(&action)) return "list " + list->continueToken;
  if (const auto* open = std::get_if<OpenWatch>(&action)) return "watch " + open->resourceVersion;
  if (std::holds_alternative<ReadEvent>(action)) return "read";
  return "wait";
}

Failed failed(Errc code) {
  return {{code, "failed"}};
}

class WatcherTest : public testing::Test {
 protected:
  std::string step(const Input& input) {
    const Action action = watcher.step(input);
    if (const auto* wait = std::get_if<Wait>(&action)) waits.push_back(wait->duration);
    return text(action);
  }
  // Up to an established watch from version 10.
  void establish() {
    step(Started{});
    step(watcher::Listed{"10", ""});
    step(Opened{});
  }

  Watcher watcher{{.seed = 1}};
  std::vector<Duration> waits;
};

TEST_F(WatcherTest, ListsInPagesAndThenWatches) {
  EXPECT_EQ(step(Started{}), "list ");
  EXPECT_EQ(step(watcher::Listed{"10", "next"}), "list next");
  EXPECT_EQ(watcher.state(), State::Listing);
  EXPECT_EQ(step(watcher::Listed{"10", ""}), "watch 10");
  EXPECT_FALSE(watcher.current()) << "no watch is established yet";
  EXPECT_EQ(step(Opened{}), "read");
  EXPECT_TRUE(watcher.current());
}

TEST_F(WatcherTest, WaitsForEventsAsLongAsTheServerMayBeSilent) {
  Watcher patient({.timeout = seconds(60), .grace = seconds(5)});
  patient.step(Started{});
  patient.step(watcher::Listed{"1", ""});
  const auto action = patient.step(Opened{});
  EXPECT_EQ(std::get<ReadEvent>(action).idle, seconds(65));
}

TEST_F(WatcherTest, ResumesWhereItStoodWhenTheServerEndsTheWatch) {
  establish();
  EXPECT_EQ(step(Received{"11"}), "read");
  EXPECT_EQ(step(Received{"15"}), "read");
  EXPECT_EQ(step(failed(Errc::Unavailable)), "watch 15") << "at once, without a list";
  EXPECT_FALSE(watcher.current());
  EXPECT_EQ(step(Opened{}), "read");
  EXPECT_TRUE(watcher.current());
}

TEST_F(WatcherTest, DoesNotStepBack) {
  establish();
  step(Received{"100"});
  EXPECT_TRUE(watcher.isPast("99"));
  EXPECT_FALSE(watcher.isPast("100")) << "several objects may go in one step of the history";
  EXPECT_FALSE(watcher.isPast("1000"));
  EXPECT_FALSE(watcher.isPast("")) << "nothing is known of it";
  step(Received{"99"});
  step(Received{""});
  EXPECT_EQ(step(failed(Errc::Unavailable)), "watch 100");
}

TEST_F(WatcherTest, TakesOnlyNumbersForAPlaceInTheHistory) {
  establish();
  step(Received{"100"});
  for (const char* odd : {"1-2", "0:0", "abc", "   "}) EXPECT_FALSE(watcher.isPast(odd)) << odd;
  step(Received{"1x0"});
  EXPECT_FALSE(watcher.isPast("100")) << "nothing is before what is no number";
}

TEST_F(WatcherTest, ListsAgainWhenItsPlaceInTheHistoryIsGone) {
  establish();
  EXPECT_EQ(step(failed(Errc::Gone)), "wait");
  EXPECT_EQ(watcher.state(), State::Empty);
  EXPECT_EQ(step(Waited{}), "list ");
  step(watcher::Listed{"20", ""});
  EXPECT_EQ(step(failed(Errc::Gone)), "wait") << "as the answer to the watch";
  EXPECT_EQ(step(Waited{}), "list ");
}

TEST_F(WatcherTest, AListThatBreaksStartsOver) {
  for (const auto code : {Errc::Gone, Errc::Unavailable, Errc::Timeout, Errc::Forbidden, Errc::NotFound}) {
    Watcher fresh({});
    fresh.step(Started{});
    fresh.step(watcher::Listed{"10", "next"});
    EXPECT_EQ(text(fresh.step(failed(code))), "wait");
    EXPECT_EQ(text(fresh.step(Waited{})), "list ") << name(code);
  }
}

TEST_F(WatcherTest, FailuresToWatchDoNotCostAList) {
  for (const auto code :
       {Errc::Unavailable, Errc::Timeout, Errc::TooManyRequests, Errc::Unauthorized, Errc::Forbidden}) {
    Watcher fresh({});
    fresh.step(Started{});
    fresh.step(watcher::Listed{"10", ""});
    EXPECT_EQ(text(fresh.step(failed(code))), "wait");
    EXPECT_EQ(text(fresh.step(Waited{})), "watch 10") << name(code);
  }
}

TEST_F(WatcherTest, WhatItCannotExplainCostsAList) {
  for (const auto code : {Errc::Protocol, Errc::InvalidInput, Errc::NotFound, Errc::Internal}) {
    Watcher fresh({});
    fresh.step(Started{});
    fresh.step(watcher::Listed{"10", ""});
    fresh.step(Opened{});
    EXPECT_EQ(text(fresh.step(failed(code))), "wait");
    EXPECT_EQ(text(fresh.step(Waited{})), "list ") << name(code);
  }
}

TEST_F(WatcherTest, AVersionThatTheServerNeverHadCostsAList) {
  establish();
  EXPECT_EQ(step(Failed{{Errc::Timeout, "m", "ResourceVersionTooLarge"}}), "wait");
  EXPECT_EQ(step(Waited{}), "list ");
  // As a watch it is silent for ever: ended in time, and without a bookmark.
  step(watcher::Listed{"10", ""});
  step(Opened{});
  step(Received{"11"});
  EXPECT_EQ(step(failed(Errc::Unavailable)), "watch 11");
  step(Opened{});
  EXPECT_EQ(step(failed(Errc::Unavailable)), "wait");
  EXPECT_EQ(step(Waited{}), "list ");
}

TEST_F(WatcherTest, BacksOffWithABoundUntilItLearnsSomething) {
  establish();
  step(failed(Errc::Timeout));
  for (int i = 0; i < 12; ++i) {
    step(Waited{});
    step(failed(Errc::Unavailable));
  }
  ASSERT_EQ(waits.size(), 13U);
  EXPECT_LE(waits.front(), milliseconds(200));
  EXPECT_GE(waits.front(), milliseconds(100));
  EXPECT_LE(waits.back(), seconds(30));
  EXPECT_GE(waits.back(), seconds(15));
  step(Waited{});
  step(Opened{});
  step(Received{"12"});
  step(failed(Errc::Timeout));
  EXPECT_LE(waits.back(), milliseconds(200));
}

TEST_F(WatcherTest, AWatchThatEndsAtOnceAgainAndAgainIsNoHotLoop) {
  establish();
  EXPECT_EQ(step(failed(Errc::Unavailable)), "watch 10");
  step(Opened{});
  EXPECT_EQ(step(failed(Errc::Unavailable)), "wait");
}

TEST_F(WatcherTest, WaitsAsLongAsTheServerAsks) {
  step(Started{});
  step(Failed{{Errc::TooManyRequests, "m", "", seconds(77)}});
  EXPECT_EQ(waits.back(), seconds(77));
}

}  // namespace
}  // namespace cloister::kube
