#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loopback.h"
#include "net/http_client.h"

namespace cloister::net {
namespace {

using test::hang;
using test::LoopbackServer;
using test::readRequest;
using test::send;
using test::sendOk;
using testing::HasSubstr;

class HttpsTest : public testing::Test {
 protected:
  HttpClient clientOf(const LoopbackServer& server, const TlsOptions& options,
                      std::string host = "127.0.0.1") {
    return {context.get_executor(), BaseUrl{true, std::move(host), server.port()}, makeTls(options).value()};
  }
  Result<Response> get(HttpClient& client) {
    return test::run(context, client.exchange({.method = "POST", .deadline = seconds(5)}));
  }
  TlsOptions trusting() const { return {.caPem = authority.certificatePem}; }
  TlsOptions identified(const test::Certificate& identity) const {
    return {.caPem = authority.certificatePem,
            .certificatePem = identity.certificatePem,
            .keyPem = identity.keyPem};
  }

  boost::asio::io_context context{1};
  test::Certificate authority = test::makeAuthority("ca");
  test::Certificate serverIdentity =
      test::makeCertificate(authority, "server", {"DNS:localhost", "DNS:api.example.com", "IP:127.0.0.1"});
};

TEST_F(HttpsTest, AcceptsAServerByAddressByNameAndByTheNameItIsTold) {
  LoopbackServer server(context, LoopbackServer::Tls{serverIdentity});
  for (int i = 0; i < 3; ++i) server.script({readRequest(), sendOk("secret"), hang()});
  auto byAddress = clientOf(server, trusting());
  EXPECT_EQ(get(byAddress)->body, "secret");
  EXPECT_EQ(get(byAddress).error().code, Errc::Timeout) << "the script has no second answer";

  auto byName = clientOf(server, trusting(), "localhost");
  EXPECT_EQ(get(byName)->body, "secret");
  TlsOptions told = trusting();
  told.serverName = "api.example.com";
  auto byOtherName = clientOf(server, told);
  EXPECT_EQ(get(byOtherName)->body, "secret");
}

TEST_F(HttpsTest, RefusesAServerThatItDoesNotTrust) {
  LoopbackServer server(context, LoopbackServer::Tls{serverIdentity});
  auto client = clientOf(server, {.caPem = test::makeAuthority("other").certificatePem});
  const auto response = get(client);
  EXPECT_EQ(response.error().code, Errc::Unavailable);
  EXPECT_THAT(response.error().message, HasSubstr("the certificate for 127.0.0.1 is not accepted: "));
  EXPECT_TRUE(server.requests().empty());

  auto system = clientOf(server, {});
  EXPECT_EQ(get(system).error().code, Errc::Unavailable);
}

TEST_F(HttpsTest, RefusesACertificateForAnotherName) {
  const auto elsewhere =
      test::makeCertificate(authority, "localhost", {"DNS:elsewhere.example.com", "IP:127.0.0.2"});
  LoopbackServer server(context, LoopbackServer::Tls{elsewhere});
  auto byAddress = clientOf(server, trusting());
  EXPECT_THAT(get(byAddress).error().message, HasSubstr("IP address mismatch"));
  auto byName = clientOf(server, trusting(), "localhost");
  EXPECT_THAT(get(byName).error().message, HasSubstr("hostname mismatch"));
}

TEST_F(HttpsTest, TheCommonNameIsNoName) {
  LoopbackServer server(context, LoopbackServer::Tls{test::makeCertificate(authority, "localhost", {})});
  auto client = clientOf(server, trusting(), "localhost");
  EXPECT_EQ(get(client).error().code, Errc::Unavailable);
}

TEST_F(HttpsTest, VerifiesNothingWhenToldSo) {
  LoopbackServer server(context, LoopbackServer::Tls{serverIdentity});
  server.script({readRequest(), sendOk("x"), hang()});
  auto client = clientOf(server, {.verify = false}, "localhost");
  EXPECT_EQ(get(client)->body, "x");
}

TEST_F(HttpsTest, ShowsItsCertificate) {
  LoopbackServer server(context, LoopbackServer::Tls{serverIdentity, authority.certificatePem});
  server.script({readRequest(), sendOk("hello"), hang()});
  auto client = clientOf(server, identified(test::makeCertificate(authority, "operator", {})));
  EXPECT_EQ(get(client)->body, "hello");
  EXPECT_EQ(server.client(), "operator");
}

TEST_F(HttpsTest, ARefusedCertificateMeansThatNothingWasCarriedOut) {
  LoopbackServer server(context, LoopbackServer::Tls{serverIdentity, authority.certificatePem});
  auto anonymous = clientOf(server, trusting());
  EXPECT_EQ(get(anonymous).error().code, Errc::Unavailable);
  const auto foreign = test::makeAuthority("other");
  auto stranger = clientOf(server, identified(test::makeCertificate(foreign, "operator", {})));
  EXPECT_EQ(get(stranger).error().code, Errc::Unavailable);
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(HttpsTest, ARotatedCertificateIsUsedFromTheNextExchangeOn) {
  LoopbackServer server(context, LoopbackServer::Tls{serverIdentity, authority.certificatePem});
  for (int i = 0; i < 2; ++i)
    server.script({readRequest(), sendOk("hello"), readRequest(), sendOk("again"), hang()});
  auto client = clientOf(server, identified(test::makeCertificate(authority, "old", {})));
  EXPECT_EQ(get(client)->body, "hello");
  EXPECT_EQ(server.client(), "old");
  client.useTls(makeTls(identified(test::makeCertificate(authority, "new", {}))).value());
  EXPECT_EQ(client.idle(), 0U);
  EXPECT_EQ(get(client)->body, "hello");
  EXPECT_EQ(server.client(), "new");
  EXPECT_EQ(get(client)->body, "again");
}

TEST_F(HttpsTest, AConnectionOfTheOldCertificateIsNotKept) {
  LoopbackServer server(context, LoopbackServer::Tls{serverIdentity});
  server.script({readRequest(), sendOk("x"), hang()});
  auto client = clientOf(server, trusting());
  bool answered = false;
  boost::asio::co_spawn(
      context, client.exchange({}),
      [&](const std::exception_ptr&, const Result<Response>& response) { answered = bool(response); });
  test::runUntil(context, [&] { return server.requests().size() == 1; });
  client.useTls(makeTls(trusting()).value());
  test::runUntil(context, [&] { return answered; });
  EXPECT_TRUE(answered);
  EXPECT_EQ(client.idle(), 0U);
}

TEST_F(HttpsTest, TheHandshakeCanFailInEveryWay) {
  LoopbackServer plain(context);
  plain.script({send("HTTP/1.1 400 Bad Request\r\n\r\n"), hang()});
  auto toPlain = clientOf(plain, trusting());
  EXPECT_EQ(get(toPlain).error().code, Errc::Unavailable) << "not TLS";
  EXPECT_EQ(get(toPlain).error().code, Errc::Unavailable) << "closed at once";
  plain.script({hang(), hang(), hang(), hang()});
  const auto silent = test::run(context, toPlain.exchange({.method = "POST", .deadline = milliseconds(50)}));
  EXPECT_EQ(silent.error().code, Errc::Unavailable);
  EXPECT_THAT(silent.error().message, HasSubstr("TLS with 127.0.0.1"));
}

TEST_F(HttpsTest, StreamsAndNoticesTheEnd) {
  LoopbackServer server(context, LoopbackServer::Tls{serverIdentity});
  server.script({readRequest(), send("HTTP/1.1 200 OK\r\n\r\none")});
  auto client = clientOf(server, trusting());
  auto opened = test::run(context, client.open({}));
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(test::run(context, opened->stream->read(seconds(5))), "one");
  EXPECT_EQ(test::run(context, opened->stream->read(seconds(5))).error().code, Errc::Unavailable);
}

}  // namespace
}  // namespace cloister::net
