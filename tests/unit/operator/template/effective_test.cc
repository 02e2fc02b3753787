#include "operator/template/effective.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cloister::templates {
namespace {

using std::chrono::minutes;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

api::SandboxTemplateSpec aTemplate(std::optional<std::vector<std::string>> overridable = {}) {
  api::SandboxTemplateSpec spec;
  spec.sandbox.image = "python:3";
  spec.sandbox.env = {{"A", "1"}, {"B", "2"}};
  spec.sandbox.resources.cpu.text = "2";
  spec.sandbox.lifecycle.ttl = minutes(10);
  spec.sandbox.network.egress.mode = api::EgressMode::Internet;
  spec.sandbox.podMetadata.labels = {{"team", "x"}};
  spec.overridable = std::move(overridable);
  return spec;
}

TEST(Effective, IsTheTemplateWhereTheSandboxSaysNothing) {
  api::SandboxSpec own;
  own.poolRef = api::LocalReference{"p"};
  const api::SandboxSpec spec = effective(own, aTemplate());
  api::SandboxSpec wanted = aTemplate().sandbox;
  wanted.poolRef = own.poolRef;
  EXPECT_EQ(spec, wanted);
  EXPECT_THAT(overrides(own), IsEmpty());
}

TEST(Effective, PutsVariablesByNameAndMembersSingly) {
  api::SandboxSpec own;
  own.env = {{"B", "3"}, {"C", "4"}};
  own.lifecycle.maxLifetime = minutes(20);
  own.podMetadata.labels = {{"run", "1"}};
  own.resources.memory.text = "1Gi";
  const api::SandboxSpec spec = effective(own, aTemplate({{"env", "lifecycle", "podMetadata", "resources"}}));
  EXPECT_THAT(spec.env, ElementsAre(api::EnvVar{"A", "1"}, api::EnvVar{"B", "3"}, api::EnvVar{"C", "4"}));
  EXPECT_EQ(spec.lifecycle.ttl, minutes(10));
  EXPECT_EQ(spec.lifecycle.maxLifetime, minutes(20));
  EXPECT_EQ(spec.podMetadata.labels.size(), 2);
  EXPECT_EQ(spec.resources.cpu.text, "2");
  EXPECT_EQ(spec.resources.memory.text, "1Gi");
}

TEST(Effective, LetsASandboxCloseWhatItsTemplateOpens) {
  api::SandboxSpec own;
  own.network.egress.mode = api::EgressMode::None;
  EXPECT_THAT(overrides(own), ElementsAre("network")) << "said aloud, it is a wish";
  EXPECT_EQ(effective(own, aTemplate({{"network"}})).network.egress.mode, api::EgressMode::None);
}

TEST(Effective, NamesWhatMayNotBeSet) {
  api::SandboxSpec own;
  own.image = "other";
  EXPECT_THAT(checkOverrides(own, aTemplate()).error().message, HasSubstr("spec.image"));
  EXPECT_EQ(effective(own, aTemplate()).image, aTemplate().sandbox.image) << "it has no effect";
  own = {};
  own.env = {{"A", "5"}};
  EXPECT_TRUE(checkOverrides(own, aTemplate()));
  EXPECT_THAT(checkOverrides(own, aTemplate(std::vector<std::string>{})).error().message,
              HasSubstr("spec.env"));
}

}  // namespace
}  // namespace cloister::templates
