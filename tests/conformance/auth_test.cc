// Who a real API server takes us for, and what it says when it does not.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "kube/connect.h"
#include "kube/request.h"
#include "live_cluster.h"

namespace cloister::conformance {
namespace {

constexpr kube::Resource serviceAccounts{"", "v1", "serviceaccounts", "ServiceAccount"};
constexpr kube::Resource reviews{"authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview",
                                 false};
constexpr kube::Resource roles{"rbac.authorization.k8s.io", "v1", "roles", "Role"};
constexpr kube::Resource roleBindings{"rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding"};

// The API server's own word on who CONFIG is.
Result<std::string> whoIs(kube::ClientConfig config) {
  LiveCluster cluster(std::move(config));
  auto review = cluster.run(cluster.client().create(
      reviews, "", {{"apiVersion", kube::apiVersion(reviews)}, {"kind", reviews.kind}}));
  if (!review) return fail(review.error());
  return json::findString(*review, "status.userInfo.username");
}

class AuthTest : public testing::Test {
 protected:
  // The administrator's configuration without what it says who we are.
  kube::ClientConfig anonymous() const {
    auto config = LiveCluster::loadConfig();
    config.certificate = config.key = config.token = {};
    return config;
  }
  kube::ClientConfig withToken(const std::string& token) const {
    auto config = anonymous();
    config.token = {.data = token};
    return config;
  }
  // A token of a new service account ("robot" in this test's namespace), which may do nothing.
  std::string requestToken() {
    mustHave(cluster.run(client.create(
        serviceAccounts, namespace_,
        {{"apiVersion", "v1"}, {"kind", "ServiceAccount"}, {"metadata", {{"name", "robot"}}}})));
    net::Request request = kube::createRequest(serviceAccounts, namespace_,
                                               {{"apiVersion", "authentication.k8s.io/v1"},
                                                {"kind", "TokenRequest"},
                                                {"spec", {{"expirationSeconds", 600}}}});
    request.target = kube::path(serviceAccounts, namespace_, "robot", "token");
    const auto response = mustHave(cluster.run(cluster.transport().exchange(request)));
    return json::findString(mustHave(json::parse(response.body)), "status.token");
  }
  void allow(std::string_view verb) {
    const json::value rule{{"apiGroups", {""}}, {"resources", {"configmaps"}}, {"verbs", json::array{verb}}};
    mustHave(cluster.run(client.create(roles, namespace_,
                                       {{"apiVersion", kube::apiVersion(roles)},
                                        {"kind", "Role"},
                                        {"metadata", {{"name", "robot"}}},
                                        {"rules", json::array{rule}}})));
    const json::value subject{{"kind", "ServiceAccount"}, {"name", "robot"}, {"namespace", namespace_}};
    mustHave(cluster.run(client.create(
        roleBindings, namespace_,
        {{"apiVersion", kube::apiVersion(roleBindings)},
         {"kind", "RoleBinding"},
         {"metadata", {{"name", "robot"}}},
         {"roleRef", {{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "Role"}, {"name", "robot"}}},
         {"subjects", json::array{subject}}})));
  }

  LiveCluster cluster;
  kube::Client& client = cluster.client();
  std::string namespace_ = cluster.makeNamespace();
};

TEST_F(AuthTest, AnInvalidTokenIsUnauthorized) {
  EXPECT_EQ(whoIs(withToken("nonsense")).error().code, Errc::Unauthorized);
}

TEST_F(AuthTest, AServiceAccountMayDoWhatItsRolesAllow) {
  const std::string token = requestToken();
  EXPECT_EQ(whoIs(withToken(token)), "system:serviceaccount:" + namespace_ + ":robot");
  LiveCluster robot(withToken(token));
  const auto refused = robot.run(robot.client().list(kube::configMaps, namespace_, {}));
  EXPECT_EQ(refused.error().code, Errc::Forbidden);
  EXPECT_EQ(refused.error().reason, "Forbidden");
  const auto unseen = robot.run(robot.client().watch(kube::configMaps, namespace_, {.resourceVersion = "0"}));
  EXPECT_EQ(unseen.error().code, Errc::Forbidden);

  allow("list");
  for (int attempt = 0; attempt < 100; ++attempt) {  // the authorizer follows the roles by a watch of its own
    if (robot.run(robot.client().list(kube::configMaps, namespace_, {}))) return;
    robot.wait(milliseconds(50));
  }
  ADD_FAILURE() << "still forbidden";
}

TEST_F(AuthTest, AProgramMayTellWhoWeAre) {
  const auto file = std::filesystem::temp_directory_path() / (namespace_ + "-login");
  std::ofstream(file) << "#!/bin/sh\ncat <<END\n"
                      << json::print({{"apiVersion", "client.authentication.k8s.io/v1"},
                                      {"kind", "ExecCredential"},
                                      {"status", {{"token", requestToken()}}}})
                      << "\nEND\n";
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  auto config = anonymous();
  config.exec = kube::ExecConfig{.apiVersion = "client.authentication.k8s.io/v1", .command = file.string()};
  EXPECT_EQ(whoIs(config), "system:serviceaccount:" + namespace_ + ":robot");
  std::filesystem::remove(file);
}

TEST_F(AuthTest, TheServerMustBeTheOneWeMean) {
  auto config = LiveCluster::loadConfig();
  config.tlsServerName = "elsewhere.example.com";
  const auto misnamed = whoIs(config);
  EXPECT_EQ(misnamed.error().code, Errc::Unavailable);
  EXPECT_NE(misnamed.error().message.find("elsewhere.example.com is not accepted"), std::string::npos)
      << misnamed.error().message;

  config = LiveCluster::loadConfig();
  config.ca = {};  // the system's, which do not know this server
  EXPECT_EQ(whoIs(config).error().code, Errc::Unavailable);
}

TEST_F(AuthTest, ANamespaceThatGoesTakesNothingNew) {
  const auto configMap = [](std::string_view name, json::array finalizers) {
    return json::value{{"apiVersion", "v1"},
                       {"kind", "ConfigMap"},
                       {"metadata", {{"name", name}, {"finalizers", std::move(finalizers)}}}};
  };
  mustHave(
      cluster.run(client.create(kube::configMaps, namespace_, configMap("held", {"cloister.dev/test"}))));
  mustHave(cluster.run(client.remove(kube::namespaces, {"", namespace_}, {})));
  const auto refused = cluster.run(client.create(kube::configMaps, namespace_, configMap("new", {})));
  EXPECT_EQ(refused.error().code, Errc::Forbidden);
  EXPECT_EQ(refused.error().reason, "NamespaceTerminating");
  mustHave(cluster.run(
      client.patch(kube::configMaps, {namespace_, "held"}, {{"metadata", {{"finalizers", nullptr}}}}, {})));
}

}  // namespace
}  // namespace cloister::conformance
