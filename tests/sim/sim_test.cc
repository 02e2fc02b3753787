// The operator in the simulation: seeds, and plain stories that are disturbed here and there.
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "base/log.h"
#include "tests/sim/dice.h"
#include "tests/sim/generate.h"
#include "tests/sim/shrink.h"
#include "tests/sim/simulation.h"
#include "tests/sim/stories.h"

namespace cloister::sim {
namespace {

// How to see what happened: cloister-sim --one --first-seed SEED --scenario NAME --trace
std::string nameOf(const Script& script) {
  return "seed " + std::to_string(script.seed) + " of scenario " + script.name;
}

class SimulationTest : public testing::Test {
 protected:
  SimulationTest() { log::setLevel("error"); }
};

// Otherwise many seeds would be few.
TEST(DiceTest, NeighbouringSeedsAndStreamsShareNoDraws) {
  std::set<Duration> seen;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    for (uint64_t stream = 1; stream <= 10; ++stream) {
      Dice dice(seed, stream);
      for (int i = 0; i < 20; ++i) seen.insert(dice.between({}, Duration::max() - Duration(1)));
    }
  }
  EXPECT_EQ(seen.size(), 10U * 10U * 20U);
}

TEST_F(SimulationTest, ManySeedsBreakNoInvariant) {
  for (uint64_t seed = 1; seed <= CLOISTER_SIM_SEEDS; ++seed) {
    const Script script = generate(seed, scenarios()[seed % scenarios().size()]);
    const Outcome outcome = run(script);
    EXPECT_FALSE(outcome.violation) << nameOf(script) << ": " << *outcome.violation;
  }
}

TEST_F(SimulationTest, TheSameSeedIsTheSameRun) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const Script script = generate(seed, *findScenario("all"));
    EXPECT_EQ(run(script).hash, run(script, true).hash) << nameOf(script);
  }
}

TEST_F(SimulationTest, FoundBugsStayFixed) {
  size_t found = 0;
  for (const auto& entry : std::filesystem::directory_iterator(CLOISTER_SIM_REGRESSIONS)) {
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    const auto script = json::decode<Script>(*json::parse(text.str()));
    ASSERT_TRUE(script) << entry.path() << ": " << script.error().message;
    const Outcome outcome = run(*script);
    EXPECT_FALSE(outcome.violation) << script->name << ": " << *outcome.violation;
    ++found;
  }
  EXPECT_GT(found, 0U);
}

TEST_F(SimulationTest, WhateverHappensAtAnyWriteOrChangeTheEndIsTheSame) {
  for (const Script& story : stories()) {
    const Outcome undisturbed = run(story);
    EXPECT_FALSE(undisturbed.violation) << story.name << ": " << *undisturbed.violation;
  }
  const std::vector<Trial> some = trials(CLOISTER_SIM_SHARE);
  for (const Trial& trial : some) {
    const auto complaint = judge(trial);
    EXPECT_FALSE(complaint) << *complaint;
  }
  EXPECT_GE(some.size() * CLOISTER_SIM_SHARE, 2000U);
}

TEST_F(SimulationTest, ShrinkingKeepsWhatMatters) {
  const Script script = generate(3, *findScenario("all"));
  const auto creates = [](const Script& candidate) {
    return std::ranges::any_of(candidate.steps, [](const Step& step) { return step.what == What::Create; });
  };
  const Script small = shrink(script, creates);
  ASSERT_EQ(small.steps.size(), 1U);
  EXPECT_EQ(small.steps.front().what, What::Create);
  EXPECT_EQ(small.setup.replicas, 1);
}

}  // namespace
}  // namespace cloister::sim
