// The generator itself: what it reads out of the schema, and what it makes of it.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/sandbox.h"
#include "tests/generated/course.h"
#include "tests/generated/oracles.h"

namespace cloister::generated {
namespace {

using json::array;
using json::object;
using json::value;

class GeneratorTest : public testing::Test {
 protected:
  const Schema schema{CLOISTER_SANDBOX_CRD};
  const value working = readSpec(CLOISTER_WORKING_SPEC);

  std::string violated(const value& spec) const {
    const auto found = schema.violation(spec);
    return found ? found->path + " " + found->why : "";
  }
};

TEST_F(GeneratorTest, KnowsEveryField) {
  std::set<std::string> fields;
  for (const Property& property : schema.properties()) {
    const auto steps = stepsOf(property.path);
    if (!steps.empty()) fields.insert(steps.front());
  }
  std::set<std::string> members;
  boost::mp11::mp_for_each<json::detail::Members<api::SandboxSpec>>(
      [&](auto member) { members.emplace(member.name); });
  EXPECT_EQ(fields, members);
}

TEST_F(GeneratorTest, TheWorkingSpecIsAsTheSchemaWantsIt) {
  EXPECT_EQ(violated(working), "");
  EXPECT_TRUE(isReadable(working));
}

TEST_F(GeneratorTest, SeesWhatTheSchemaRefuses) {
  EXPECT_EQ(violated({{"image", 7}}), "spec.image the type");
  EXPECT_EQ(violated({{"image", ""}}), "spec.image minLength");
  EXPECT_EQ(violated({{"image", std::string(513, 'a')}}), "spec.image maxLength");
  EXPECT_EQ(violated({{"runtime", "docker"}}), "spec.runtime enum");
  EXPECT_EQ(violated({{"templateRef", object()}}), "spec.templateRef.name required");
  EXPECT_EQ(violated({{"resources", {{"cpu", 1.5}}}}), "spec.resources.cpu the type");
  EXPECT_EQ(violated({{"resources", {{"processes", 0}}}}), "spec.resources.processes minimum");
  EXPECT_EQ(violated({{"env", array{{{"name", "A"}}, {{"name", "A"}}}}}), "spec.env[1] a duplicate");
  // The protocol's default counts.
  const array ports{{{"port", 1}}, {{"port", 1}, {"protocol", "TCP"}}};
  EXPECT_EQ(violated({{"network", {{"expose", ports}}}}), "spec.network.expose[1] a duplicate");
  EXPECT_EQ(violated({{"nodeSelector", {{"a", 1}}}}), "spec.nodeSelector the type");
  EXPECT_EQ(violated({{"noSuchField", 1}, {"image", nullptr}}), "");
}

TEST_F(GeneratorTest, ChangesOnePropertyAndMakesUpWhatIsAroundIt) {
  EXPECT_EQ(changed(object(), schema, "network.expose[].port", value(80)),
            (value{{"network", {{"expose", array{{{"port", 80}}}}}}}));
  EXPECT_EQ(changed(object(), schema, "podMetadata.labels{}", value("x")),
            (value{{"podMetadata", {{"labels", {{"v0", "x"}}}}}}));
  const value one{{"image", "a"}, {"resources", {{"cpu", 1}, {"memory", "1Gi"}}}};
  EXPECT_EQ(changed(one, schema, "resources.cpu", std::nullopt),
            (value{{"image", "a"}, {"resources", {{"memory", "1Gi"}}}}));
  EXPECT_EQ(changed(one, schema, "resources", value(7)), (value{{"image", "a"}, {"resources", 7}}));
}

TEST_F(GeneratorTest, EachPropertyHasValuesInsideAndOutsideOfItsBounds) {
  for (const Property& property : schema.properties()) {
    int inside = 0;
    int outside = 0;
    for (const Candidate& candidate : candidates(*property.schema))
      ++(schema.violation(changed(working, schema, property.path, candidate.value)) ? outside : inside);
    EXPECT_GT(inside, 0) << property.path;
    EXPECT_GT(outside, 0) << property.path;
  }
}

TEST_F(GeneratorTest, ASeedIsAWalkThereAndBack) {
  const Course course = walk(7, schema, working);
  const Course again = walk(7, schema, working);
  ASSERT_EQ(course.stops.size(), again.stops.size());
  for (size_t i = 0; i < course.stops.size(); ++i) EXPECT_EQ(course.stops[i].name, again.stops[i].name);
  const auto count = [&](Stop::Kind kind) { return std::ranges::count(course.stops, kind, &Stop::kind); };
  EXPECT_EQ(count(Stop::Kind::Whole), 1);
  EXPECT_GE(count(Stop::Kind::Change), 3);
  EXPECT_EQ(count(Stop::Kind::Change), count(Stop::Kind::Back));
}

}  // namespace
}  // namespace cloister::generated
