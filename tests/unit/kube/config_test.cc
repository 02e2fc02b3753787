#include "kube/config.h"

#include <gtest/gtest.h>

#include "temp_folder.h"

namespace cloister::kube {
namespace {

std::string kubeconfig(const std::string& host) {
  return "current-context: c\nclusters: [{name: c, cluster: {server: 'https://" + host +
         "'}}]\ncontexts: [{name: c, context: {cluster: c}}]\n";
}

class ConfigTest : public testing::Test {
 protected:
  std::string hostOf(const Locations& locations) {
    const auto config = loadConfig(locations);
    return config ? config->server.host : config.error().message;
  }

  test::TempFolder folder;
  std::string explicitFile = folder.write("explicit", kubeconfig("explicit"));
  std::string listed = folder.write("listed", kubeconfig("listed"));
  std::string inHome = folder.write("home/.kube/config", kubeconfig("home"));
  std::string token = folder.write("sa/token", "t");
};

TEST_F(ConfigTest, TheFirstPlaceThatIsGivenCounts) {
  Locations all{.explicitFile = explicitFile,
                .environment = listed,
                .home = folder.path("home"),
                .serviceHost = "10.96.0.1",
                .servicePort = "443",
                .serviceAccount = folder.path("sa")};
  EXPECT_EQ(hostOf(all), "explicit");
  all.explicitFile.clear();
  EXPECT_EQ(hostOf(all), "listed");
  all.environment.clear();
  EXPECT_EQ(hostOf(all), "10.96.0.1");
  all.serviceHost.clear();
  EXPECT_EQ(hostOf(all), "home");
  all.home = folder.path("empty");
  EXPECT_TRUE(hostOf(all).starts_with("no API server is configured: give --kubeconfig")) << hostOf(all);
}

TEST_F(ConfigTest, SeveralFilesAreMerged) {
  const auto user = folder.write(
      "user",
      "users: [{name: u, user: {token: t}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n");
  const auto config = loadConfig({.environment = user + "::" + folder.path("missing") + ":" + listed});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server.host, "listed");
  EXPECT_EQ(config->token.data, "t");
}

TEST_F(ConfigTest, NamesTheFileThatCannotBeRead) {
  EXPECT_EQ(hostOf({.explicitFile = folder.path("missing")}),
            folder.path("missing") + ": cannot be read: No such file or directory");
  EXPECT_EQ(hostOf({.environment = folder.path("missing")}),
            folder.path("missing") + ": cannot be read: No such file or directory");
  EXPECT_EQ(hostOf({.explicitFile = folder.path("home")}),
            folder.path("home") + ": cannot be read: Is a directory");
  const auto large = folder.write("large", std::string((1 << 20) + 1, ' '));
  EXPECT_EQ(hostOf({.explicitFile = large}), large + ": cannot be read: it is larger than 1 MiB");
}

TEST_F(ConfigTest, APodUsesItsServiceAccount) {
  const Locations pod{.serviceHost = "fd00::1", .servicePort = "6443", .serviceAccount = folder.path("sa")};
  folder.write("sa/namespace", "team-a");
  const auto config = loadConfig(pod);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, (net::BaseUrl{true, "fd00::1", 6443}));
  EXPECT_EQ(config->token.file, folder.path("sa/token"));
  EXPECT_EQ(config->ca.file, folder.path("sa/ca.crt"));
  EXPECT_EQ(config->namespace_, "team-a");
  std::filesystem::remove(token);
  EXPECT_TRUE(hostOf(pod).starts_with("the pod has no service account token")) << hostOf(pod);
}

}  // namespace
}  // namespace cloister::kube
