#include "operator/template/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/template/revision.h"
#include "tests/unit/operator/examples.h"

namespace cloister::templates {
namespace {

using std::chrono::minutes;
using test::epoch;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const Config config;

api::SandboxTemplate aTemplate() {
  api::SandboxTemplate made;
  made.metadata.name = "python";
  made.metadata.namespace_ = "team";
  made.metadata.uid = "template-uid";
  made.spec.sandbox.image = "python:3";
  return made;
}

// A revision of before that nothing has needed for so long.
Kept unused(const std::string& image, Duration since) {
  api::SandboxTemplate before = aTemplate();
  before.spec.sandbox.image = image;
  return {.revision = std::make_shared<const api::ControllerRevision>(
              *json::decode<api::ControllerRevision>(revisionOf(before))),
          .unusedFor = since};
}

Observed seen(const api::SandboxTemplate& from, std::vector<Kept> revisions = {}) {
  return {.template_ = std::make_shared<const api::SandboxTemplate>(from), .revisions = std::move(revisions)};
}

TEST(TemplatePlan, LooksAgainWhenTheFirstRevisionIsDue) {
  for (const auto& revisions :
       {std::vector{unused("python:1", minutes(3)), unused("python:2", minutes(1))},
        std::vector{unused("python:2", minutes(1)), unused("python:1", minutes(3))}}) {
    const Plan next = plan(seen(aTemplate(), revisions), config, epoch);
    EXPECT_THAT(next.remove, IsEmpty());
    EXPECT_EQ(next.again, epoch + minutes(7));
  }
}

TEST(TemplatePlan, KeepsWhatIsUsedAndSaysNothingTwice) {
  Kept used = unused("python:1", unusedGrace);
  used.used = true;
  api::SandboxTemplate from = aTemplate();
  const Plan next = plan(seen(from, {used}), config, epoch);
  EXPECT_THAT(next.remove, IsEmpty());
  EXPECT_EQ(next.again, std::nullopt);
  ASSERT_TRUE(next.status);
  from.status = *next.status;
  EXPECT_FALSE(plan(seen(from, {used}), config, epoch + minutes(1)).status);
}

TEST(TemplatePlan, SaysWhatItCannotRead) {
  api::SandboxTemplate strange = aTemplate();
  strange.unreadable = ".spec.sandbox.runtime: none of gvisor, kata, runc";
  const Plan next = plan(seen(strange), config, epoch);
  ASSERT_TRUE(next.status);
  ASSERT_THAT(next.status->conditions, SizeIs(1));
  EXPECT_EQ(next.status->conditions[0].status, "False");
  EXPECT_EQ(next.status->conditions[0].reason, "Unreadable");
  EXPECT_THAT(next.status->conditions[0].message, HasSubstr(".spec.sandbox.runtime"));
}

// What it wanted before is not known to be over.
TEST(TemplatePlan, LeavesTheGoldenSnapshotOfWhatItCannotRead) {
  api::SandboxTemplate strange = aTemplate();
  strange.unreadable = ".spec.sandbox.runtime: none of gvisor, kata, runc";
  strange.status.golden = api::GoldenSnapshot{"golden", "uid"};
  strange.status.conditions = {{.type = "GoldenReady",
                                .status = "True",
                                .observedGeneration = 1,
                                .lastTransitionTime = epoch,
                                .reason = "Golden",
                                .message = {}}};
  const Plan next = plan(seen(strange), config, epoch);
  ASSERT_TRUE(next.status);
  EXPECT_EQ(next.status->golden, strange.status.golden);
  EXPECT_NE(api::findCondition(next.status->conditions, "GoldenReady"), nullptr);
}

TEST(TemplatePlan, LeavesATemplateOnItsWayOutToTheGarbageCollector) {
  api::SandboxTemplate going = aTemplate();
  going.metadata.deletionTimestamp = epoch;
  const Plan next = plan(seen(going, {unused("python:1", unusedGrace)}), config, epoch);
  EXPECT_FALSE(next.status);
  EXPECT_THAT(next.remove, IsEmpty());
}

}  // namespace
}  // namespace cloister::templates
