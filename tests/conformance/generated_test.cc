// Generated specs on the real API server: what it takes the operator carries out, what it refuses it
// explains.
#include <gtest/gtest.h>

#include "base/log.h"
#include "live_world.h"
#include "tests/generated/walker.h"
#include "tests/sim/dice.h"

namespace cloister::conformance {
namespace {

using generated::Answer;
using generated::Course;
using generated::Property;

class GeneratedTest : public testing::Test {
 protected:
  GeneratedTest() { log::setLevel("error"); }

  // COURSES, some at a time.
  void walk(const std::vector<Course>& courses) {
    constexpr size_t lot = 120;
    for (size_t begin = 0; begin < courses.size(); begin += lot) {
      const size_t end = std::min(begin + lot, courses.size());
      walker.walk({courses.begin() + ptrdiff_t(begin), courses.begin() + ptrdiff_t(end)});
    }
  }
  void tell() const {
    for (const std::string& finding : walker.findings()) ADD_FAILURE() << finding;
  }

  LiveWorld world{CLOISTER_CRDS};
  const generated::Schema schema{CLOISTER_SANDBOX_CRD};
  generated::Walker walker{world, schema};
  const json::value working = generated::readSpec(CLOISTER_WORKING_SPEC);
};

// All values of all properties: most of them need no operator.
TEST_F(GeneratedTest, EachValueIsTakenAndReadableOrRefusedInClearWords) {
  for (const Property& property : schema.properties()) {
    int taken = 0;
    int refused = 0;
    for (const Course& course : sweep(schema, working, property)) {
      const generated::Stop& stop = course.stops.front();
      const Answer answer = world.tryOut(*stop.value);
      EXPECT_EQ(misjudged(answer, schema, stop.path, *stop.value), "") << course.name;
      ++(answer.accepted ? taken : refused);
    }
    EXPECT_GT(taken, 0) << property.path;
    EXPECT_GT(refused, 0) << property.path;
  }
}

// Some of the courses whose value is taken; in a long run all of them.
std::vector<Course> takenCourses(LiveWorld& world, std::vector<Course> courses) {
  const size_t most = generated::walksWanted() ? courses.size() : 3;
  sim::Dice dice(courses.size(), 9);
  std::vector<Course> taken;
  while (!courses.empty() && taken.size() < most) {
    const auto drawn = courses.begin() + dice.roll(int(courses.size()));
    if (world.tryOut(*drawn->stops.front().value).accepted) taken.push_back(std::move(*drawn));
    courses.erase(drawn);
  }
  return taken;
}

// With all that the operator makes of them.
TEST_F(GeneratedTest, WhatIsTakenIsCarriedOut) {
  std::vector<Course> courses;
  for (const Property& property : schema.properties())
    std::ranges::move(takenCourses(world, sweep(schema, working, property)), std::back_inserter(courses));
  walk(courses);
  for (const Property& property : schema.properties())
    EXPECT_TRUE(walker.taken().contains(property.path)) << property.path;
  tell();
}

TEST_F(GeneratedTest, WalksThereAndBack) {
  walk(generated::walks(CLOISTER_GENERATED_WALKS, schema, working));
  walk(walker.shortcuts());
  tell();
}

}  // namespace
}  // namespace cloister::conformance
