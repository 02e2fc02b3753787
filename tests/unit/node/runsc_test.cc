#include "node/agent/runsc.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/kube/temp_folder.h"
#include "tests/unit/net/loopback.h"

namespace cloister::node {
namespace {

TEST(Runsc, ReadsItsList) {
  EXPECT_TRUE(parseRunscList("null")->empty());
  EXPECT_TRUE(parseRunscList("[]")->empty());
  const auto list = parseRunscList(R"([{"id":"a","bundle":"/b/a","status":"running"},{"id":"x"}])");
  ASSERT_EQ(list->size(), 1U);
  EXPECT_EQ(list->front().bundle, "/b/a");
  EXPECT_FALSE(parseRunscList(""));
  EXPECT_FALSE(parseRunscList("{}"));
}

TEST(Runsc, TellsWhoseAContainerIsAndWhetherItStandsStill) {
  const auto list = parseRunscList(R"([
    {"id":"r","bundle":"/b/r","status":"paused","annotations":
     {"io.kubernetes.cri.container-type":"sandbox","io.kubernetes.cri.sandbox-uid":"u"}},
    {"id":"c","bundle":"/b/c","status":"running","annotations":
     {"io.kubernetes.cri.container-type":"container","io.kubernetes.cri.sandbox-uid":"u"}},
    {"id":"d","bundle":"/b/d","status":"running","annotations":[]}])");
  const std::vector<RunningContainer> wanted{
      {.id = "r", .bundle = "/b/r", .podUID = "u", .isRoot = true, .status = "paused"},
      {.id = "c", .bundle = "/b/c", .podUID = "u", .status = "running"},
      {.id = "d", .bundle = "/b/d", .status = "running"}};
  EXPECT_EQ(*list, wanted);
}

TEST(Runsc, IsAskedForItsVersionOnceUnlessItIsReplaced) {
  const test::TempFolder folder;
  const std::string program = folder.path("runsc");
  const auto install = [&](const std::string& version) {
    const std::string log = "echo asked >> " + folder.path("calls");
    std::filesystem::rename(
        folder.writeProgram("new", "#!/bin/sh\n" + log + "\necho runsc version " + version + "\n"), program);
  };
  boost::asio::io_context context{1};
  const auto runsc = realRunsc(context.get_executor(), program, "/run/runsc", "");
  const auto ask = [&] { return test::run(context, runsc->version()).value_or("none"); };
  const auto calls = [&] {
    return std::filesystem::file_size(folder.path("calls")) / std::string("asked\n").size();
  };
  install("release-1");
  EXPECT_EQ(ask(), "release-1");
  EXPECT_EQ(ask(), "release-1");
  EXPECT_EQ(calls(), 1U);
  install("release-2");
  EXPECT_EQ(ask(), "release-2");
  EXPECT_EQ(calls(), 2U);
}

TEST(Runsc, ReadsItsVersion) {
  EXPECT_EQ(parseRunscVersion("runsc version release-20260101.0\nspec: 1.2.1\n").value(),
            "release-20260101.0");
  EXPECT_FALSE(parseRunscVersion("runc version 1.5"));
}

}  // namespace
}  // namespace cloister::node
