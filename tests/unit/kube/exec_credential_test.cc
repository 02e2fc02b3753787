#include "kube/exec_credential.h"

#include <gtest/gtest.h>

#include "json/codec.h"
#include "loopback.h"
#include "temp_folder.h"

namespace cloister::kube {
namespace {

constexpr std::string_view v1 = "client.authentication.k8s.io/v1";

std::string credential(const json::value& status) {
  return json::print({{"apiVersion", v1}, {"kind", "ExecCredential"}, {"status", status}});
}

ClientConfig configOf(ExecConfig exec) {
  exec.apiVersion = v1;
  return {.server = {true, "10.0.0.1", 6443, "/prefix"}, .tlsServerName = "api", .exec = std::move(exec)};
}

TEST(ExecCredential, IsRead) {
  const auto token =
      readExecCredential(credential({{"token", "t"}, {"expirationTimestamp", "2026-01-02T03:04:05Z"}}), v1);
  ASSERT_TRUE(token) << token.error().message;
  EXPECT_EQ(token->token, "t");
  EXPECT_EQ(token->expires, parseTime("2026-01-02T03:04:05Z"));
  const auto certificate =
      readExecCredential(credential({{"clientCertificateData", "C"}, {"clientKeyData", "K"}}), v1);
  EXPECT_EQ(certificate, (Identity{.certificatePem = "C", .keyPem = "K"}));
}

TEST(ExecCredential, SaysWhatIsWrong) {
  const auto problem = [](const std::string& output) {
    const auto read = readExecCredential(output, v1);
    return read ? "none" : read.error().message;
  };
  const std::string prefix = "it printed no usable ExecCredential: ";
  EXPECT_EQ(problem("hello"), prefix + "not JSON: syntax error at byte 0");
  EXPECT_EQ(problem("{}"), prefix + "the kind is another");
  EXPECT_EQ(problem(R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1"})"),
            prefix + "the apiVersion is not client.authentication.k8s.io/v1");
  EXPECT_EQ(problem(credential(json::object())), prefix + "neither a token nor a certificate");
  EXPECT_EQ(problem(credential({{"clientKeyData", "K"}})), prefix + "certificate and key go together");
  EXPECT_EQ(problem(credential({{"token", "t"}, {"expirationTimestamp", "soon"}})),
            prefix + "expirationTimestamp is no time");
}

TEST(ExecCredential, TheProgramLearnsTheClusterWhenItAsks) {
  const auto plain = json::parse(execInfo(configOf({}), "PEM")).value();
  EXPECT_EQ(plain, json::value(
                       {{"apiVersion", v1}, {"kind", "ExecCredential"}, {"spec", {{"interactive", false}}}}));
  const auto asking = json::parse(execInfo(configOf({.provideClusterInfo = true}), "PEM")).value();
  EXPECT_EQ(asking.at("spec").at("cluster"), json::value({{"server", "https://10.0.0.1:6443/prefix"},
                                                          {"tls-server-name", "api"},
                                                          {"certificate-authority-data", "UEVN"}}));
}

class RunExecTest : public testing::Test {
 protected:
  Result<Identity> runProgram(const std::string& script, ExecConfig exec = {}) {
    if (exec.command.empty()) exec.command = folder.writeProgram("login", "#!/bin/sh\n" + script + "\n");
    return test::run(context, runExec(context.get_executor(), configOf(std::move(exec)), ""));
  }

  boost::asio::io_context context{1};
  test::TempFolder folder;
};

TEST_F(RunExecTest, GivesTheCredential) {
  ExecConfig exec{.args = {"from-args"}, .environment = {"SUFFIX=-and-env"}};
  exec.command = folder.writeProgram(
      "login",
      "#!/bin/sh\necho \"$KUBERNETES_EXEC_INFO\" | grep -q '\"interactive\":false' || exit 1\n"
      "echo '" +
          credential({{"token", "TOKEN"}}) + "' | sed \"s/TOKEN/$1$SUFFIX/\"\n");
  const auto identity = runProgram("", exec);
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(identity->token, "from-args-and-env");
}

TEST_F(RunExecTest, PassesItsWordsOn) {
  const auto failed = runProgram("echo 'please log in' >&2; exit 7");
  EXPECT_EQ(failed.error().message,
            "exec credential: " + folder.path("login") + " ended with status 7: please log in");
  const auto wrong = runProgram("echo nothing");
  EXPECT_TRUE(wrong.error().message.starts_with("exec credential: " + folder.path("login") +
                                                ": it printed no usable"));
}

TEST_F(RunExecTest, TellsHowToInstallTheProgram) {
  const auto missing =
      runProgram("", {.command = "cloister-no-such-program", .installHint = "get it from example.com"});
  EXPECT_EQ(missing.error().message,
            "exec credential: cannot run cloister-no-such-program: No such file or directory; get it from "
            "example.com");
}

}  // namespace
}  // namespace cloister::kube
