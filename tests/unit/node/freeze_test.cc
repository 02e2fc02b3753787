#include "node/agent/freeze.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cloister::node {
namespace {

using testing::ElementsAre;

constexpr Time now = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);

api::Pod podWith(const std::string& wish, const std::string& status = {}, const std::string& said = {}) {
  api::Pod pod;
  pod.status.phase = "Running";
  if (!wish.empty()) pod.metadata.annotations[std::string(api::freezeAnnotation)] = wish;
  if (!status.empty()) {
    pod.status.conditions.push_back({.type = std::string(api::frozenCondition),
                                     .status = status,
                                     .reason = said.empty() ? "NotAsked" : "Asked",
                                     .message = said,
                                     .lastTransitionTime = now - seconds(9)});
  }
  return pod;
}

api::Pod leaving(api::Pod pod) {
  pod.metadata.deletionTimestamp = now;
  return pod;
}

FreezeStep step(const api::Pod& pod, bool paused) {
  return nextStep(pod, {.rootId = "r", .containers = {}, .isPaused = paused});
}

TEST(Freeze, FindsTheSandboxOfAPod) {
  const std::vector<RunningContainer> all{
      {.id = "c", .bundle = "", .podUID = "u", .status = "running"},
      {.id = "over", .bundle = "", .podUID = "u", .status = "stopped"},
      {.id = "r", .bundle = "", .podUID = "u", .isRoot = true, .status = "paused"},
      {.id = "other", .bundle = "", .podUID = "v", .isRoot = true, .status = "running"}};
  const auto found = findSandbox(all, "u");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->rootId, "r");
  EXPECT_TRUE(found->isPaused);
  EXPECT_THAT(found->containers, ElementsAre("c"));
  EXPECT_FALSE(findSandbox(all, "v")->isPaused);
  EXPECT_FALSE(findSandbox(all, "w"));
}

TEST(Freeze, LooksOnlyWhereSomethingMayBeToDo) {
  EXPECT_FALSE(needsLook(podWith(""), false));
  EXPECT_TRUE(needsLook(podWith(""), true));
  EXPECT_TRUE(needsLook(podWith("7"), false));
  EXPECT_TRUE(needsLook(podWith("7", "True", "5"), false)) << "that answered an earlier wish";
  EXPECT_FALSE(needsLook(podWith("7", "True", "7"), false));
  EXPECT_TRUE(needsLook(podWith("", "True", "7"), false));
  EXPECT_FALSE(needsLook(podWith("", "False"), false));
  EXPECT_TRUE(needsLook(leaving(podWith("7", "True", "7")), false));
  api::Pod pending = podWith("7");
  pending.status.phase = "Pending";
  EXPECT_FALSE(needsLook(pending, true));
}

TEST(Freeze, DoesWhatIsAsked) {
  EXPECT_EQ(step(podWith("7"), false), FreezeStep::Pause);
  EXPECT_EQ(step(podWith("7"), true), FreezeStep::None);
  EXPECT_EQ(step(podWith(""), true), FreezeStep::Resume);
  EXPECT_EQ(step(podWith(""), false), FreezeStep::None);
}

TEST(Freeze, EndsWhatIsDeletedWithoutLettingItGoOn) {
  EXPECT_EQ(step(leaving(podWith("7")), true), FreezeStep::End);
  EXPECT_EQ(step(leaving(podWith("7")), false), FreezeStep::None);
  EXPECT_EQ(step(leaving(podWith("")), true), FreezeStep::Resume) << "it was to run, and hears its signal";
}

TEST(Freeze, AnswersTheWishOfNow) {
  const auto answer = nextAnswer(podWith("7", "True", "5"), {}, now);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->message, "7");
  EXPECT_EQ(answer->status, "True");
  EXPECT_EQ(answer->lastTransitionTime, now - seconds(9)) << "it stood still all the while";
  EXPECT_FALSE(nextAnswer(podWith("7", "True", "7"), {}, now));
  EXPECT_EQ(nextAnswer(podWith("7"), {}, now)->lastTransitionTime, now);
}

TEST(Freeze, AnswersThatItGoesOn) {
  EXPECT_EQ(nextAnswer(podWith("", "True", "7"), {}, now)->status, "False");
  EXPECT_FALSE(nextAnswer(podWith("", "False"), {}, now));
  EXPECT_FALSE(nextAnswer(podWith(""), {}, now)) << "nobody ever asked";
  EXPECT_FALSE(nextAnswer(leaving(podWith("7")), {}, now)) << "nobody reads it";
}

TEST(Freeze, TellsWhatFailed) {
  const Error error{Errc::Internal, "runsc failed (128): no"};
  const auto pausing = nextAnswer(podWith("7"), error, now);
  EXPECT_EQ(pausing->status, "False");
  EXPECT_EQ(pausing->reason, api::frozenFailed);
  EXPECT_EQ(pausing->message, error.message);
  EXPECT_EQ(nextAnswer(podWith("", "True", "7"), error, now)->status, "True") << "it may stand still";
}

}  // namespace
}  // namespace cloister::node
