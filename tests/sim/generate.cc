#include "tests/sim/generate.h"

#include <algorithm>
#include <set>

#include "operator/policy/plan.h"
#include "tests/sim/additions.h"
#include "tests/sim/dice.h"
#include "tests/sim/images.h"
#include "tests/sim/network.h"
#include "tests/sim/wishes.h"

namespace cloister::sim {
namespace {

constexpr Fate fates[] = {Fate::SlowAnswer,  Fate::Slow,     Fate::Unauthorized, Fate::Forbidden,
                          Fate::Misled,      Fate::Refused,  Fate::Throttled,    Fate::Broken,
                          Fate::Failed,      Fate::Conflict, Fate::AnswerLost,   Fate::Reset,
                          Fate::ResetAnswer, Fate::Silent,   Fate::Late};

Setup drawSetup(Dice& dice) {
  constexpr int workers[] = {1, 4, 8};
  constexpr int pages[] = {1, 2, 500, 500};
  Setup setup;
  setup.replicas = dice.oneIn(3) ? 2 : 1;
  setup.election = !dice.oneIn(setup.replicas == 2 ? 4 : 2);
  setup.workers = dice.pick(workers);
  setup.page = dice.pick(pages);
  setup.namespaced = dice.oneIn(4);
  setup.lingers = dice.oneIn(100);
  setup.tailored = dice.oneIn(3) ? 1 + dice.roll(2) : 0;
  return setup;
}

Step drawCreate(Dice& dice, int which) {
  constexpr const char* registries[] = {"", "", "", "", "team/", "localhost/", "registry.example.com:5000/"};
  Step step{.at = dice.between(milliseconds(500), longest / 2), .what = What::Create, .which = which};
  step.how = dice.pick(registries) + std::string(dice.oneIn(2) ? "runs" : dice.pick(images()).name);
  if (dice.oneIn(20)) step.how.clear();
  if (dice.oneIn(2)) step.count = dice.roll(commonWishes);
  if (dice.oneIn(2)) step.span = dice.between(seconds(2), seconds(20));
  return step;
}

// About when a policy goes that nothing uses since the last step before.
Step drawLateCreate(Dice& dice) {
  Step step = drawCreate(dice, dice.roll(2));
  step.at = policy::unusedGrace + dice.between({}, longest);
  step.count = 1;
  return step;
}

// Fills in what a step of this kind needs.
void detail(Dice& dice, Step& step) {
  constexpr const char* propagations[] = {"Background", "Background", "Foreground", "Orphan"};
  constexpr const char* modes[] = {"None", "Internet"};
  constexpr const char* states[] = {"Paused", "Running"};
  constexpr const char* ends[] = {"completed", "crashed",   "wordy",     "oom",   "evicted",
                                  "tainted",   "collected", "preempted", "spared"};
  constexpr const char* refusals[] = {"forbidden", "invalid", "unknown", "deletion"};
  constexpr const char* leases[] = {"deleted", "bare", "taken"};
  constexpr const char* kinds[] = {"",      "pods",         "sandboxes",        "networkpolicies",
                                   "nodes", "sandboxpools", "sandboxtemplates", "controllerrevisions"};
  constexpr const char* atWrites[] = {"crashBefore", "crashAfter"};
  constexpr const char* atChanges[] = {"crash", "lag", "gap", "stale", "swap", "swapUnseen"};
  step.span = dice.between(milliseconds(200), seconds(12));
  switch (step.what) {
    case What::Create:
      step = drawCreate(dice, step.which);
      break;
    case What::Delete:
      step.how = dice.pick(propagations);
      break;
    case What::SetEgress:
      step.how = dice.pick(modes);
      break;
    case What::SetState:
      step.how = dice.pick(states);
      break;
    case What::EndPod:
      step.how = dice.pick(ends);
      break;
    case What::BendPolicies:
      step.how = dice.oneIn(2) ? "types" : "rules";
      break;
    case What::Quota:
      step.how = dice.oneIn(2) ? "exceeded" : "failed";
      break;
    case What::Refuse:
      step.how = dice.pick(refusals);
      break;
    case What::Tamper:
      step.how = dice.oneIn(2) ? "bare" : "unknown";
      break;
    case What::EditLease:
      step.how = dice.pick(leases);
      break;
    case What::Fail:
      step.how = boost::describe::enum_to_string(dice.pick(fates), "");
      step.count = 1 + dice.roll(dice.oneIn(4) ? 8 : 2);
      break;
    case What::LagWatches:
      step.how = dice.pick(kinds);
      step.count = 1 + dice.roll(15);
      break;
    case What::AtWrite:
      step.how = dice.pick(atWrites);
      step.count = 1 + dice.roll(4);
      break;
    case What::AtChange:
      step.how = dice.pick(atChanges);
      step.count = 1 + dice.roll(12);
      break;
    case What::Outage:
      step.span = dice.between(milliseconds(200), dice.oneIn(3) ? seconds(12) : seconds(2));
      break;
    case What::NoLease:
      step.span = dice.between(seconds(5), seconds(30));
      break;
    case What::Pause:
      step.span = dice.between(seconds(1), seconds(25));
      break;
    case What::Jump:
      step.how = dice.oneIn(2) ? "back" : "forward";
      step.span = dice.oneIn(2) ? step.span : dice.between(seconds(30), std::chrono::hours(2));
      break;
    case What::Skew:
      step.how = dice.oneIn(2) ? "behind" : "ahead";
      step.span = dice.oneIn(2) ? step.span : dice.between(milliseconds(100), std::chrono::minutes(2));
      break;
    default:
      break;
  }
}

Step draw(Dice& dice, const std::vector<What>& pool, int sandboxes) {
  Step step{
      .at = dice.between(milliseconds(0), longest), .what = dice.pick(pool), .which = dice.roll(sandboxes)};
  // Clocks are mostly off from the beginning.
  const Duration at = step.what == What::Skew && !dice.oneIn(3) ? Duration{} : step.at;
  detail(dice, step);
  step.at = at;
  return step;
}

void addSteps(Dice& dice, const std::vector<What>& pool, int count, int sandboxes, Script& script) {
  for (int i = 0; i < count; ++i) script.steps.push_back(draw(dice, pool, sandboxes));
}

// Watches end, and coming back is not easy: what is left out by steps that are drawn apart.
void addBrokenWatch(Dice& dice, Script& script) {
  const Duration at = dice.between({}, longest);
  script.steps.push_back({.at = at, .what = What::CutWatches});
  Step next{.what = dice.oneIn(3) ? What::Compact : What::Fail};
  detail(dice, next);
  next.at = at;
  script.steps.push_back(std::move(next));
}

// While most Sandboxes are made.
void addRefusals(Dice& dice, int sandboxes, Script& script) {
  for (int i = 0; i < 2; ++i) {
    Step step = draw(dice, {What::Quota, What::NoRuntimeClass, What::Refuse, What::SquatPolicy}, sandboxes);
    step.at /= 4;
    script.steps.push_back(std::move(step));
  }
}

// A pod's creation is carried out when its successor has run and gone.
void addSecondPod(Dice& dice, int sandboxes, Script& script) {
  const int which = dice.roll(sandboxes);
  const Duration at = dice.between(seconds(15), seconds(20));
  script.steps.push_back({.at = at - seconds(4), .what = What::Delete, .which = which, .how = "Background"});
  script.steps.push_back({.at = at, .what = What::Fail, .count = 1, .how = "Late"});
  script.steps.push_back({.at = at, .what = What::Create, .which = which, .how = "runs"});
  script.steps.push_back(
      {.at = at + dice.between(milliseconds(16'500), seconds(18)), .what = What::DeletePod, .which = which});
}

// KIND, every few seconds.
void addFaults(Dice& dice, const std::string& kind, int sandboxes, Script& script) {
  Step fault{.what = What::Fail};
  const bool isWhat = boost::describe::enum_from_string(kind.c_str(), fault.what);
  for (Duration at{}; at < longest; at += dice.between(seconds(2), seconds(12))) {
    detail(dice, fault);
    fault.at = at;
    fault.which = dice.roll(sandboxes);
    if (!isWhat) fault.how = kind;
    script.steps.push_back(fault);
  }
}

// In some there are quotas, which are changed meanwhile.
void addQuotas(Dice& dice, Script& script) {
  if (!dice.oneIn(4)) return;
  script.setup.quota = 1 + dice.roll(4);
  if (dice.oneIn(3)) script.setup.perMinute = 2 + dice.roll(3);
  for (int i = dice.roll(4); i > 0; --i) {
    Step step{.at = dice.between({}, longest), .what = What::EditQuota, .which = dice.roll(2)};
    step.count = dice.roll(5);
    if (dice.oneIn(6)) step.how = "delete";
    script.steps.push_back(std::move(step));
  }
}

// SCRIPT with what came later than the rest, and so has draws of its own. OFTEN: see additions.h.
Script finished(Script script, int sandboxes, bool often) {
  Dice pools(script.seed, 20);
  addPools(pools, script);
  Dice restarts(script.seed, 30);
  addRestarts(restarts, sandboxes, script);
  Dice quotas(script.seed, 40);
  addQuotas(quotas, script);
  Dice ways(script.seed, 50);
  addPoolWays(ways, often, script);
  Dice oddities(script.seed, 51);
  addOddities(oddities, sandboxes, often, script);
  Dice states(script.seed, 52);
  addStates(states, sandboxes, script);
  Dice ends(script.seed, 53);
  addOnExpiry(ends, sandboxes, script);
  Dice schedules(script.seed, 54);
  addSchedules(schedules, sandboxes, script);
  Dice limits(script.seed, 55);
  addQuotaLimits(limits, script);
  Dice saved(script.seed, 56);
  addSnapshots(saved, sandboxes, script);
  Dice held(script.seed, 57);
  addHeld(held, sandboxes, script);
  Dice golden(script.seed, 58);
  addGolden(golden, sandboxes, script);
  std::ranges::sort(script.steps, {}, &Step::at);
  return script;
}

const std::vector<What> usersDo{What::Create,     What::SetTtl,       What::SetTtl,       What::SetEgress,
                                What::SetState,   What::Delete,       What::Delete,       What::DeletePod,
                                What::StripLabel, What::DropPolicies, What::BendPolicies, What::EndPod,
                                What::Stranger,   What::Pin,          What::Tamper,       What::Garble};

}  // namespace

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all = [] {
    std::vector<Scenario> list{
        {"calm", {}},
        {"crashes",
         {What::Crash, What::AtWrite, What::AtWrite, What::AtChange, What::Handover, What::NoLease,
          What::Pause}},
        {"network", {What::Fail, What::Fail, What::Fail, What::Outage}},
        {"watches",
         {What::CutWatches, What::LagWatches, What::LagWatches, What::AtChange, What::Compact, What::Repeat}},
        {"cluster",
         {What::LoseNode, What::Quota, What::NoRuntimeClass, What::Refuse, What::DeleteNamespace, What::Squat,
          What::SquatPolicy, What::EditLease}},
        {"clocks", {What::Jump, What::Skew, What::Skew, What::Pause, What::Crash}}};
    Scenario everything{"all", {}};
    for (const Scenario& one : list) {
      everything.faults.insert(everything.faults.end(), one.faults.begin(), one.faults.end());
    }
    list.push_back(std::move(everything));
    return list;
  }();
  return all;
}

const Scenario* findScenario(std::string_view name) {
  const auto found = std::ranges::find(scenarios(), name, &Scenario::name);
  return found == scenarios().end() ? nullptr : &*found;
}

const std::vector<std::string>& faultKinds() {
  static const std::vector<std::string> all = [] {
    std::set<std::string> kinds;
    for (const What what : findScenario("all")->faults) {
      if (what != What::Fail) kinds.insert(boost::describe::enum_to_string(what, ""));
    }
    for (const Fate fate : fates) kinds.insert(boost::describe::enum_to_string(fate, ""));
    return std::vector<std::string>(kinds.begin(), kinds.end());
  }();
  return all;
}

Script generate(uint64_t seed, const Scenario& scenario) {
  Dice dice(seed, 10);
  Script script{.name = std::string(scenario.name), .seed = seed, .setup = drawSetup(dice), .steps = {}};
  const int sandboxes = 1 + dice.roll(5);
  for (int i = 0; i < sandboxes; ++i) script.steps.push_back(drawCreate(dice, i));
  if (script.setup.lingers && dice.oneIn(2)) script.steps.push_back(drawLateCreate(dice));
  addSteps(dice, usersDo, dice.roll(7), sandboxes, script);
  if (!scenario.faults.empty()) addSteps(dice, scenario.faults, 1 + dice.roll(8), sandboxes, script);
  return finished(std::move(script), sandboxes, false);
}

Script generateWith(uint64_t seed, const std::string& kind) {
  const auto number = std::ranges::find(faultKinds(), kind) - faultKinds().begin();
  Dice dice(seed, 100 + uint64_t(number));
  Script script{.name = kind, .seed = seed, .setup = drawSetup(dice), .steps = {}};
  script.setup.lingers = dice.oneIn(8);
  const int sandboxes = 3 + dice.roll(4);
  for (int i = 0; i < sandboxes; ++i) script.steps.push_back(drawCreate(dice, i));
  addSteps(dice, usersDo, 6 + dice.roll(8), sandboxes, script);
  addSteps(dice, {What::EndPod, What::EndPod, What::Tamper, What::Garble, What::EditLease}, 5, sandboxes,
           script);
  addSteps(dice, findScenario("all")->faults, 3 + dice.roll(5), sandboxes, script);
  addRefusals(dice, sandboxes, script);
  for (int i = 0; i < 3; ++i) addBrokenWatch(dice, script);
  if (dice.oneIn(3)) addSecondPod(dice, sandboxes, script);
  addFaults(dice, kind, sandboxes, script);
  return finished(std::move(script), sandboxes, true);
}

}  // namespace cloister::sim
