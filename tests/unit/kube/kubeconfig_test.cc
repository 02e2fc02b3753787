#include "kube/kubeconfig.h"

#include <gtest/gtest.h>

#include "kube/base64.h"

namespace cloister::kube {
namespace {

// A kubeconfig with one cluster, one user and one context; CLUSTER and USER are the entries' members.
std::string document(const std::string& cluster, const std::string& user) {
  return "apiVersion: v1\nkind: Config\ncurrent-context: here\n"
         "clusters: [{name: c, cluster: {" +
         cluster +
         "}}]\n"
         "users: [{name: u, user: {" +
         user +
         "}}]\n"
         "contexts: [{name: here, context: {cluster: c, user: u, namespace: team-a}}]\n";
}

Result<ClientConfig> load(const std::string& text, std::string_view context = "") {
  const auto parsed = parseKubeconfig(text, "/etc/kube/config");
  if (!parsed) return fail(parsed.error());
  return select(*parsed, context);
}

ClientConfig ofUser(const std::string& user) {
  const auto config = load(document("server: 'https://10.0.0.1:6443'", user));
  EXPECT_TRUE(config) << config.error().message;
  return config.value_or(ClientConfig{});
}

std::string problem(const std::string& text, std::string_view context = "") {
  const auto config = load(text, context);
  if (config) return "none";
  EXPECT_EQ(config.error().code, Errc::InvalidInput);
  EXPECT_EQ(config.error().message.find('\n'), std::string::npos) << "one line";
  return config.error().message;
}
std::string problemOfUser(const std::string& user) {
  return problem(document("server: 'https://a'", user));
}
std::string problemOfCluster(const std::string& cluster) {
  return problem(document(cluster, ""));
}

TEST(Kubeconfig, TellsTheServerAndTheNamespace) {
  const auto config = load(
      document("server: 'https://10.0.0.1:6443', certificate-authority: ca.crt, tls-server-name: api", ""));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, (net::BaseUrl{true, "10.0.0.1", 6443}));
  EXPECT_EQ(config->ca, (Source{.file = "/etc/kube/ca.crt"})) << "relative to the kubeconfig";
  EXPECT_EQ(config->tlsServerName, "api");
  EXPECT_EQ(config->namespace_, "team-a");
  EXPECT_TRUE(config->verify);
}

TEST(Kubeconfig, DataIsStrongerThanAFile) {
  const auto config = load(document(
      "server: 'https://a', certificate-authority: /ca, certificate-authority-data: " + encodeBase64("PEM"),
      ""));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->ca, (Source{.data = "PEM"}));
}

TEST(Kubeconfig, TellsTheUser) {
  const auto certificate = ofUser("client-certificate: ../me.crt, client-key-data: " + encodeBase64("KEY"));
  EXPECT_EQ(certificate.certificate, (Source{.file = "/etc/me.crt"}));
  EXPECT_EQ(certificate.key, (Source{.data = "KEY"}));
  EXPECT_EQ(ofUser("token: abc").token, (Source{.data = "abc"}));
  EXPECT_EQ(ofUser("token: abc, tokenFile: /run/token").token, (Source{.file = "/run/token"}));
  EXPECT_FALSE(ofUser("").exec);
}

TEST(Kubeconfig, TellsTheProgramThatGivesCredentials) {
  const auto config = ofUser(
      "exec: {apiVersion: client.authentication.k8s.io/v1, command: bin/login, args: [a, '1'], "
      "env: [{name: REGION, value: eu}], installHint: get it, provideClusterInfo: true, interactiveMode: "
      "Never}");
  EXPECT_EQ(config.exec, (ExecConfig{.apiVersion = "client.authentication.k8s.io/v1",
                                     .command = "/etc/kube/bin/login",
                                     .args = {"a", "1"},
                                     .environment = {"REGION=eu"},
                                     .installHint = "get it",
                                     .provideClusterInfo = true}));
  EXPECT_EQ(ofUser("exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: login}").exec->command,
            "login")
      << "looked up in PATH";
}

TEST(Kubeconfig, AnotherContextCanBeChosen) {
  const std::string text =
      "current-context: a\n"
      "clusters: [{name: a, cluster: {server: 'https://a'}}, {name: b, cluster: {server: 'https://b'}}]\n"
      "contexts: [{name: a, context: {cluster: a}}, {name: b, context: {cluster: b}}]\n";
  EXPECT_EQ(load(text)->server.host, "a");
  EXPECT_EQ(load(text, "b")->server.host, "b");
  EXPECT_EQ(load(text, "b")->namespace_, "default");
  EXPECT_EQ(problem(text, "c"), "kubeconfig: no context \"c\"; there is: a, b");
}

TEST(Kubeconfig, SaysWhatIsMissing) {
  EXPECT_EQ(problem(""), "kubeconfig: no current-context is set; choose one with --context");
  EXPECT_EQ(problem("current-context: a"), "kubeconfig: no context \"a\"; there is: none");
  EXPECT_EQ(problem("current-context: a\ncontexts: [{name: a, context: {cluster: x}}]"),
            "kubeconfig: no cluster \"x\"; there is: none");
  EXPECT_EQ(problem("current-context: a\ncontexts: [{name: a, context: {cluster: c, user: x}}]\n"
                    "clusters: [{name: c, cluster: {server: 'https://a'}}]"),
            "kubeconfig: no user \"x\"; there is: none");
  EXPECT_EQ(problemOfCluster(""),
            "/etc/kube/config: clusters[c].cluster.server: missing; it is the API server's URL");
  EXPECT_EQ(problemOfUser("client-certificate: a"),
            "/etc/kube/config: users[u].user.client-key: missing; certificate and key go together");
}

TEST(Kubeconfig, SaysWhatIsWrong) {
  EXPECT_EQ(problem("[1"), "/etc/kube/config:1: " + problem("[1").substr(20));
  EXPECT_EQ(problem("[1]"), "/etc/kube/config: not a kubeconfig");
  EXPECT_EQ(problem("clusters: 1"), "/etc/kube/config: .clusters: expected a list");
  EXPECT_EQ(problem("users: [{name: a}]"), "/etc/kube/config: .users: expected entries of name and user");
  EXPECT_TRUE(problemOfCluster("server: nowhere")
                  .starts_with("/etc/kube/config: clusters[c].cluster.server: \"nowhere\""));
  EXPECT_EQ(problemOfCluster("server: 1"), "/etc/kube/config: clusters[c].cluster.server: expected a string");
  EXPECT_EQ(problemOfCluster("server: 'https://a', certificate-authority-data: '!'"),
            "/etc/kube/config: clusters[c].cluster.certificate-authority-data: not base64");
  EXPECT_EQ(problemOfCluster("server: 'https://a', certificate-authority: a, insecure-skip-tls-verify: true"),
            "/etc/kube/config: clusters[c].cluster.insecure-skip-tls-verify: contradicts "
            "certificate-authority; remove "
            "one of them");
  EXPECT_EQ(problemOfUser("token: 1"), "/etc/kube/config: users[u].user.token: expected a string");
}

TEST(Kubeconfig, RefusesWhatItDoesNotSupport) {
  EXPECT_TRUE(problemOfCluster("server: 'https://a', proxy-url: 'http://p'")
                  .contains("clusters[c].cluster.proxy-url: "));
  for (const auto* name : {"username", "password", "auth-provider", "as", "as-groups"}) {
    EXPECT_TRUE(
        problemOfUser(std::string(name) + ": x").contains("users[u].user." + std::string(name) + ": "))
        << name;
  }
}

TEST(Kubeconfig, ChecksTheProgram) {
  const auto problemOf = [](const std::string& exec) {
    const std::string prefix = "/etc/kube/config: users[u].user.exec.";
    const auto text = problemOfUser("exec: {" + exec + "}");
    return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
  };
  const std::string good = "apiVersion: client.authentication.k8s.io/v1, command: c";
  EXPECT_EQ(problemOf(good), "none");
  EXPECT_EQ(problemOf("apiVersion: client.authentication.k8s.io/v1"), "command: missing");
  EXPECT_EQ(problemOf("command: c"), "apiVersion: expected client.authentication.k8s.io/v1 or v1beta1");
  EXPECT_EQ(problemOf(good + ", args: x"), "args: expected a list of strings");
  EXPECT_EQ(problemOf(good + ", args: [1]"), "args: expected a list of strings");
  EXPECT_EQ(problemOf(good + ", env: [x]"), "env: expected a list of name and value");
  EXPECT_EQ(problemOf(good + ", interactiveMode: Always"),
            "interactiveMode: Always cannot be served: there is no terminal here");
  EXPECT_EQ(problemOf(good + ", interactiveMode: Maybe"),
            "interactiveMode: expected Never, IfAvailable or Always");
  EXPECT_EQ(problemOf(good + ", interactiveMode: IfAvailable"), "none");
}

TEST(Kubeconfig, MergesAsKubectlDoes) {
  auto first = parseKubeconfig("users: [{name: u, user: {token: one}}]", "/a/config").value();
  auto second = parseKubeconfig(document("server: 'https://b', certificate-authority: ca.crt", "token: two"),
                                "/b/config")
                    .value();
  merge(first, std::move(second));
  merge(first, parseKubeconfig("current-context: other", "/c/config").value());
  const auto config = select(first, "");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->token.data, "one") << "the first file's entry stands";
  EXPECT_EQ(config->ca.file, "/b/ca.crt") << "relative to the file that it is from";
}

TEST(Base64, ReadsAndWrites) {
  EXPECT_EQ(encodeBase64(""), "");
  EXPECT_EQ(encodeBase64("a"), "YQ==");
  EXPECT_EQ(encodeBase64("ab\xff"), "YWL/");
  EXPECT_EQ(decodeBase64("YQ=="), "a");
  EXPECT_EQ(decodeBase64("YQ"), "a");
  EXPECT_EQ(decodeBase64("YW\r\nL/\n"), "ab\xff");
  EXPECT_EQ(decodeBase64(""), "");
  EXPECT_EQ(decodeBase64("Y"), std::nullopt);
  EXPECT_EQ(decodeBase64("Y=Q="), std::nullopt);
  EXPECT_EQ(decodeBase64("YW-_"), std::nullopt);
}

}  // namespace
}  // namespace cloister::kube
