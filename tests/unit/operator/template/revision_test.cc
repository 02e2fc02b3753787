#include "operator/template/revision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cloister::templates {
namespace {

api::SandboxTemplate aTemplate() {
  api::SandboxTemplate made;
  made.metadata.name = "python";
  made.metadata.namespace_ = "team";
  made.metadata.uid = "u1";
  made.spec.sandbox.image = "python:3";
  return made;
}

TEST(Revision, HasItsNameFromWhatTheTemplateIsAndSays) {
  const std::string name = revisionName(aTemplate());
  EXPECT_THAT(name, testing::StartsWith("python-"));
  api::SandboxTemplate other = aTemplate();
  other.metadata.resourceVersion = "17";
  other.status.revision = "x";
  EXPECT_EQ(revisionName(other), name);
  other.spec.sandbox.image = "python:4";
  EXPECT_NE(revisionName(other), name);
  other = aTemplate();
  other.metadata.uid = "u2";
  EXPECT_NE(revisionName(other), name) << "a namesake";
  other = aTemplate();
  other.spec.overridable = {{"env"}};
  EXPECT_NE(revisionName(other), name);
}

TEST(Revision, ProvesItself) {
  auto revision = json::decode<api::ControllerRevision>(revisionOf(aTemplate()));
  ASSERT_TRUE(revision);
  EXPECT_EQ(revision->metadata.name, revisionName(aTemplate()));
  EXPECT_EQ(revision->data, aTemplate().spec);
  EXPECT_TRUE(isIntact(*revision));
  revision->data.sandbox.image = "evil";
  EXPECT_FALSE(isIntact(*revision));
  revision = json::decode<api::ControllerRevision>(revisionOf(aTemplate()));
  revision->metadata.ownerReferences.clear();
  EXPECT_FALSE(isIntact(*revision));
}

}  // namespace
}  // namespace cloister::templates
