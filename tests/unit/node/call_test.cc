#include "node/runsc/call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cloister::node {
namespace {

using testing::ElementsAre;
using Args = std::vector<std::string>;

// As the shim of gvisor.dev/gvisor 2026-09 makes it.
const Args start{"--root=/run/runsc/k8s.io", "--log=/b/log.json", "--platform=systrap", "start", "id1"};

TEST(Call, FindsTheStart) {
  EXPECT_EQ(findStart(start), (StartCall{.command = 3, .id = "id1"}));
  EXPECT_EQ(findStart({"start", "id1"}), (StartCall{.command = 0, .id = "id1"}));
}

TEST(Call, LeavesEverythingElseAlone) {
  for (const Args& other :
       {Args{}, Args{"--root=/r"}, Args{"start"}, Args{"--root=/r", "state", "start"},
        Args{"create", "--bundle", "start", "id1"}, Args{"wait", "id1"}, Args{"start", "id1", "id2"},
        Args{"--start", "id1"}, Args{"exec", "start", "x"}}) {
    EXPECT_EQ(findStart(other), std::nullopt) << testing::PrintToString(other);
  }
}

TEST(Call, FindsAQuestionForTheState) {
  EXPECT_EQ(asksFor("state", {"--root=/r", "state", "id1"}), "id1");
  EXPECT_EQ(asksFor("kill", {"--root=/r", "kill", "--all", "id1", "9"}), "id1");
  EXPECT_EQ(asksFor("state", {"--root=/r", "kill", "state"}), "");
  EXPECT_EQ(asksFor("state", {"state"}), "");
  EXPECT_EQ(asksFor("state", {}), "");
}

TEST(Call, TellsNobodyThatItStandsStill) {
  const std::string paused = R"({"id":"a","status":"paused","pid":7,"annotations":{"b.c":"paused"}})";
  EXPECT_EQ(withoutPause(paused, false),
            R"({"id":"a","status":"running","pid":7,"annotations":{"b.c":"paused"}})");
  for (const std::string other : {"{\n  \"status\": \"stopped\"\n}\n", "", "not JSON", "[]"})
    EXPECT_EQ(withoutPause(other, false), other);
}

TEST(Call, TellsNobodyThatItIsHeld) {
  const std::string created = R"({"id":"a","status":"created"})";
  EXPECT_EQ(withoutPause(created, true), R"({"id":"a","status":"running"})");
  EXPECT_EQ(withoutPause(created, false), created);
  EXPECT_EQ(withoutPause(R"({"status":"stopped"})", true), R"({"status":"stopped"})");
}

TEST(Call, FindsTheLog) {
  EXPECT_EQ(logFile(start), "/b/log.json");
  EXPECT_EQ(logFile({"start", "id1"}), "");
}

TEST(Call, CreatesWithFiles) {
  EXPECT_THAT(
      createdFrom({"--root=/r", "create", "--bundle", "/b", "id1"}, "/snapshots/1"),
      ElementsAre("--root=/r", "create", "--fs-restore-image-path=/snapshots/1", "--bundle", "/b", "id1"));
}

TEST(Call, RestoresInstead) {
  EXPECT_THAT(restoreInstead(start, *findStart(start), "/snapshots/1"),
              ElementsAre("--root=/run/runsc/k8s.io", "--log=/b/log.json", "--platform=systrap", "restore",
                          "--detach", "--background", "--image-path=/snapshots/1", "id1"));
}

}  // namespace
}  // namespace cloister::node
