// Golden snapshots in scripts, and what happens to them.
#include "tests/sim/additions.h"
#include "tests/sim/cluster.h"
#include "tests/sim/wishes.h"

namespace cloister::sim {
namespace {

// By when most are warm and saved, for the first time.
constexpr Duration saved = seconds(12);
constexpr Duration latest = seconds(50);

Step drawGoldenStep(Dice& dice) {
  constexpr What kinds[] = {What::DropSnapshot, What::DropSnapshot, What::DropSnapshot,
                            What::DropSnapshot, What::EditTemplate, What::EditTemplate,
                            What::DropTemplate, What::LoseNode,     What::Cordon};
  constexpr const char* edits[] = {"team/runs", "runs", "golden", "golden", "cold"};
  constexpr const char* spoils[] = {"deleted", "corrupt", "corrupt", "builder", "changed", "pod", "squatted"};
  Step step{.at = dice.between(seconds(2), latest), .what = dice.pick(kinds), .which = dice.roll(3)};
  step.span = dice.between(seconds(1), seconds(20));
  step.count = dice.roll(3);
  if (step.what == What::DropSnapshot) step.how = dice.pick(spoils);
  if (step.what == What::EditTemplate) step.how = dice.pick(edits);
  if (step.what == What::DropTemplate) step.how = dice.oneIn(2) ? "Background" : "Foreground";
  return step;
}

Step drawStart(Dice& dice, int which) {
  Step step{.at = dice.between(saved, latest), .what = What::Create, .which = which};
  step.how = dice.oneIn(3) ? "pool" : "template";
  if (dice.oneIn(6)) step.count = commonWishes + 1;  // an environment of its own
  if (dice.oneIn(4)) step.restart = "Always";
  if (dice.oneIn(6)) step.span = dice.between(seconds(2), seconds(20));
  return step;
}

// Two replicas that both believe they lead: one has begun anew and sees the template as it is, the other has
// an older view of it.
void addRivals(Dice& dice, int which, Script& script) {
  script.setup.replicas = 2;
  script.setup.election = false;
  const Duration at = dice.between(saved, seconds(30));
  script.steps.push_back({.at = at,
                          .what = What::LagWatches,
                          .count = 8 + dice.roll(12),
                          .span = dice.between(seconds(4), seconds(16)),
                          .how = dice.oneIn(4) ? "sandboxes" : "sandboxtemplates"});
  script.steps.push_back({.at = at + milliseconds(1),
                          .what = What::EditTemplate,
                          .which = which,
                          .how = dice.oneIn(2) ? "team/runs" : "localhost/runs"});
  script.steps.push_back(
      {.at = at + dice.between(milliseconds(10), seconds(2)), .what = What::Crash, .which = dice.roll(2)});
  for (int i = 0; i < 4; ++i) {
    Step step = drawStart(dice, which + 2 * i);
    step.at = at + dice.between(seconds(1), seconds(9));
    script.steps.push_back(std::move(step));
  }
}

}  // namespace

void addGolden(Dice& dice, int sandboxes, Script& script) {
  if (!dice.oneIn(script.setup.agents ? 3 : 16)) return;
  script.setup.agents = true;
  script.setup.golden = true;
  if (script.setup.pool == 0) {
    script.setup.pool = 1 + dice.roll(2);
    script.setup.idle = dice.roll(3);
  }
  for (int i = 2 + dice.roll(5); i > 0; --i) script.steps.push_back(drawStart(dice, sandboxes + 20 + i));
  for (int i = dice.roll(6); i > 0; --i) script.steps.push_back(drawGoldenStep(dice));
  if (dice.oneIn(3)) addRivals(dice, sandboxes + 30, script);
}

}  // namespace cloister::sim
