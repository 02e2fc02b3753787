#include "runtime/election.h"

#include <gtest/gtest.h>

namespace cloister::runtime {
namespace {

// One replica with its own monotonic clock, driven by hand. Inputs are answers to the action before.
class Replica {
 public:
  explicit Replica(std::string identity, Instant start = Instant(seconds(1000)))
      : election({.identity = std::move(identity), .seed = 1}), now(start) {}

  Election::Action give(const Election::Input& input) {
    last = election.step(input, now, wall);
    return last;
  }
  bool leading() const { return election.leading(now); }

  template <class Action>
  bool does() const {
    return std::holds_alternative<Action>(last);
  }
  json::value replaced() const { return std::get<Election::Replace>(last).lease; }
  Duration waits() const { return std::get<Election::Wait>(last).until - now; }

  Election election;
  Instant now;
  Time wall = Time(seconds(1'700'000'000));
  Election::Action last;
};

json::value lease(const std::string& holder, const std::string& renewTime = "2026-01-01T00:00:00.000000Z") {
  return {{"metadata", {{"name", "l"}, {"resourceVersion", "7"}, {"labels", {{"keep", "me"}}}}},
          {"spec",
           {{"holderIdentity", holder},
            {"leaseDurationSeconds", 15},
            {"acquireTime", "2026-01-01T00:00:00.000000Z"},
            {"renewTime", renewTime},
            {"leaseTransitions", 3},
            {"strategy", "OldestEmulationVersion"}}}};
}

std::string holder(const json::value& lease) {
  return json::findString(lease, "spec.holderIdentity");
}

// A replica that leads since now.
Replica leader() {
  Replica a("a");
  a.give(Election::Waited{});
  a.give(Election::Absent{});
  a.give(Election::Written{lease("a")});
  return a;
}

TEST(ElectionTest, CreatesTheLeaseThatIsAbsentAndLeads) {
  Replica a("a");
  a.give(Election::Waited{});
  ASSERT_TRUE(a.does<Election::Read>());
  a.give(Election::Absent{});
  ASSERT_TRUE(a.does<Election::Create>());
  const json::value spec = std::get<Election::Create>(a.last).spec;
  EXPECT_EQ(spec.at("holderIdentity"), "a");
  EXPECT_EQ(spec.at("leaseDurationSeconds"), 15);
  EXPECT_EQ(spec.at("leaseTransitions"), 0);
  EXPECT_EQ(json::findString(spec, "acquireTime"), formatMicroTime(a.wall));
  EXPECT_EQ(json::findString(spec, "renewTime"), formatMicroTime(a.wall));
  EXPECT_FALSE(a.leading());  // not before the server said so
  a.give(Election::Written{lease("a")});
  EXPECT_TRUE(a.leading());
  EXPECT_EQ(a.waits(), seconds(2));
}

TEST(ElectionTest, WaitsWhileAnotherRenews) {
  Replica b("b");
  b.give(Election::Waited{});
  for (int renewal = 0; renewal < 10; ++renewal) {
    b.give(Election::Found{lease("a", "2026-01-01T00:00:0" + std::to_string(renewal) + ".000000Z")});
    ASSERT_TRUE(b.does<Election::Wait>());
    EXPECT_GE(b.waits(), seconds(2));
    EXPECT_LE(b.waits(), milliseconds(4400));
    b.now += seconds(14);
    b.give(Election::Waited{});
    ASSERT_TRUE(b.does<Election::Read>());
  }
  EXPECT_FALSE(b.leading());
}

TEST(ElectionTest, TakesOverWhenTheLeaseHasNotChangedForItsDuration) {
  Replica b("b");
  b.give(Election::Found{lease("a")});
  b.now += seconds(15) - Duration(1);
  b.give(Election::Found{lease("a")});
  EXPECT_TRUE(b.does<Election::Wait>());
  b.now += Duration(1);
  b.give(Election::Found{lease("a")});
  ASSERT_TRUE(b.does<Election::Replace>());
  EXPECT_EQ(holder(b.replaced()), "b");
  EXPECT_EQ(*json::find(b.replaced(), "spec.leaseTransitions"), 4);
  EXPECT_EQ(json::findString(b.replaced(), "spec.acquireTime"), formatMicroTime(b.wall));
}

TEST(ElectionTest, TheHoldersClockDoesNotMatter) {
  Replica b("b");
  b.give(Election::Found{lease("a", "1999-01-01T00:00:00.000000Z")});
  EXPECT_TRUE(b.does<Election::Wait>());
  b.now += seconds(15);
  b.give(Election::Found{lease("a", "2999-01-01T00:00:00.000000Z")});
  EXPECT_TRUE(b.does<Election::Wait>());  // it has changed: its time begins anew
  b.now += seconds(15);
  b.give(Election::Found{lease("a", "2999-01-01T00:00:00.000000Z")});
  EXPECT_TRUE(b.does<Election::Replace>());
}

TEST(ElectionTest, KeepsWhatItDoesNotKnow) {
  Replica b("b");
  b.give(Election::Found{lease("")});
  ASSERT_TRUE(b.does<Election::Replace>());
  EXPECT_EQ(json::findString(b.replaced(), "metadata.resourceVersion"), "7");
  EXPECT_EQ(json::findString(b.replaced(), "metadata.labels.keep"), "me");
  EXPECT_EQ(json::findString(b.replaced(), "spec.strategy"), "OldestEmulationVersion");
}

TEST(ElectionTest, ALeaseGivenBackIsFreeAtOnce) {
  Replica b("b");
  b.give(Election::Found{lease("a")});
  b.give(Election::Found{lease("")});
  EXPECT_TRUE(b.does<Election::Replace>());
}

TEST(ElectionTest, TheHoldersOwnDurationCounts) {
  Replica b("b");
  json::value brief = lease("a");
  brief.at("spec").as_object()["leaseDurationSeconds"] = 3;
  b.give(Election::Found{brief});
  b.now += seconds(3);
  b.give(Election::Found{brief});
  EXPECT_TRUE(b.does<Election::Replace>());
}

TEST(ElectionTest, ALeaseThatIsNonsenseIsTakenAfterAWhileAtMost) {
  for (const json::value& duration :
       {json::value(-1), json::value("long"), json::value(INT64_MAX), json::value(1e300)}) {
    Replica b("b");
    json::value odd = lease("a");
    odd.at("spec").as_object()["leaseDurationSeconds"] = duration;
    odd.at("spec").as_object()["leaseTransitions"] = "many";
    b.give(Election::Found{odd});
    b.now += std::chrono::hours(24);
    b.give(Election::Found{odd});
    EXPECT_TRUE(b.does<Election::Replace>());
  }
  for (const json::value& odd :
       {json::value(nullptr), json::value(json::array{1}), json::value({{"spec", 1}})}) {
    Replica b("b");
    b.give(Election::Found{odd});
    EXPECT_FALSE(b.does<Election::Wait>());
  }
}

TEST(ElectionTest, RenewsWithoutReading) {
  Replica a = leader();
  a.now += seconds(2);
  a.wall += seconds(2);
  a.give(Election::Waited{});
  ASSERT_TRUE(a.does<Election::Replace>());
  EXPECT_EQ(json::findString(a.replaced(), "spec.renewTime"), formatMicroTime(a.wall));
  EXPECT_EQ(json::findString(a.replaced(), "spec.acquireTime"), "2026-01-01T00:00:00.000000Z");
  EXPECT_EQ(*json::find(a.replaced(), "spec.leaseTransitions"), 3);
}

TEST(ElectionTest, StopsLeadingAtTheRenewDeadlineBeforeAnotherMayBegin) {
  Replica a = leader();
  Replica b("b", a.now);
  b.give(Election::Found{lease("a")});
  a.now += seconds(10) - Duration(1);
  EXPECT_TRUE(a.leading());
  a.now += Duration(1);
  EXPECT_FALSE(a.leading());
  b.now = a.now;
  b.give(Election::Found{lease("a")});
  EXPECT_TRUE(b.does<Election::Wait>());
}

TEST(ElectionTest, TheDeadlineCountsFromTheBeginningOfTheWrite) {
  Replica a("a");
  a.give(Election::Absent{});
  a.now += seconds(4);  // the answer was long in coming: the server may have written at the very beginning
  a.give(Election::Written{lease("a")});
  EXPECT_EQ(a.election.leadingUntil(), a.now + seconds(6));
}

TEST(ElectionTest, RetriesSteadilyAndUntilTheDeadlineWhileItLeads) {
  Replica a = leader();
  a.now += seconds(2);
  a.give(Election::Waited{});
  a.give(Election::Failed{Errc::Unavailable});
  EXPECT_EQ(a.waits(), seconds(2));
  a.now += seconds(7);
  a.give(Election::Waited{});
  a.give(Election::Failed{Errc::Timeout});
  EXPECT_EQ(a.waits(), seconds(1));
  EXPECT_TRUE(a.leading());
  a.now += seconds(1);
  a.give(Election::Waited{});
  EXPECT_FALSE(a.leading());
  a.give(Election::Written{lease("a")});
  EXPECT_TRUE(a.leading());  // nobody had taken it
}

TEST(ElectionTest, AConflictMakesItReadAndYield) {
  Replica a = leader();
  a.now += seconds(2);
  a.give(Election::Waited{});
  a.give(Election::Failed{Errc::Conflict});
  ASSERT_TRUE(a.does<Election::Read>());
  EXPECT_TRUE(a.leading());  // until it is known that another does
  a.give(Election::Found{lease("b")});
  EXPECT_FALSE(a.leading());
  EXPECT_TRUE(a.does<Election::Wait>());
  EXPECT_FALSE(a.election.mayHold());
}

TEST(ElectionTest, ARenewalThatWasCarriedOutWithoutAnAnswerIsNoLoss) {
  Replica a = leader();
  a.now += seconds(2);
  a.give(Election::Waited{});
  a.give(Election::Failed{Errc::Timeout});
  a.give(Election::Waited{});
  a.give(Election::Failed{Errc::Conflict});  // with the version from before it
  a.give(Election::Found{lease("a", "2026-01-01T00:00:02.000000Z")});
  ASSERT_TRUE(a.does<Election::Replace>());
  a.give(Election::Written{lease("a")});
  EXPECT_TRUE(a.leading());
}

TEST(ElectionTest, ConflictsInARowAreNoLoop) {
  Replica a = leader();
  a.give(Election::Waited{});
  a.give(Election::Failed{Errc::Conflict});
  a.give(Election::Found{lease("a")});
  a.give(Election::Failed{Errc::Conflict});
  EXPECT_TRUE(a.does<Election::Wait>());
}

TEST(ElectionTest, OfTwoTakingOverTheLoserWaits) {
  Replica b("b");
  b.give(Election::Found{lease("a")});
  b.now += seconds(15);
  b.give(Election::Found{lease("a")});
  ASSERT_TRUE(b.does<Election::Replace>());
  b.give(Election::Failed{Errc::Conflict});
  EXPECT_TRUE(b.does<Election::Wait>());
  EXPECT_FALSE(b.leading());
}

TEST(ElectionTest, ALeaseThatSomebodyDeletedIsMadeAgain) {
  Replica a = leader();
  a.give(Election::Waited{});
  a.give(Election::Failed{Errc::NotFound});
  ASSERT_TRUE(a.does<Election::Read>());
  a.give(Election::Absent{});
  ASSERT_TRUE(a.does<Election::Create>());
  a.give(Election::Failed{Errc::AlreadyExists});
  EXPECT_TRUE(a.does<Election::Wait>());
}

TEST(ElectionTest, WhoCouldNotMakeADeletedLeaseAgainReadsFirst) {
  Replica a = leader();
  a.give(Election::Waited{});
  a.give(Election::Failed{Errc::NotFound});
  a.give(Election::Absent{});
  ASSERT_TRUE(a.does<Election::Create>());
  a.give(Election::Failed{Errc::Unavailable});
  ASSERT_TRUE(a.does<Election::Wait>());
  a.give(Election::Waited{});
  EXPECT_TRUE(a.does<Election::Read>()) << "it may have been made, and taken";
}

// The leader lease not released on exit.
TEST(ElectionTest, GivesBackWhatItHolds) {
  Replica a = leader();
  const auto freed = a.election.giveBack(lease("a"), a.wall);
  ASSERT_TRUE(freed);
  EXPECT_EQ(holder(*freed), "");
  EXPECT_EQ(*json::find(*freed, "spec.leaseDurationSeconds"), 1);
  EXPECT_EQ(*json::find(*freed, "spec.leaseTransitions"), 3);
  EXPECT_EQ(json::findString(*freed, "metadata.resourceVersion"), "7");
  EXPECT_FALSE(a.leading());
  Replica b("b");
  b.give(Election::Found{*freed});
  EXPECT_TRUE(b.does<Election::Replace>());
}

TEST(ElectionTest, DoesNotGiveBackWhatAnotherHolds) {
  Replica a = leader();
  EXPECT_EQ(a.election.giveBack(lease("b"), a.wall), std::nullopt);
  EXPECT_FALSE(a.leading());
}

}  // namespace
}  // namespace cloister::runtime
