#include "runtime/events.h"

#include <gtest/gtest.h>

#include "base/task_group.h"
#include "tests/support/scripted_transport.h"
#include "tests/support/sim_clock.h"

namespace cloister::runtime::test {
namespace {

using cloister::test::answer;
using cloister::test::Fault;
using cloister::test::pathOf;
using cloister::test::ScriptedTransport;
using cloister::test::SimClock;

EventNote note(const std::string& uid = "u1", std::string message = "Created pod a") {
  EventNote made{.resource = kube::sandboxes, .reason = "Created", .message = std::move(message)};
  made.object.namespace_ = "ns";
  made.object.name = "hello";
  made.object.uid = uid;
  return made;
}

// A server that keeps the Events it is sent.
class EventsTest : public testing::Test {
 protected:
  EventsTest() {
    transport.on("POST", "/api/v1/namespaces/ns/events", [this](const auto& request) {
      const json::value event = *json::parse(request.body);
      const bool added = events.emplace(json::findString(event, "metadata.name"), event).second;
      return added ? answer(201) : answer(409, R"({"kind":"Status","code":409,"reason":"AlreadyExists"})");
    });
    transport.on("PATCH", "/api/v1/namespaces/ns/events/", [this](const auto& request) {
      const std::string path = pathOf(request);
      const auto found = events.find(path.substr(path.rfind('/') + 1));
      if (found == events.end()) return answer(404, R"({"kind":"Status","code":404,"reason":"NotFound"})");
      found->second.as_object()["count"] = *json::find(*json::parse(request.body), "count");
      return answer(200);
    });
    group.spawn("events", recorder.run());
  }
  ~EventsTest() override { cloister::test::run(clock, group.stop()); }

  std::vector<int64_t> counts() const {
    std::vector<int64_t> counts;
    for (const auto& [name, event] : events)
      counts.push_back(json::find(event, "count")->to_number<int64_t>());
    return counts;
  }

  SimClock clock;
  ScriptedTransport transport{clock};
  kube::Client client{transport, clock};
  std::map<std::string, json::value> events;
  EventRecorder recorder{client, clock, "cloister-operator", "pod-1"};
  TaskGroup group{clock.executor()};
};

TEST_F(EventsTest, SendsInTheBackgroundAndCountsRepetitions) {
  recorder.record(note());
  EXPECT_TRUE(events.empty());
  clock.runUntilIdle();
  EXPECT_EQ(counts(), std::vector<int64_t>{1});
  recorder.record(note());
  recorder.record(note());
  clock.runUntilIdle();
  EXPECT_EQ(counts(), std::vector<int64_t>{3});
}

TEST_F(EventsTest, EachFailureOfAStepIsOvercome) {
  for (const Fault fault : {Fault::Refused, Fault::LostAnswer, Fault::Silent}) {
    for (size_t step = 0; step < 3; ++step) {
      const std::string uid = "u" + std::to_string(transport.requests().size());
      const size_t before = events.size();
      transport.failCall(transport.requests().size() + step, fault);
      for (int i = 0; i < 3; ++i) recorder.record(note(uid));
      clock.advance(std::chrono::minutes(2));
      EXPECT_EQ(events.size(), before + 1);
      clock.advance(std::chrono::hours(1));
    }
  }
  for (const int64_t count : counts()) EXPECT_EQ(count, 3);
  EXPECT_EQ(recorder.dropped(), 0U);
}

TEST_F(EventsTest, AnEventThatIsGoneIsMadeAgain) {
  recorder.record(note());
  clock.runUntilIdle();
  events.clear();
  clock.advance(seconds(1));
  recorder.record(note());
  clock.runUntilIdle();
  EXPECT_EQ(counts(), std::vector<int64_t>{1});
}

TEST_F(EventsTest, GivesUpWhileTheServerIsAwayAndGoesOnLater) {
  transport.failAll(Fault::Refused);
  recorder.record(note());
  clock.advance(std::chrono::minutes(5));
  EXPECT_EQ(recorder.dropped(), 1U);
  EXPECT_EQ(transport.requests().size(), 4U);
  transport.failAll(std::nullopt);
  recorder.record(note());
  clock.runUntilIdle();
  EXPECT_EQ(counts(), std::vector<int64_t>{1});
}

TEST_F(EventsTest, WhatIsRefusedIsNotTriedAgain) {
  transport.on("POST", "/", [](const auto&) {
    return answer(
        403,
        R"({"kind":"Status","code":403,"reason":"Forbidden","message":"namespace is being terminated"})");
  });
  recorder.record(note());
  clock.advance(std::chrono::minutes(5));
  EXPECT_EQ(transport.requests().size(), 1U);
  EXPECT_EQ(recorder.dropped(), 1U);
}

TEST_F(EventsTest, TheQueueIsBoundedAndTheOldestGo) {
  transport.failAll(Fault::Silent);
  for (size_t i = 0; i < EventRecorder::longestQueue + 5; ++i) recorder.record(note("u" + std::to_string(i)));
  EXPECT_EQ(recorder.dropped(), 5U);
  transport.failAll(std::nullopt);
  clock.advance(seconds(1));
  EXPECT_EQ(events.size(), EventRecorder::longestQueue);
}

TEST_F(EventsTest, TooManyOfOneObjectAreDropped) {
  for (int i = 0; i < 50; ++i) recorder.record(note("u1", "message " + std::to_string(i)));
  clock.advance(seconds(1));
  EXPECT_EQ(events.size(), 10U);
  EXPECT_EQ(recorder.dropped(), 40U);
}

}  // namespace
}  // namespace cloister::runtime::test
