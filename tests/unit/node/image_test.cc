#include "node/agent/image.h"

#include <gtest/gtest.h>

namespace cloister::node {
namespace {

json::value podWith(json::object annotations) {
  return {{"metadata", {{"annotations", std::move(annotations)}}},
          {"spec",
           {{"containers",
             json::array{{{"name", "proxy"}, {"image", "p:1"}}, {{"name", "sandbox"}, {"image", "i:1"}}}}}},
          {"status",
           {{"containerStatuses",
             json::array{{{"name", "proxy"}, {"imageID", "p@sha256:1"}},
                         {{"name", "sandbox"}, {"image", "another"}, {"imageID", "i@sha256:2"}}}}}}};
}

TEST(Image, IsTheContainersOwn) {
  EXPECT_EQ(runningImage(podWith({}), "sandbox"), (Image{.name = "i:1", .id = "i@sha256:2"}));
  EXPECT_EQ(runningImage(podWith({}), "proxy"), (Image{.name = "p:1", .id = "p@sha256:1"}));
  EXPECT_EQ(runningImage(podWith({}), "third"), Image{});
  EXPECT_EQ(wantedImage(podWith({}), "sandbox"), (Image{.name = "i:1", .id = "i:1"}));
}

TEST(Image, IsCalledAsBeforeInAPodThatHasItByItsDigest) {
  const json::value pod = podWith({{"cloister.dev/image", "app"}, {"other", 1}});
  EXPECT_EQ(runningImage(pod, "sandbox"), (Image{.name = "app", .id = "i@sha256:2"}));
  EXPECT_EQ(wantedImage(pod, "sandbox"), (Image{.name = "app", .id = "i:1"}));
}

TEST(Image, HasNoIdUntilTheKubeletHasTold) {
  json::value pod = podWith({});
  pod.as_object().erase("status");
  EXPECT_EQ(runningImage(pod, "sandbox"), (Image{.name = "i:1", .id = ""}));
  EXPECT_EQ(runningImage(nullptr, "sandbox"), Image{});
}

}  // namespace
}  // namespace cloister::node
