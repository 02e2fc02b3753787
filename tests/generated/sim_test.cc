// Generated specs on the simulated cluster, whose API server refuses none of them.
#include <gtest/gtest.h>

#include "base/log.h"
#include "tests/generated/simulated_world.h"
#include "tests/generated/walker.h"

namespace cloister::generated {
namespace {

class GeneratedTest : public testing::Test {
 protected:
  GeneratedTest() { log::setLevel("error"); }

  // COURSES, some at a time, each lot in a world of its own.
  void walk(const std::vector<Course>& courses) {
    constexpr size_t lot = 20;
    for (size_t begin = 0; begin < courses.size(); begin += lot) {
      const size_t end = std::min(begin + lot, courses.size());
      SimulatedWorld world(begin + 1);
      Walker walker(world, schema);
      walker.walk({courses.begin() + ptrdiff_t(begin), courses.begin() + ptrdiff_t(end)});
      walker.walk(walker.shortcuts());
      for (const std::string& finding : walker.findings())
        ADD_FAILURE() << "from " << courses[begin].name << " on: " << finding;
      stops += walker.stops();
    }
  }

  const Schema schema{CLOISTER_SANDBOX_CRD};
  const json::value working = readSpec(CLOISTER_WORKING_SPEC);
  size_t stops = 0;
};

TEST_F(GeneratedTest, EachPropertyWithEachValue) {
  std::vector<Course> courses;
  for (const Property& property : schema.properties()) {
    for (Course& course : sweep(schema, working, property)) courses.push_back(std::move(course));
  }
  walk(courses);
  RecordProperty("properties", int(schema.properties().size()));
  RecordProperty("stops", int(stops));
}

TEST_F(GeneratedTest, WalksThereAndBack) {
  walk(walks(CLOISTER_GENERATED_WALKS, schema, working));
  RecordProperty("stops", int(stops));
}

// Nobody escapes the end by making the spec unreadable, where the schema lets that happen.
TEST_F(GeneratedTest, WhatCannotBeReadAnyMoreStillEnds) {
  SimulatedWorld world(1);
  const json::value shortLived{{"lifecycle", {{"ttl", "20s"}}}};
  json::value unreadable = shortLived;
  unreadable.as_object()["runtime"] = 7;
  ASSERT_FALSE(isReadable(unreadable));
  world.apply("a", shortLived);
  ASSERT_TRUE(world.waitUntil([&] {
    const auto sandboxes = world.list("sandboxes");
    return json::find(*sandboxes.front(), "status.startedAt") != nullptr;
  }));
  world.apply("a", unreadable);
  EXPECT_TRUE(world.waitUntil([&] { return world.list("pods").empty(); }));
  EXPECT_TRUE(world.rest());
  for (const std::string& complaint : world.complaints()) ADD_FAILURE() << complaint;
}

}  // namespace
}  // namespace cloister::generated
