#include "tests/sim/simulation.h"

#include "operator/policy/plan.h"
#include "operator/template/plan.h"
#include "tests/sim/objects.h"
#include "tests/sim/pools.h"
#include "tests/sim/wishes.h"

namespace cloister::sim {
namespace {

constexpr Duration tickStep = milliseconds(500);
constexpr Duration settleBound = seconds(300);
// Longer than a controller lets a key wait, so that everything is looked at once more.
constexpr Duration restTime = seconds(65);
// A golden snapshot that failed is made again after ten minutes.
constexpr Duration goldenBound = std::chrono::minutes(14);
// In which the last claims are forgotten, also by who has begun anew with a clock of its own.
constexpr Duration demandTime = seconds(90);

Config configOf(const Setup& setup) {
  Config config;
  config.workers = setup.workers;
  config.leaderElection.enabled = setup.election;
  config.snapshots.enabled = setup.agents;
  if (setup.tailored != 0) tailor(setup.tailored, config);
  if (setup.namespaced) config.watchNamespaces = {"team-0", "team-1"};
  return config;
}

bool clocksAgree(const Script& script) {
  return std::ranges::none_of(
      script.steps, [](const Step& step) { return step.what == What::Jump || step.what == What::Skew; });
}

// What was restarted often may have to wait for so long now.
Duration restartWait(const test::ApiServer& server) {
  const bool often = std::ranges::any_of(server.storage().list("sandboxes", ""), [](const auto& sandbox) {
    return integer(sandbox->json, "status.restarts") >= 5;
  });
  return often ? std::chrono::minutes(5) : Duration{};
}

}  // namespace

Simulation::Simulation(Script script, bool keepTrace)
    : script_(std::move(script)),
      trace_(clock_, keepTrace),
      config_(configOf(script_.setup)),
      server_(clock_),
      network_(clock_, server_, trace_, script_.seed),
      kubelets_(clock_, server_, script_.seed),
      janitors_(clock_, server_, script_.seed),
      invariants_(clock_, server_, config_),
      leadership_(clock_, server_, config_.leaderElection),
      traffic_(server_),
      pools_(clock_, server_),
      quotas_(clock_, server_, clocksAgree(script_)),
      savers_(clock_, server_, kubelets_, script_.seed),
      suspends_(server_),
      holds_(clock_, server_),
      goldens_(clock_, server_),
      looks_(looks(server_, config_)),
      dice_(script_.seed, 4) {
  for (int i = 0; i < script_.setup.replicas; ++i) replicas_.emplace_back(clock_);
  looks_.emplace_back([this](auto, Time) { return goldens_.unsettled(); });
  kubelets_.onBegin = [this](const json::value& pod, bool restored) {
    holds_.began(pod, restored);
    if (restored) goldens_.restored(pod);
  };
  kubelets_.onRestored = [this](const json::value& pod) { goldens_.restored(pod); };
  invariants_.clocksAgree = clocksAgree(script_);
  invariants_.clockOf = [this](std::string_view actor) { return latestClock(actor); };
  server_.pageLimit = size_t(script_.setup.page);
  server_.admission = [this](const auto& request, const auto& target) { return admit(request, target); };
  network_.onServed = [this](const Line& line, const net::Request& request, int status, Fate fate) {
    if (fate == Fate::Served) traffic_.served(line.name, request, status);
    const auto target = test::parseTarget(request.target);
    if (target && request.method != "GET" && fate != Fate::Late)
      leadership_.wrote(line.name, target->id.plural);
  };
  network_.onWrite = [this](const Line& line, bool before) { return onWrite(line, before); };
  server_.storage().onChange([this](const test::Change& change) {
    onChange(change);
    const char* what = !change.before ? "creates " : !change.after ? "ends " : "changes ";
    trace_.add(server_.actor(), what + toString(change.id) + " @" + std::to_string(change.revision));
  });
  for (const char* name : {"team-0", "team-1", "cloister-system"}) {
    server_.create("admin", "namespaces", {{"metadata", {{"name", name}}}});
  }
  for (const char* name : {"team-0", "team-1"}) {
    makePool(server_, name, script_.setup);
    makeQuota(server_, name, script_.setup);
  }
  makeRuntimeClasses();
}

Simulation::~Simulation() {
  shutDown();
}

Outcome Simulation::run() {
  schedule();
  const Instant end = clock_.instant() + (script_.steps.empty() ? seconds(1) : script_.steps.back().at);
  while (clock_.instant() < end && tick()) {
  }
  calm();
  settle();
  if (!failure_) rest();
  if (!failure_ && script_.setup.lingers) linger();
  Outcome outcome{.violation = failure_,
                  .trace = {},
                  .hash = 0,
                  .writes = writes_,
                  .changes = changes_,
                  .settledAfter = settledAfter_,
                  .end = describeEnd()};
  shutDown();
  if (outcome.violation) trace_.add("VIOLATION", *outcome.violation);
  outcome.trace = trace_.lines();
  outcome.hash = trace_.hash();
  return outcome;
}

void Simulation::schedule() {
  for (size_t i = 0; i < replicas_.size(); ++i) {
    clock_.at(clock_.instant() + milliseconds(100) * int(i), [this, i] { startReplica(i); });
  }
  for (const Step& step : script_.steps) {
    clock_.at(clock_.instant() + step.at, [this, step] {
      trace_.add("script", toString(step));
      carryOut(step);
    });
  }
}

// False as soon as something is wrong.
bool Simulation::tick() {
  for (Replica& replica : replicas_) {
    replica.worked = works(replica);
    replica.wasFree = isFree(replica);
  }
  clock_.advance(tickStep);
  std::optional<Time> leader;
  for (const Replica& replica : replicas_) {
    if (replica.worked && works(replica)) leader = std::max(leader.value_or(Time::min()), replica.wall.now());
    if (replica.wasFree && isFree(replica)) leadership_.tick(replica.process->name(), tickStep);
  }
  invariants_.tick(tickStep, leader);
  for (const auto& violation :
       {invariants_.violation(), leadership_.violation(), traffic_.violation(), pools_.violation(),
        quotas_.violation(), suspends_.violation(), holds_.violation(), goldens_.violation()}) {
    if (!failure_) failure_ = violation;
  }
  return !failure_;
}

// It does not stand still, and its requests are answered.
bool Simulation::isFree(const Replica& replica) const {
  return network_.calmSince(clock_.instant() - tickStep) && replica.process && !replica.process->ending() &&
         !replica.process->paused();
}

// It leads, and nothing is in its way.
bool Simulation::works(const Replica& replica) const {
  constexpr Duration recovery = seconds(3);
  if (leaseEdited_ && clock_.instant() < *leaseEdited_ + 2 * config_.leaderElection.leaseDuration)
    return false;
  if (!isFree(replica) || !network_.calmSince(clock_.instant() - recovery)) return false;
  const Process* process = replica.process.get();
  // Timers run on monotonic clocks: a jump is noticed when a key is looked at next.
  const Instant jumped = replica.wall.jumpedAt();
  const bool unnoticed = jumped > process->startedAt() &&
                         clock_.instant() < jumped + runtime::Controller::clockPeriod + recovery;
  return !unnoticed && process->program().leading() && process->program().current();
}

// The latest time by which a request of ACTOR, a process of the operator, may have been decided: two
// deadlines ago, for the one that a late one has met and the one of the action before it.
Time Simulation::latestClock(std::string_view actor) const {
  const auto number = size_t(actor.at(operatorPrefix.size()) - '0');
  return replicas_.at(number).wall.latestSince(clock_.instant() - underWay);
}

Time Simulation::fastestClock() const {
  Time fastest = clock_.now();
  for (const Replica& replica : replicas_) fastest = std::max(fastest, replica.wall.now());
  return fastest;
}

Time Simulation::slowestClock() const {
  Time slowest = clock_.now();
  for (const Replica& replica : replicas_) slowest = std::min(slowest, replica.wall.now());
  return slowest;
}

void Simulation::calm() {
  network_.calm();
  makeRoom();
  freeNames();
  kubelets_.uncordonAll();
  kubelets_.calm();
  server_.listsAt.reset();
  for (Replica& replica : replicas_) replica.writesLeft = replica.changesLeft = 0;
  takeBack();
  trace_.add("script", "faults end");
}

bool Simulation::mayCountOldClaims() const {
  const bool byDemand = std::ranges::any_of(server_.storage().list("sandboxpools", ""), [](const auto& pool) {
    return json::find(pool->json, "spec.minIdle") != nullptr;
  });
  return !invariants_.clocksAgree && byDemand && settledAfter_ < demandTime;
}

std::string Simulation::lookAt(const Look& look, Time until) const {
  return look(invariants_.clocksAgree ? std::optional(clock_.now()) : std::nullopt, until);
}

std::string Simulation::unsettledUntil(Time until) const {
  if (mayCountOldClaims()) return "somebody may count old claims";
  for (const Look& look : looks_) {
    if (auto what = lookAt(look, until); !what.empty()) return what;
  }
  return {};
}

// What was unsettled a moment ago mostly still is, so that this is cheaper than unsettledUntil().
bool Simulation::isSettled(Time until) {
  const auto finds = [&](const Look& look) { return !lookAt(look, until).empty(); };
  if (mayCountOldClaims() || finds(looks_[lastUnsettled_])) return false;
  const auto found = std::ranges::find_if(looks_, finds);
  if (found == looks_.end()) return true;
  lastUnsettled_ = size_t(found - looks_.begin());
  return false;
}

void Simulation::settle() {
  const Instant begun = clock_.instant();
  // What expires soon does so when its leader's clock says so.
  const Duration bound = settleBound + (fastestClock() - slowestClock()) + restartWait(server_) +
                         (script_.setup.golden ? goldenBound : Duration{});
  while (tick()) {
    settledAfter_ = clock_.instant() - begun;
    const Time until = fastestClock() + restTime + seconds(35);
    if (allUp() && isSettled(until)) return;
    if (settledAfter_ >= bound)
      failure_ = "not settled after " + formatDuration(settledAfter_) + ": " +
                 (allUp() ? unsettledUntil(until) : "not everything is up");
  }
}

// Every replica and every node, and one that leads.
bool Simulation::allUp() const {
  const auto follows = [](const Replica& replica) {
    return replica.process && !replica.process->paused() && replica.process->program().current();
  };
  return kubelets_.allUp() && std::ranges::all_of(replicas_, follows) &&
         std::ranges::any_of(replicas_, [this](const Replica& replica) { return works(replica); });
}

bool Simulation::squatted() const {
  return std::ranges::any_of(script_.steps, [](const Step& step) { return step.what == What::Squat; });
}

void Simulation::rest() {
  // What was noticed last may still be on its way to an Event, or to a template's counts. What was to end on
  // a node that was away has ended meanwhile, and may come back.
  const Duration onItsWay = templates::countsPeriod + seconds(2);
  pass(onItsWay);
  const Duration settledFirst = settledAfter_;
  settle();
  settledAfter_ = std::max(settledAfter_, settledFirst);
  pass(onItsWay);
  const auto written = [&] { return squatted() ? invariants_.changes() : invariants_.writes(); };
  const size_t before = written();
  traffic_.countAnew();
  pass(restTime);
  if (!failure_ && written() != before) failure_ = "writes although nothing happens";
  if (const auto [what, count] = traffic_.mostRequests(); !failure_ && count > Traffic::steadyBound)
    failure_ = "requests although nothing happens: " + std::to_string(count) + " times " + what;
  const std::string unsettled = unsettledUntil(fastestClock());
  if (!failure_ && !unsettled.empty()) failure_ = "unsettled again: " + unsettled;
}

// Unused network policies go, and nothing else is written.
void Simulation::linger() {
  constexpr Duration lingerTime = policy::unusedGrace + restTime;
  if (!unsettledUntil(fastestClock() + lingerTime).empty()) return;
  const size_t before = invariants_.changes();
  pass(lingerTime);
  if (failure_) return;
  if (!unusedPolicies(server_, config_).empty()) failure_ = "an unused network policy stays";
  if (const std::string unused = unusedRevision(server_); !unused.empty())
    failure_ = "an unused revision stays: " + unused;
  if (invariants_.changes() != before) failure_ = "writes although only time passes";
}

// Ends early when something is wrong.
void Simulation::pass(Duration duration) {
  for (const Instant end = clock_.instant() + duration; clock_.instant() < end && tick();) {
  }
}

void Simulation::shutDown() {
  if (std::exchange(over_, true)) return;
  for (size_t i = 0; i < replicas_.size(); ++i) endReplica(i, false);
  clock_.runUntilIdle();
}

void Simulation::startReplica(size_t number) {
  Replica& replica = replicas_[number];
  if (over_ || replica.process) return;
  const std::string name = operatorName(number) + std::to_string(++replica.starts);
  trace_.add(name, "starts");
  replica.process = std::make_unique<Process>(
      Process::Surroundings{.clock = clock_,
                            .wall = replica.wall,
                            .network = network_,
                            .config = config_,
                            .seed = script_.seed + number * 1000 + uint64_t(replica.starts)},
      name);
}

void Simulation::endReplica(size_t number, bool orderly) {
  Process* process = replicas_[number].process.get();
  if (process == nullptr || process->ending()) return;
  trace_.add(process->name(), orderly ? "is stopped" : "crashes");
  process->end(orderly, [this, number] {
    replicas_[number].process.reset();
    clock_.at(clock_.instant() + dice_.between(milliseconds(100), seconds(5)),
              [this, number] { startReplica(number); });
  });
}

// False when the process dies of it.
bool Simulation::onWrite(const Line& line, bool before) {
  writes_ += before ? 1 : 0;
  for (size_t i = 0; i < replicas_.size(); ++i) {
    Replica& replica = replicas_[i];
    if (!replica.process || &replica.process->line() != &line || replica.writesLeft == 0) continue;
    if (before != (replica.atWrite == "crashBefore") || --replica.writesLeft > 0) continue;
    endReplica(i, false);
    return false;
  }
  return true;
}

Outcome run(const Script& script, bool keepTrace) {
  return Simulation(script, keepTrace).run();
}

}  // namespace cloister::sim
