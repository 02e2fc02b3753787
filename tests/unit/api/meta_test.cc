#include "api/meta.h"

#include <gtest/gtest.h>

namespace cloister::api {
namespace {

constexpr Time start = Time(std::chrono::hours(1000));

Condition ready(std::string status, std::string reason) {
  return {.type = "Ready",
          .status = std::move(status),
          .observedGeneration = 1,
          .lastTransitionTime = {},
          .reason = std::move(reason),
          .message = {}};
}

TEST(Conditions, AreAddedOnceForEachType) {
  std::vector<Condition> conditions;
  setCondition(conditions, ready("False", "Starting"), start);
  setCondition(conditions, ready("True", "Running"), start + seconds(5));
  ASSERT_EQ(conditions.size(), 1);
  EXPECT_EQ(findCondition(conditions, "Ready")->reason, "Running");
  EXPECT_EQ(findCondition(conditions, "Accepted"), nullptr);
}

TEST(Conditions, KeepTheTimeOfTheirLastTransition) {
  std::vector<Condition> conditions;
  setCondition(conditions, ready("False", "Starting"), start);
  setCondition(conditions, ready("False", "ImagePullFailed"), start + seconds(5));
  EXPECT_EQ(conditions[0].reason, "ImagePullFailed");
  EXPECT_EQ(conditions[0].lastTransitionTime, start);
  setCondition(conditions, ready("True", "Running"), start + seconds(9));
  EXPECT_EQ(conditions[0].lastTransitionTime, start + seconds(9));
}

TEST(Conditions, KeepTheirPlace) {
  std::vector<Condition> conditions{ready("False", "Starting"), ready("True", "Scheduled")};
  conditions[1].type = "PodScheduled";
  setCondition(conditions, ready("True", "Running"), start);
  EXPECT_EQ(conditions[0].type, "Ready");
  EXPECT_EQ(conditions[0].status, "True");
  EXPECT_EQ(conditions[1].reason, "Scheduled");
}

OwnerReference owner(std::string name, std::optional<bool> controller) {
  return {.apiVersion = "v1",
          .kind = "Thing",
          .name = std::move(name),
          .uid = {},
          .controller = controller,
          .blockOwnerDeletion = {}};
}

TEST(ControllerOf, IsTheOneOwnerThatControls) {
  ObjectMeta meta;
  EXPECT_EQ(controllerOf(meta), nullptr);
  meta.ownerReferences = {owner("a", std::nullopt), owner("b", false), owner("c", true)};
  ASSERT_NE(controllerOf(meta), nullptr);
  EXPECT_EQ(controllerOf(meta)->name, "c");
}

}  // namespace
}  // namespace cloister::api
