// Who we are, on every request: from files that rotate and programs whose credentials expire.
#include "kube/connect.h"

#include <gtest/gtest.h>

#include "loopback.h"
#include "temp_folder.h"
#include "tests/support/sim_clock.h"

namespace cloister::kube {
namespace {

using test::hang;
using test::LoopbackServer;
using test::readRequest;
using test::sendOk;
using test::Step;

Step sendUnauthorized() {
  return test::send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
}

// Answers COUNT requests on one connection.
std::vector<Step> answering(int count) {
  std::vector<Step> out;
  for (int i = 0; i < count; ++i) {
    out.push_back(readRequest());
    out.push_back(sendOk("{}"));
  }
  out.push_back(hang());
  return out;
}

class ConnectTest : public testing::Test {
 protected:
  ClientConfig configOf(const LoopbackServer& to) const {
    return {.server = {.tls = false, .host = "127.0.0.1", .port = to.port()}};
  }
  std::unique_ptr<net::Transport> connectWith(ClientConfig config) {
    auto transport = connect(context.get_executor(), clock, std::move(config));
    if (!transport) throw std::runtime_error(transport.error().message);
    return std::move(*transport);
  }
  int get(net::Transport& transport) {
    const auto response = test::run(context, transport.exchange({.method = "POST"}));
    return response ? response->status : 0;
  }
  std::string authorization(size_t request) const {
    return std::string(net::header(server.requests().at(request).headers, "Authorization"));
  }

  boost::asio::io_context context{1};
  test::SimClock clock;  // stands still: only this test lets files and credentials grow old
  test::TempFolder folder;
  LoopbackServer server{context};
};

TEST_F(ConnectTest, SaysWhoItIs) {
  server.script(answering(1));
  auto config = configOf(server);
  config.token = {.data = "secret"};
  EXPECT_EQ(get(*connectWith(config)), 200);
  EXPECT_EQ(authorization(0), "Bearer secret");
  const std::string agent(net::header(server.requests().at(0).headers, "User-Agent"));
  EXPECT_TRUE(agent.starts_with("cloister-operator/")) << agent;
  EXPECT_TRUE(agent.ends_with(" (linux/amd64)") || agent.ends_with(" (linux/arm64)")) << agent;
}

TEST_F(ConnectTest, WithoutATokenItSendsNone) {
  server.script(answering(1));
  EXPECT_EQ(get(*connectWith(configOf(server))), 200);
  EXPECT_EQ(authorization(0), "");
}

TEST_F(ConnectTest, FollowsARotatedTokenWithinAMinute) {
  server.script(answering(5));
  auto config = configOf(server);
  config.token = {.file = folder.write("token", "one\n")};
  const auto transport = connectWith(config);
  get(*transport);
  folder.write("token", "two\n");
  get(*transport);
  clock.advance(seconds(60));
  get(*transport);
  std::filesystem::remove(folder.path("token"));
  clock.advance(seconds(60));
  get(*transport);
  folder.write("token", "");
  clock.advance(seconds(60));
  get(*transport);
  EXPECT_EQ(authorization(0), "Bearer one");
  EXPECT_EQ(authorization(1), "Bearer one");
  EXPECT_EQ(authorization(2), "Bearer two");
  EXPECT_EQ(authorization(3), "Bearer two") << "what was read stays while the file cannot be";
  EXPECT_EQ(authorization(4), "Bearer two") << "or is empty";
}

TEST_F(ConnectTest, A401ReadsTheTokenAgainAtOnce) {
  server.script({readRequest(), sendUnauthorized(), readRequest(), sendOk("{}"), hang()});
  auto config = configOf(server);
  config.token = {.file = folder.write("token", "old")};
  const auto transport = connectWith(config);
  folder.write("token", "new");
  EXPECT_EQ(get(*transport), 200);
  EXPECT_EQ(authorization(1), "Bearer new");
}

TEST_F(ConnectTest, A401IsTriedAgainOnlyOnceAndOnlyIfThereIsAnotherToken) {
  server.script({readRequest(), sendUnauthorized(), readRequest(), sendUnauthorized(), readRequest(),
                 sendUnauthorized(), hang()});
  auto config = configOf(server);
  config.token = {.file = folder.write("token", "old")};
  EXPECT_EQ(get(*connectWith(config)), 401);
  EXPECT_EQ(server.requests().size(), 2U);
  server.script({readRequest(), sendUnauthorized(), hang()});
  config.token = {.data = "fixed"};
  EXPECT_EQ(get(*connectWith(config)), 401);
  EXPECT_EQ(server.requests().size(), 3U);
}

TEST_F(ConnectTest, RefusesWhatIsOfNoUse) {
  const auto problem = [&](ClientConfig config) {
    const auto transport = connect(context.get_executor(), clock, std::move(config));
    return transport ? "none" : transport.error().message;
  };
  auto config = configOf(server);
  config.token = {.file = folder.path("missing")};
  EXPECT_EQ(problem(config), folder.path("missing") + ": cannot be read: No such file or directory");
  config.token = {.file = folder.write("empty", "")};
  EXPECT_EQ(problem(config), folder.path("empty") + ": it is empty");
  config.token = {.data = "a\r\nX-Evil: 1"};
  EXPECT_EQ(problem(config), "kubeconfig: the token holds spaces or control characters");
  config.token = {};
  config.server.tls = true;
  config.ca = {.data = "nonsense"};
  EXPECT_TRUE(problem(config).starts_with("the certificate authority cannot be used: ")) << problem(config);
}

class ExecTest : public ConnectTest {
 protected:
  // A program that counts its runs; the token is "run-N", and expires LIFETIME after now, if it does.
  std::string program(std::string_view more, std::optional<Duration> lifetime) {
    const std::string expires =
        lifetime ? R"(,\"expirationTimestamp\":\")" + formatTime(clock.now() + *lifetime) + R"(\")" : "";
    return folder.writeProgram("login", "#!/bin/sh\necho run >> " + folder.path("runs") + "\n" +
                                            std::string(more) +
                                            "\necho "
                                            "\"{\\\"apiVersion\\\":\\\"client.authentication.k8s.io/"
                                            "v1\\\",\\\"kind\\\":\\\"ExecCredential\\\","
                                            "\\\"status\\\":{\\\"token\\\":\\\"run-$(grep -c run " +
                                            folder.path("runs") + ")\\\"" + expires + "}}\"\n");
  }
  ClientConfig configWith(const std::string& command) {
    auto config = configOf(server);
    config.exec = ExecConfig{.apiVersion = "client.authentication.k8s.io/v1", .command = command};
    return config;
  }
};

TEST_F(ExecTest, RunsTheProgramOnceAndAgainWhenItsCredentialHasExpired) {
  server.script(answering(3));
  const auto transport = connectWith(configWith(program("", std::chrono::minutes(10))));
  get(*transport);
  clock.advance(std::chrono::minutes(9));
  get(*transport);
  clock.advance(std::chrono::minutes(1));
  get(*transport);
  EXPECT_EQ(authorization(0), "Bearer run-1");
  EXPECT_EQ(authorization(1), "Bearer run-1");
  EXPECT_EQ(authorization(2), "Bearer run-2");
}

TEST_F(ExecTest, RunsItAgainAfterA401) {
  server.script({readRequest(), sendUnauthorized(), readRequest(), sendOk("{}"), hang()});
  EXPECT_EQ(get(*connectWith(configWith(program("", std::nullopt)))), 200);
  EXPECT_EQ(authorization(0), "Bearer run-1");
  EXPECT_EQ(authorization(1), "Bearer run-2");
}

TEST_F(ExecTest, ManyRequestsAtOnceNeedOneRun) {
  constexpr int count = 5;
  for (int i = 0; i < count; ++i) server.script(answering(1));
  const auto transport = connectWith(configWith(program("", std::nullopt)));
  int answered = 0;
  for (int i = 0; i < count; ++i) {
    boost::asio::co_spawn(context, transport->exchange({}),
                          [&](const std::exception_ptr&, const Result<net::Response>&) { ++answered; });
  }
  // The waiters' timers are on the simulated clock's executor.
  test::runUntil(context, [&] { return clock.runUntilIdle(), answered == count; });
  for (int i = 0; i < count; ++i) EXPECT_EQ(authorization(size_t(i)), "Bearer run-1");
}

TEST_F(ExecTest, WithoutACredentialNothingIsSent) {
  const auto transport = connectWith(configWith(program("echo 'log in first' >&2; exit 1", std::nullopt)));
  const auto response = test::run(context, transport->exchange({}));
  EXPECT_EQ(response.error().code, Errc::Unavailable);
  EXPECT_TRUE(response.error().message.contains("log in first")) << response.error().message;
  EXPECT_EQ(server.connections(), 0);
}

class RotationTest : public ConnectTest {
 protected:
  test::Certificate authority = test::makeAuthority("ca");
  LoopbackServer secure{context,
                        LoopbackServer::Tls{test::makeCertificate(authority, "server", {"IP:127.0.0.1"}),
                                            authority.certificatePem}};

  void writeIdentity(const std::string& name) {
    const auto identity = test::makeCertificate(authority, name, {});
    folder.write("tls.crt", identity.certificatePem);
    folder.write("tls.key", identity.keyPem);
  }
};

TEST_F(RotationTest, FollowsARotatedCertificate) {
  for (int i = 0; i < 3; ++i) secure.script(answering(2));
  writeIdentity("old");
  auto config = configOf(secure);
  config.server.tls = true;
  config.ca = {.file = folder.write("ca.crt", authority.certificatePem)};
  config.certificate = {.file = folder.path("tls.crt")};
  config.key = {.file = folder.path("tls.key")};
  const auto transport = connectWith(config);
  EXPECT_EQ(get(*transport), 200);
  EXPECT_EQ(secure.client(), "old");

  // Half of a rotation is of no use, and does no harm.
  folder.write("tls.crt", test::makeCertificate(authority, "half", {}).certificatePem);
  clock.advance(seconds(60));
  EXPECT_EQ(get(*transport), 200);
  EXPECT_EQ(secure.client(), "old");

  writeIdentity("new");
  clock.advance(seconds(60));
  EXPECT_EQ(get(*transport), 200);
  EXPECT_EQ(secure.client(), "new");
}

}  // namespace
}  // namespace cloister::kube
