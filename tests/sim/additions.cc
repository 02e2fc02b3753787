#include "tests/sim/additions.h"

#include <algorithm>

#include "tests/sim/cluster.h"
#include "tests/sim/ways.h"
#include "tests/sim/wishes.h"

namespace cloister::sim {
namespace {

// A stranger has the name of a Sandbox's volume before it is made.
void addSquattedVolume(Dice& dice, Script& script) {
  for (size_t i = script.steps.size(); i-- > 0;) {
    Step& create = script.steps[i];
    if (create.what != What::Create || !dice.oneIn(4)) continue;
    create.count = lastingWish();
    Step squat{.at = create.at + milliseconds(1), .what = What::SquatVolume, .which = create.which};
    squat.how = dice.oneIn(2) ? "owned" : "";
    squat.span = dice.between(seconds(1), seconds(20));
    script.steps.push_back(std::move(squat));
  }
}

// A pod's end comes while something holds its object: its successor waits, and says so.
void addPinnedPod(Dice& dice, int sandboxes, Script& script) {
  const int which = dice.roll(sandboxes);
  const Duration at = dice.between(seconds(3), longest / 2);
  for (Step& step : script.steps) {
    if (step.what == What::Create && step.which == which) step.restart = "Always";
  }
  script.steps.push_back({.at = at, .what = What::PinPod, .which = which});
  script.steps.push_back({.at = at + dice.between({}, seconds(2)), .what = What::DeletePod, .which = which});
  script.steps.push_back({.at = at + seconds(75), .what = What::Repeat});
}

// It ends again and again; the clocks' jumps take the waiting away.
void addManyRestarts(Dice& dice, int sandboxes, Script& script) {
  const int which = dice.roll(sandboxes);
  for (Step& step : script.steps) {
    if (step.what == What::Create && step.which == which) step.restart = "Always";
  }
  for (int i = 0; i < 10; ++i) {
    const Duration at = seconds(4) + seconds(4) * i;
    script.steps.push_back({.at = at, .what = What::EndPod, .which = which, .how = "crashed"});
    script.steps.push_back({.at = at + milliseconds(1500),
                            .what = What::Jump,
                            .span = std::chrono::minutes(6),
                            .how = "forward"});
    script.steps.push_back({.at = at + milliseconds(1600),
                            .what = What::SetTtl,
                            .which = which,
                            .span = std::chrono::hours(3) + seconds(i)});
  }
}

Step drawPoolStep(Dice& dice) {
  constexpr What kinds[] = {What::TurnPool,     What::TurnPool, What::TurnTemplate,
                            What::TurnTemplate, What::DropPool, What::DropTemplate,
                            What::SquatSlot,    What::Forge,    What::ScalePool};
  constexpr const char* propagations[] = {"Background", "Foreground"};
  constexpr const char* forgeries[] = {"revision", "0", "1", "x", "1x", "1000000"};
  Step step{.at = dice.between({}, longest), .what = dice.pick(kinds), .which = dice.roll(2)};
  step.span = dice.between(seconds(1), seconds(20));
  switch (step.what) {
    case What::TurnPool:
      step.count = dice.roll(int(poolWays().size()));
      break;
    case What::TurnTemplate:
      step.count = dice.roll(int(templateWays().size()));
      break;
    case What::ScalePool:
      // More than a round is, or few.
      step.count = dice.oneIn(12) ? 18 : dice.roll(3);
      break;
    case What::Forge:
      step.how = dice.pick(forgeries);
      step.count = dice.roll(4);
      break;
    case What::SquatSlot:
      step.count = dice.roll(3);
      break;
    default:
      step.how = dice.pick(propagations);
  }
  return step;
}

// One ends that has run for longer than a failed start does.
void addLongRun(Dice& dice, int sandboxes, Script& script) {
  for (Step& step : script.steps) {
    if (step.what == What::Create && step.span == Duration{}) step.restart = "Always";
  }
  for (int which = 0; which < sandboxes; ++which) {
    script.steps.push_back({.at = std::chrono::minutes(10) + dice.between(longest, 2 * longest),
                            .what = What::EndPod,
                            .which = which,
                            .how = "crashed"});
  }
}

// Another replica makes a restart's pod, and the next one that leads sees that before the restart.
void addOutrun(Dice& dice, int sandboxes, Script& script) {
  const int which = dice.roll(sandboxes);
  const Duration at = dice.between(seconds(4), seconds(8));
  script.setup.replicas = 2;
  script.setup.election = true;
  for (Step& step : script.steps) {
    if (step.what == What::Create && step.which == which) step.restart = "Always";
  }
  script.steps.push_back({.at = at, .what = What::EndPod, .which = which, .how = "crashed"});
  script.steps.push_back({.at = at + seconds(8),
                          .what = What::LagWatches,
                          .count = 14,
                          .span = seconds(12),
                          .how = "sandboxes"});
  script.steps.push_back(
      {.at = at + dice.between(seconds(10), seconds(12)), .what = What::Handover, .which = dice.roll(2)});
  script.steps.push_back({.at = at + seconds(20), .what = What::Repeat});
}

// As we tell people to do when a node does not come back.
void addForcedDeletion(Dice& dice, int sandboxes, Script& script) {
  const Duration at = dice.between(seconds(3), longest / 2);
  for (int node = 0; node < Kubelets::nodes; ++node)
    script.steps.push_back({.at = at, .what = What::LoseNode, .which = node, .span = seconds(20)});
  script.steps.push_back({.at = at + dice.between(seconds(5), seconds(10)),
                          .what = What::DeletePod,
                          .which = dice.roll(sandboxes),
                          .how = "force"});
}

void addTampering(Dice& dice, int sandboxes, Script& script) {
  for (const char* how : {"forgetful", "forgetful", "pool", "pool"}) {
    script.steps.push_back({.at = dice.between(seconds(3), longest),
                            .what = What::Tamper,
                            .which = dice.roll(sandboxes),
                            .how = how});
  }
}

}  // namespace

void addPools(Dice& dice, Script& script) {
  constexpr const char* images[] = {"runs", "team/runs", "localhost/runs"};
  constexpr What kinds[] = {What::ScalePool, What::EditTemplate, What::Cordon};
  if (!dice.oneIn(3)) return;
  script.setup.pool = 1 + dice.roll(2);
  script.setup.idle = 1 + dice.roll(3);
  for (Step& step : script.steps) {
    if (step.what == What::Create && !dice.oneIn(3)) step.how = dice.oneIn(4) ? "template" : "pool";
  }
  for (int i = dice.roll(4); i > 0; --i) {
    Step step{.at = dice.between({}, longest), .which = dice.roll(2)};
    step.what = dice.pick(kinds);
    step.count = 1 + dice.roll(4);
    step.how = dice.pick(images);
    step.span = dice.between(seconds(1), seconds(20));
    script.steps.push_back(std::move(step));
  }
}

void addRestarts(Dice& dice, int sandboxes, Script& script) {
  constexpr const char* policies[] = {"OnFailure", "Always"};
  constexpr const char* ends[] = {"completed", "crashed", "oom", "evicted", "tainted"};
  if (!dice.oneIn(3)) return;
  for (Step& step : script.steps) {
    if (step.what != What::Create || dice.oneIn(3)) continue;
    step.restart = dice.pick(policies);
    if (dice.oneIn(4)) step.count = lastingWish();
  }
  for (int i = dice.roll(4); i > 0; --i) {
    Step step{.at = dice.between(seconds(3), longest), .which = dice.roll(sandboxes)};
    step.what = dice.oneIn(3) ? What::DeletePod : What::EndPod;
    step.how = dice.pick(ends);
    script.steps.push_back(std::move(step));
  }
  if (!dice.oneIn(4)) return;
  // A pod that is deleted while its node, whichever it is, does not answer.
  const Duration at = dice.between(seconds(3), longest / 2);
  for (int node = 0; node < Kubelets::nodes; ++node)
    script.steps.push_back({.at = at, .what = What::LoseNode, .which = node, .span = seconds(40)});
  script.steps.push_back(
      {.at = at + dice.between({}, seconds(10)), .what = What::DeletePod, .which = dice.roll(sandboxes)});
}

void addPoolWays(Dice& dice, bool often, Script& script) {
  // Who judges pools knows those that a quota holds back, or those that say more: not both at once.
  if (script.setup.quota != 0) return;
  if (often && script.setup.pool == 0) addPools(dice, script);
  if (script.setup.pool == 0 || (!often && dice.oneIn(3))) return;
  if (dice.oneIn(4)) script.setup.pool = 3;
  if (dice.oneIn(2)) script.setup.poolWay = dice.roll(lastingPoolWays());
  if (dice.oneIn(2)) script.setup.templateWay = dice.roll(lastingTemplateWays());
  for (Step& step : script.steps) {
    const bool warm = step.how == "pool" || step.how == "template";
    if (step.what == What::Create && warm && dice.oneIn(4)) step.count = commonWishes + dice.roll(poolWishes);
  }
  for (int i = dice.roll(6) + (often ? 2 : 0); i > 0; --i) {
    script.steps.push_back(drawPoolStep(dice));
  }
}

void addOddities(Dice& dice, int sandboxes, bool often, Script& script) {
  if (script.setup.quota != 0) return;
  const auto odds = [&](int seldom) { return dice.oneIn(often ? seldom / 4 : seldom); };
  if (odds(16)) addSquattedVolume(dice, script);
  if (odds(40)) addPinnedPod(dice, sandboxes, script);
  if (odds(100)) addManyRestarts(dice, sandboxes, script);
  if (script.setup.lingers && odds(8)) addLongRun(dice, sandboxes, script);
  if (odds(40)) addOutrun(dice, sandboxes, script);
  if (odds(40)) addForcedDeletion(dice, sandboxes, script);
  if (odds(12)) addTampering(dice, sandboxes, script);
  if (!odds(12)) return;
  for (Step& step : script.steps) {
    if (step.what == What::Create && dice.oneIn(3)) step.count = briefWish();
  }
}

void addStates(Dice& dice, int sandboxes, Script& script) {
  if (!dice.oneIn(4)) return;
  script.setup.agents = true;
  for (int i = 1 + dice.roll(8); i > 0; --i) {
    Step step{.at = dice.between({}, longest), .what = What::SetState, .which = dice.roll(sandboxes)};
    step.how = dice.pick(std::array{"Running", "Paused", "Suspended"});
    script.steps.push_back(std::move(step));
  }
}

void addSchedules(Dice& dice, int sandboxes, Script& script) {
  if (!script.setup.agents || !dice.oneIn(3)) return;
  for (int i = 1 + dice.roll(3); i > 0; --i) {
    script.steps.push_back({.at = dice.between({}, longest),
                            .what = What::SetSchedule,
                            .which = dice.roll(sandboxes),
                            .count = 1 + dice.roll(3),
                            .span = dice.oneIn(6) ? Duration() : dice.between(seconds(3), seconds(12))});
  }
}

void addSnapshots(Dice& dice, int sandboxes, Script& script) {
  if (!script.setup.agents || dice.oneIn(2)) return;
  for (int i = 1 + dice.roll(5); i > 0; --i) {
    Step step{.at = dice.between({}, longest), .what = What::TakeSnapshot, .which = dice.roll(sandboxes)};
    if (dice.oneIn(4)) step.what = What::DropSnapshot;
    step.count = dice.roll(4);
    if (dice.oneIn(2)) step.span = dice.between(seconds(1), seconds(40));
    script.steps.push_back(std::move(step));
  }
}

namespace {

// What others continue from: one Sandbox of each namespace, as its pool's pods are.
void addSaved(Dice& dice, int sandboxes, Script& script) {
  constexpr const char* origins[] = {"pool", "template", "runs"};
  for (int home = 0; home < 2; ++home) {
    const int which = sandboxes + (sandboxes + home) % 2;
    script.steps.push_back({.at = dice.between(milliseconds(500), seconds(2)),
                            .what = What::Create,
                            .which = which,
                            .how = dice.pick(origins)});
    script.steps.push_back(
        {.at = dice.between(seconds(4), seconds(10)), .what = What::TakeSnapshot, .which = which});
  }
}

// Two replicas that both believe they lead give one Sandbox a pod each: one has begun anew and sees what is
// there, the other an older view of the pods, with fewer to choose from.
void addRivals(Dice& dice, int which, Script& script) {
  script.setup.replicas = 2;
  script.setup.election = false;
  const Duration at = dice.between(seconds(8), longest / 2);
  script.steps.push_back({.at = at,
                          .what = What::LagWatches,
                          .count = 8 + dice.roll(8),
                          .span = dice.between(seconds(4), seconds(12)),
                          .how = "pods"});
  script.steps.push_back(
      {.at = at + milliseconds(1), .what = What::ScalePool, .which = which, .count = 4 + dice.roll(4)});
  script.steps.push_back(
      {.at = at + dice.between(seconds(1), seconds(3)), .what = What::Crash, .which = dice.roll(2)});
  for (int i = 0; i < 2; ++i) {
    script.steps.push_back({.at = at + dice.between(seconds(3), seconds(9)),
                            .what = What::Create,
                            .which = which + 2 * i,
                            .count = dice.oneIn(2) ? continueWish() : 0,
                            .how = "pool"});
  }
}

}  // namespace

void addHeld(Dice& dice, int sandboxes, Script& script) {
  if (!dice.oneIn(4)) return;
  script.setup.agents = true;
  script.setup.hold = !dice.oneIn(6);
  if (script.setup.pool == 0) script.setup.pool = 1 + dice.roll(2);
  script.setup.idle = 1 + dice.roll(4);
  for (Step& step : script.steps) {
    if (step.what != What::Create || dice.oneIn(3)) continue;
    step.how = "pool";
    if (dice.oneIn(2)) step.count = dice.oneIn(2) ? continueWish() : 0;
  }
  addSaved(dice, sandboxes, script);
  for (int i = 1 + dice.roll(4); i > 0; --i) {
    Step step{.at = dice.between(seconds(8), longest), .what = What::Create, .which = sandboxes + 1 + i};
    step.how = dice.oneIn(4) ? "runs" : "pool";
    step.count = dice.oneIn(4) ? 0 : continueWish();
    if (dice.oneIn(3)) step.restart = "Always";
    if (dice.oneIn(4)) step.span = dice.between(seconds(2), seconds(20));
    script.steps.push_back(std::move(step));
  }
  for (int i = dice.roll(3); i > 0; --i) {
    Step step{.at = dice.between(seconds(2), longest), .what = What::ScalePool, .which = dice.roll(2)};
    step.how = dice.oneIn(2) ? "hold" : "release";
    if (dice.oneIn(3)) step = {.at = step.at, .what = What::DropSnapshot, .which = step.which};
    script.steps.push_back(std::move(step));
  }
  if (dice.oneIn(3)) addRivals(dice, sandboxes + 10, script);
}

void addQuotaLimits(Dice& dice, Script& script) {
  constexpr const char* limits[] = {"cpu", "memory", "disk", "hours", "pods", "garbled"};
  if (script.setup.quota == 0 || dice.oneIn(2)) return;
  for (int i = 1 + dice.roll(4); i > 0; --i) {
    Step step{.at = dice.between({}, dice.oneIn(2) ? longest : longest / 6), .what = What::EditQuota};
    step.which = dice.roll(2);
    step.how = dice.pick(limits);
    step.count = dice.roll(step.how == "hours" ? 3 : 6);
    step.span = dice.between(seconds(1), seconds(12));
    script.steps.push_back(std::move(step));
  }
}

void addOnExpiry(Dice& dice, int sandboxes, Script& script) {
  if (!script.setup.agents || dice.oneIn(3)) return;
  for (Step& step : script.steps) {
    if (step.what == What::Create && dice.oneIn(2)) step.count = dice.oneIn(2) ? suspendWish() : handWish();
  }
  for (int i = dice.roll(6); i > 0; --i) {
    Step step{.at = dice.between({}, longest), .what = What::SetTtl, .which = dice.roll(sandboxes)};
    step.span = dice.between(seconds(2), seconds(40));
    if (dice.oneIn(3)) {
      step.what = What::SetOnExpiry;
      step.how = dice.pick(std::array{"Delete", "Suspend", "Suspend", "Snapshot"});
    }
    script.steps.push_back(std::move(step));
  }
}

}  // namespace cloister::sim
