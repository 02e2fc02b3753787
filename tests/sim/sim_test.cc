// The operator in the simulation: seeds, and every write boundary of a few plain stories.
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "base/log.h"
#include "tests/sim/generate.h"
#include "tests/sim/shrink.h"
#include "tests/sim/simulation.h"

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

// A story without faults; its last step is after all that it brings about.
struct Story {
  const char* name;
  std::vector<Step> steps;
};

std::vector<Story> stories() {
  const Step end{.at = seconds(50), .what = What::Repeat};
  const Step create{.at = seconds(1), .what = What::Create, .how = "runs"};
  const Step shortLived{.at = seconds(1), .what = What::Create, .span = seconds(20), .how = "runs"};
  const Step outward{.at = seconds(1), .what = What::Create, .count = 1, .how = "runs"};
  return {
      {"start", {create, end}},
      {"start with egress", {outward, end}},
      {"start slowly", {{.at = seconds(1), .what = What::Create, .how = "slow"}, end}},
      {"complete", {{.at = seconds(1), .what = What::Create, .how = "completes"}, end}},
      {"crash", {{.at = seconds(1), .what = What::Create, .how = "crashes"}, end}},
      {"cannot be pulled", {{.at = seconds(1), .what = What::Create, .how = "unpullable"}, end}},
      {"expire", {shortLived, end}},
      {"raise the ttl", {shortLived, {.at = seconds(15), .what = What::SetTtl, .span = seconds(3000)}, end}},
      {"delete", {create, {.at = seconds(15), .what = What::Delete, .how = "Background"}, end}},
      {"orphan", {create, {.at = seconds(15), .what = What::Delete, .how = "Orphan"}, end}},
      {"recreate",
       {create,
        {.at = seconds(15), .what = What::Delete, .how = "Background"},
        {.at = milliseconds(15'010), .what = What::Create, .how = "runs"},
        end}},
      {"lose the pod", {create, {.at = seconds(15), .what = What::DeletePod}, end}},
      {"evict", {create, {.at = seconds(15), .what = What::EndPod, .how = "evicted"}, end}},
      {"open the network", {create, {.at = seconds(15), .what = What::SetEgress, .how = "Internet"}, end}},
      {"drop the policies", {outward, {.at = seconds(15), .what = What::DropPolicies}, end}},
      {"bend the policies", {outward, {.at = seconds(15), .what = What::BendPolicies}, end}},
  };
}

// What each of Sieve's patterns, and a crash before and after, does at one write.
constexpr const char* disturbances[] = {"crashBefore", "crashAfter", "lag", "gap"};

TEST_F(SimulationTest, WhateverHappensAtAnyWriteTheEndIsTheSame) {
  int boundaries = 0;
  for (const Story& story : stories()) {
    Script script{.name = story.name, .seed = 7, .setup = {.election = false}, .steps = story.steps};
    const Outcome undisturbed = run(script);
    ASSERT_FALSE(undisturbed.violation) << story.name << ": " << *undisturbed.violation;
    for (int write = 1; write <= undisturbed.writes; ++write) {
      for (const char* disturbance : disturbances) {
        Script disturbed = script;
        disturbed.steps.insert(disturbed.steps.begin(),
                               {.what = What::AtWrite, .count = write, .how = disturbance});
        const Outcome outcome = run(disturbed);
        const auto where = [&] {
          return story.name + (" at write " + std::to_string(write)) + ": " + disturbance;
        };
        EXPECT_FALSE(outcome.violation) << where() << ": " << *outcome.violation;
        EXPECT_EQ(outcome.end, undisturbed.end) << where();
        ++boundaries;
      }
    }
  }
  RecordProperty("boundaries", boundaries);
  EXPECT_GE(boundaries, 200);
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
