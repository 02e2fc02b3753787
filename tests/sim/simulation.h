// One run of a script: the real operator against a simulated cluster, on a simulated clock, in one thread.
#pragma once

#include "tests/sim/cluster.h"
#include "tests/sim/golden.h"
#include "tests/sim/holds.h"
#include "tests/sim/invariants.h"
#include "tests/sim/leadership.h"
#include "tests/sim/pools.h"
#include "tests/sim/process.h"
#include "tests/sim/quotas.h"
#include "tests/sim/script.h"
#include "tests/sim/suspends.h"
#include "tests/sim/traffic.h"
#include "tests/sim/unsettled.h"

namespace cloister::sim {

struct Outcome {
  std::optional<std::string> violation;
  std::vector<std::string> trace;  // when asked for
  uint64_t hash = 0;               // of all that happened
  int writes = 0;                  // that the operator sent, Leases among them
  int changes = 0;                 // of objects, whoever made them
  Duration settledAfter = {};      // the last step
  std::string end;                 // what users see in the end, for comparisons
};

class Simulation {
 public:
  Simulation(Script script, bool keepTrace);
  ~Simulation();

  Outcome run();

 private:
  struct Replica {
    explicit Replica(const test::SimClock& clock) : wall(clock) {}

    WallClock wall;
    int starts = 0;
    std::unique_ptr<Process> process;
    int writesLeft = 0;    // until ...
    std::string atWrite;   // ... happens, see What::AtWrite
    int changesLeft = 0;   // until ...
    std::string atChange;  // ... happens, see What::AtChange
    bool worked = false;   // at the beginning of this tick
    bool wasFree = false;  // ... likewise
  };

  void schedule();
  void carryOut(const Step& step);
  void userStep(const Step& step);
  void poolStep(const Step& step);
  void spoilGolden(const Step& step);
  void spoil(const Step& step, const test::ObjectId& id, const json::value& object);
  void nodeStep(const Step& step);
  void serverStep(const Step& step);
  void networkStep(const Step& step);
  void operatorStep(const Step& step);
  void clockStep(const Step& step);
  void takeBack();
  void unpin(const test::ObjectId& id);
  void pinPod(const test::ObjectId& pod);
  void turn(const Step& step, std::string_view patch);
  void remakePool(const std::string& namespace_);
  void mendPools();
  void forge(const Step& step);
  void squatVolume(const Step& step);
  void garble(const Step& step);
  void correct(const test::ObjectId& id);
  void createSandbox(const Step& step);
  void tamper(const Step& step);
  void squatPolicy(const Step& step);
  void freeNames();
  void editLease(const Step& step);
  void refuse(const Step& step);
  void makeRuntimeClasses();
  void limitPods(const Step& step);
  void makeRoom();
  void squat(const Step& step);
  void eachPolicy(const Step& step, const std::function<void(const test::ObjectId&)>& what);
  std::optional<net::Response> admit(const net::Request& request, const test::Target& target) const;

  void startReplica(size_t number);
  void endReplica(size_t number, bool orderly);
  bool onWrite(const Line& line, bool before);
  void onChange(const test::Change& change);
  void happenAtChange(size_t number, const std::string& what, uint64_t revision);
  void gap();
  void lag();
  void restartStale(size_t number, uint64_t revision);
  void swap();
  bool isFree(const Replica& replica) const;
  bool works(const Replica& replica) const;
  bool allUp() const;
  bool tick();
  void calm();
  bool mayCountOldClaims() const;
  std::string lookAt(const Look& look, Time until) const;
  // What is not as users want it from now on; or empty.
  std::string unsettledUntil(Time until) const;
  // Nothing is.
  bool isSettled(Time until);
  void settle();
  bool squatted() const;
  void rest();
  void linger();
  void pass(Duration duration);
  void shutDown();
  std::string describeEnd() const;
  Time latestClock(std::string_view actor) const;
  Time fastestClock() const;
  Time slowestClock() const;

  Script script_;
  test::SimClock clock_;
  Trace trace_;
  Config config_;
  test::ApiServer server_;
  Network network_;
  Kubelets kubelets_;
  Janitors janitors_;
  Invariants invariants_;
  Leadership leadership_;
  Traffic traffic_;
  PoolRules pools_;
  QuotaRules quotas_;
  Savers savers_;
  SuspendRules suspends_;
  HoldRules holds_;
  GoldenRules goldens_;
  std::vector<Look> looks_;
  size_t lastUnsettled_ = 0;  // of looks_
  Dice dice_;
  std::deque<Replica> replicas_;
  std::optional<Instant> leaseEdited_;  // by somebody, last
  Instant undeletableUntil_ = Instant::min();
  std::vector<std::pair<Instant, net::Response>> refusals_;  // of pods, until then
  Duration settledAfter_ = {};
  std::optional<std::string> failure_;
  int writes_ = 0;
  int changes_ = 0;
  bool over_ = false;
};

Outcome run(const Script& script, bool keepTrace = false);

}  // namespace cloister::sim
