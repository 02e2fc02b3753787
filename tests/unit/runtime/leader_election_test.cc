#include "runtime/leader_election.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/task_group.h"
#include "tests/support/sim_clock.h"
#include "tests/unit/runtime/fake_lease.h"

namespace cloister::runtime::test {
namespace {

using cloister::test::Fault;
using cloister::test::ScriptedTransport;
using cloister::test::SimClock;
using testing::ElementsAre;

// One replica with its own way to the API server.
struct Replica {
  Replica(SimClock& simulated, FakeLease& lease, std::string identity)
      : clock(simulated),
        transport(simulated),
        client(transport, simulated),
        election({.namespace_ = "ns", .name = "lease", .identity = std::move(identity)}, client, simulated),
        group(simulated.executor()) {
    lease.serve(transport);
    election.onChange([this](bool leading) { changes.push_back(leading); });
  }
  ~Replica() { kill(); }

  void start() { group.spawn("election", election.run()); }
  void kill() { cloister::test::run(clock, group.stop()); }
  void exit() {
    kill();
    cloister::test::run(clock, election.release());
  }

  SimClock& clock;
  ScriptedTransport transport;
  kube::Client client;
  LeaderElection election;
  TaskGroup group;
  std::vector<bool> changes;
};

class LeaderElectionTest : public testing::Test {
 protected:
  SimClock clock;
  FakeLease lease;
  Replica a{clock, lease, "a"};
  Replica b{clock, lease, "b"};
};

TEST_F(LeaderElectionTest, OneLeadsAndKeepsLeading) {
  a.start();
  clock.runUntilIdle();
  b.start();
  for (int second = 0; second < 120; ++second) {
    EXPECT_TRUE(a.election.leading());
    EXPECT_FALSE(b.election.leading());
    clock.advance(seconds(1));
  }
  EXPECT_EQ(lease.holder(), "a");
  EXPECT_THAT(a.changes, ElementsAre(true));
}

TEST_F(LeaderElectionTest, ADeadLeadersLeaseIsTakenAfterItsDuration) {
  a.start();
  clock.advance(seconds(20));
  b.start();
  clock.advance(seconds(20));
  a.kill();
  clock.advance(seconds(13));
  EXPECT_FALSE(b.election.leading());
  clock.advance(seconds(7));
  EXPECT_TRUE(b.election.leading());
  EXPECT_EQ(lease.holder(), "b");
}

// The leader lease not released on exit.
TEST_F(LeaderElectionTest, OnExitTheOtherTakesOverAtItsNextLook) {
  a.start();
  clock.advance(seconds(20));
  b.start();
  clock.advance(seconds(20));
  a.exit();
  EXPECT_EQ(lease.holder(), "");
  EXPECT_FALSE(a.election.leading());
  EXPECT_THAT(a.changes, ElementsAre(true, false));
  clock.advance(milliseconds(4400));
  EXPECT_TRUE(b.election.leading());
}

TEST_F(LeaderElectionTest, WhoNeverLedGivesNothingBack) {
  a.start();
  clock.advance(seconds(1));
  b.start();
  clock.advance(seconds(10));
  const size_t calls = b.transport.requests().size();
  b.exit();
  EXPECT_EQ(b.transport.requests().size(), calls);
  EXPECT_EQ(lease.holder(), "a");
}

TEST_F(LeaderElectionTest, GivesBackALeaseWhoseRenewalWasCutShort) {
  a.start();
  clock.advance(seconds(1));
  a.transport.failCall(a.transport.requests().size(), Fault::LostAnswer);  // the next renewal is carried out
  clock.advance(seconds(2));
  a.exit();
  EXPECT_EQ(lease.holder(), "");
}

TEST_F(LeaderElectionTest, GivesBackALeaseThatALateRenewalTouches) {
  a.start();
  clock.advance(seconds(1));
  bool late = false;
  a.transport.on("GET", "/", [&](const auto&) {
    auto response = cloister::test::answer(200, json::print(lease.object));
    if (!std::exchange(late, true)) lease.touch();  // after it was read
    return response;
  });
  a.exit();
  EXPECT_EQ(lease.holder(), "");
}

TEST_F(LeaderElectionTest, ALeaderCutOffStopsInTimeAndTheOtherBeginsAfterThat) {
  a.start();
  clock.advance(seconds(20));
  b.start();
  clock.advance(seconds(5));
  a.transport.failAll(Fault::Silent);
  while (a.election.leading()) {
    ASSERT_FALSE(b.election.leading());
    clock.advance(milliseconds(100));
  }
  EXPECT_THAT(a.changes, ElementsAre(true, false));  // told on time, although a call hangs
  while (!b.election.leading()) clock.advance(milliseconds(100));
  a.transport.failAll(std::nullopt);
  clock.advance(std::chrono::minutes(1));
  EXPECT_FALSE(a.election.leading());
  EXPECT_TRUE(b.election.leading());
}

TEST_F(LeaderElectionTest, AHungCallCostsNoLeadership) {
  a.start();
  clock.advance(seconds(20));
  a.transport.failCall(a.transport.requests().size(), Fault::Silent);
  clock.advance(std::chrono::minutes(1));
  EXPECT_THAT(a.changes, ElementsAre(true));
}

TEST_F(LeaderElectionTest, LeadsAgainAfterAnOutageOfTheServer) {
  a.start();
  clock.advance(seconds(20));
  a.transport.failAll(Fault::Refused);
  clock.advance(std::chrono::minutes(5));
  EXPECT_FALSE(a.election.leading());
  a.transport.failAll(std::nullopt);
  clock.advance(seconds(5));
  EXPECT_TRUE(a.election.leading());
  EXPECT_THAT(a.changes, ElementsAre(true, false, true));
}

// Every I/O step fails once, in each way: at no time do both lead, and in the end one does.
TEST(LeaderElectionFaultsTest, NeverTwoLeaders) {
  for (const Fault fault : {Fault::Refused, Fault::LostAnswer, Fault::Silent}) {
    for (size_t step = 0; step < 12; ++step) {
      SimClock clock;
      FakeLease lease;
      Replica a(clock, lease, "a");
      Replica b(clock, lease, "b");
      a.transport.failCall(step, fault);
      b.transport.failCall(step, fault);
      a.start();
      b.start();
      for (int tick = 0; tick < 600; ++tick) {
        if (tick == 300) a.exit();
        ASSERT_FALSE(a.election.leading() && b.election.leading()) << "step " << step;
        clock.advance(milliseconds(100));
      }
      EXPECT_TRUE(b.election.leading()) << "step " << step;
      b.exit();
      EXPECT_EQ(lease.holder(), "") << "step " << step;
    }
  }
}

}  // namespace
}  // namespace cloister::runtime::test
