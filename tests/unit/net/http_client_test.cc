#include "net/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loopback.h"

namespace cloister::net {
namespace {

using test::hang;
using test::LoopbackServer;
using test::readRequest;
using test::send;
using test::sendOk;
using testing::HasSubstr;

class HttpClientTest : public testing::Test {
 protected:
  Result<Response> exchange(Request request) {
    return test::run(context, client.exchange(std::move(request)));
  }
  Result<Response> get(std::string target = "/") { return exchange({.target = std::move(target)}); }
  Result<Response> post() { return exchange({.method = "POST", .target = "/", .body = "{}"}); }

  boost::asio::io_context context{1};
  LoopbackServer server{context};
  HttpClient client{context.get_executor(), BaseUrl{false, "127.0.0.1", server.port(), "/prefix"}, nullptr};
};

TEST_F(HttpClientTest, SendsTheRequestAndReadsTheAnswer) {
  server.script({readRequest(), sendOk("body", "X-Answer: 1\r\n")});
  const auto response = exchange({.method = "PATCH",
                                  .target = "/a?b=c%20d",
                                  .headers = {{"Content-Type", "application/merge-patch+json"}},
                                  .body = "{\"a\":1}"});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "body");
  EXPECT_EQ(header(response->headers, "x-answer"), "1");

  const auto& request = server.requests().at(0);
  EXPECT_EQ(request.method, "PATCH");
  EXPECT_EQ(request.target, "/prefix/a?b=c%20d");
  EXPECT_EQ(header(request.headers, "Host"), "127.0.0.1:" + std::to_string(server.port()));
  EXPECT_EQ(header(request.headers, "Content-Type"), "application/merge-patch+json");
  EXPECT_EQ(header(request.headers, "Content-Length"), "7");
  EXPECT_EQ(request.body, "{\"a\":1}");
}

TEST_F(HttpClientTest, LooksUpNames) {
  server.script({readRequest(), sendOk("found")});
  HttpClient named(context.get_executor(), BaseUrl{false, "localhost", server.port()}, nullptr);
  const auto response = test::run(context, named.exchange({}));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "found");
}

TEST_F(HttpClientTest, ReadsEveryKindOfBody) {
  server.script({readRequest(), send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbo"),
                 send("dy\r\n1\r\n!\r\n0\r\n\r\n"), readRequest(), send("HTTP/1.1 204 No Content\r\n\r\n"),
                 readRequest(), send("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"), readRequest(),
                 send("HTTP/1.0 200 OK\r\n\r\nuntil the end")});
  EXPECT_EQ(get()->body, "body!");
  EXPECT_EQ(get()->status, 204);
  EXPECT_EQ(exchange({.method = "HEAD"})->body, "");
  EXPECT_EQ(get()->body, "until the end");
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(client.idle(), 0U);
}

TEST_F(HttpClientTest, KeepsConnections) {
  server.script({readRequest(), sendOk("1"), readRequest(), sendOk("2", "Connection: close\r\n")});
  server.script({readRequest(), sendOk("3"), hang()});
  EXPECT_EQ(get()->body, "1");
  EXPECT_EQ(client.idle(), 1U);
  EXPECT_EQ(get()->body, "2");
  EXPECT_EQ(client.idle(), 0U) << "the server said that it closes";
  EXPECT_EQ(get()->body, "3");
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(HttpClientTest, KeepsNoMoreThanItShould) {
  constexpr int count = 10;
  int answered = 0;
  for (int i = 0; i < count; ++i) {
    server.script({readRequest(), sendOk("x"), hang()});
    boost::asio::co_spawn(
        context, client.exchange({}),
        [&](const std::exception_ptr&, const Result<Response>& response) { answered += response ? 1 : 0; });
  }
  test::runUntil(context, [&] { return answered == count; });
  EXPECT_EQ(server.connections(), count);
  EXPECT_EQ(client.idle(), 8U);
}

TEST_F(HttpClientTest, DoesNotUseAConnectionThatTheServerClosed) {
  server.script({readRequest(), sendOk("1"), send("")});
  server.script({readRequest(), sendOk("2"), hang()});
  EXPECT_EQ(get()->body, "1");
  bool closed = false;  // the loopback interface delivers the end of the connection at once
  boost::asio::post(context, [&] { closed = true; });
  test::runUntil(context, [&] { return closed; });
  EXPECT_EQ(post()->body, "2");
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST_F(HttpClientTest, SendsAgainOnAFreshConnectionWhatChangesNothing) {
  server.script({readRequest(), sendOk("1"), readRequest()});
  server.script({readRequest(), sendOk("2"), hang()});
  EXPECT_EQ(get()->body, "1");
  EXPECT_EQ(get()->body, "2");
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(HttpClientTest, SendsAgainOnlyOnce) {
  server.script({readRequest(), sendOk("1"), readRequest()});
  server.script({readRequest()});
  EXPECT_EQ(get()->body, "1");
  EXPECT_EQ(get().error().code, Errc::Timeout);
  EXPECT_EQ(server.connections(), 2);
}

TEST_F(HttpClientTest, NeverSendsAWriteTwice) {
  server.script({readRequest(), sendOk("1"), readRequest()});
  EXPECT_EQ(get()->body, "1");
  EXPECT_EQ(post().error().code, Errc::Timeout);
  EXPECT_EQ(server.requests().size(), 2U);
  EXPECT_EQ(server.connections(), 1);
}

// The exchange with each of its steps failed in turn.
struct Broken {
  std::string what;
  std::vector<test::Step> steps;
  Errc code;
  std::string message;
};

class BrokenExchange : public HttpClientTest, public testing::WithParamInterface<Broken> {};

TEST_P(BrokenExchange, IsToldForWhatItIs) {
  server.script(GetParam().steps);
  const auto response = exchange({.method = "POST", .body = "{}", .deadline = milliseconds(100)});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, GetParam().code) << response.error().message;
  EXPECT_THAT(response.error().message, HasSubstr(GetParam().message));
  EXPECT_EQ(client.idle(), 0U);
}

INSTANTIATE_TEST_SUITE_P(
    HttpClient, BrokenExchange,
    testing::Values(
        Broken{"ClosedBeforeTheAnswer", {readRequest()}, Errc::Timeout, "the server closed the connection"},
        Broken{
            "ClosedInTheHead", {readRequest(), send("HTTP/1.1 200 OK\r\nContent-")}, Errc::Timeout, "closed"},
        Broken{"ClosedInTheBody",
               {readRequest(), send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbody")},
               Errc::Timeout,
               "closed"},
        Broken{"ClosedInAChunk",
               {readRequest(), send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nbody")},
               Errc::Timeout,
               "closed"},
        Broken{"NoAnswer", {readRequest(), hang()}, Errc::Timeout, "no answer in time"},
        Broken{"NoWholeHead",
               {readRequest(), send("HTTP/1.1 200 OK\r\n"), hang()},
               Errc::Timeout,
               "no answer in time"},
        Broken{"NoWholeBody",
               {readRequest(), send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbody"), hang()},
               Errc::Timeout,
               "no answer in time"},
        Broken{
            "Garbage", {readRequest(), send("SSH-2.0-OpenSSH_9.2\r\n"), hang()}, Errc::Protocol, "not HTTP"},
        Broken{"GarbageForAChunk",
               {readRequest(), send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), hang()},
               Errc::Protocol,
               "not HTTP"},
        Broken{"EndlessHead",
               {readRequest(), send("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x')), hang()},
               Errc::Protocol,
               "not HTTP"},
        Broken{"InformationalStatus",
               {readRequest(), send("HTTP/1.1 101 Switching Protocols\r\n\r\n"), hang()},
               Errc::Protocol,
               "1xx"}),
    [](const auto& info) { return info.param.what; });

TEST_F(HttpClientTest, ABodyHasABound) {
  HttpClient small(context.get_executor(), BaseUrl{false, "127.0.0.1", server.port()}, nullptr,
                   {.largestBody = 1000});
  server.script(
      {readRequest(), sendOk(std::string(1000, 'x')), readRequest(), sendOk(std::string(1001, 'x')), hang()});
  EXPECT_EQ(test::run(context, small.exchange({}))->body.size(), 1000U);
  EXPECT_EQ(test::run(context, small.exchange({})).error().code, Errc::Protocol);
  EXPECT_EQ(small.idle(), 0U);
}

TEST_F(HttpClientTest, NobodyListens) {
  uint16_t unused = 0;
  {
    const LoopbackServer gone(context);
    unused = gone.port();
  }
  HttpClient lost(context.get_executor(), BaseUrl{false, "127.0.0.1", unused}, nullptr);
  const auto response = test::run(context, lost.exchange({.method = "POST"}));
  EXPECT_EQ(response.error().code, Errc::Unavailable);
  EXPECT_THAT(response.error().message, HasSubstr("connect to 127.0.0.1:" + std::to_string(unused)));
}

TEST_F(HttpClientTest, NobodyHasTheName) {
  const std::string name =
      std::string(64, 'x') + ".example.com";  // too long a label to be asked for on the network
  HttpClient lost(context.get_executor(), BaseUrl{false, name, 80}, nullptr);
  const auto response = test::run(context, lost.exchange({}));
  EXPECT_EQ(response.error().code, Errc::Unavailable);
  EXPECT_THAT(response.error().message, HasSubstr("look up " + name + ": "));
}

TEST_F(HttpClientTest, CancellingClosesTheConnection) {
  server.script({readRequest(), sendOk("1"), readRequest(), hang()});
  EXPECT_EQ(get()->body, "1");
  boost::asio::cancellation_signal stop;
  bool ended = false;
  boost::asio::co_spawn(context, client.exchange({}),
                        boost::asio::bind_cancellation_slot(
                            stop.slot(), [&](const std::exception_ptr& failure, const Result<Response>&) {
                              ended = true;
                              EXPECT_TRUE(failure) << "it must throw";
                            }));
  test::runUntil(context, [&] { return server.requests().size() == 2; });
  stop.emit(boost::asio::cancellation_type::terminal);
  test::runUntil(context, [&] { return ended && server.abandoned() == 1; });
  EXPECT_EQ(server.abandoned(), 1);
  EXPECT_EQ(client.idle(), 0U);
}

class StreamTest : public HttpClientTest {
 protected:
  Opened open(Request request = {}) {
    auto opened = test::run(context, client.open(std::move(request)));
    if (!opened) throw std::runtime_error(opened.error().message);
    return std::move(*opened);
  }
  Result<std::string> read(BodyStream& stream, Duration idle = seconds(10)) {
    return test::run(context, stream.read(idle));
  }
};

TEST_F(StreamTest, GivesPiecesAsTheyComeAndThenTheEnd) {
  server.script({readRequest(), send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n"),
                 send("3\r\ntwo\r\n0\r\n\r\n")});
  auto opened = open();
  EXPECT_EQ(opened.head.status, 200);
  std::string all;
  for (;;) {
    auto piece = read(*opened.stream);
    if (!piece) {
      EXPECT_EQ(piece.error().code, Errc::Unavailable);
      break;
    }
    EXPECT_FALSE(piece->empty());
    all += *piece;
  }
  EXPECT_EQ(all, "onetwo");
  EXPECT_EQ(read(*opened.stream).error().code, Errc::Unavailable) << "the end stays the end";
}

TEST_F(StreamTest, ABrokenConnectionIsAnEndAndSilenceIsTold) {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n";
  server.script({readRequest(), send(head + "9\r\ntw")});
  auto broken = open();
  EXPECT_EQ(read(*broken.stream), "one");
  EXPECT_EQ(read(*broken.stream), "tw");
  EXPECT_EQ(read(*broken.stream).error().code, Errc::Unavailable);

  server.script({readRequest(), send(head), hang()});
  auto silent = open();
  EXPECT_EQ(read(*silent.stream), "one");
  EXPECT_EQ(read(*silent.stream, milliseconds(20)).error().code, Errc::Timeout);

  server.script({readRequest(), send(head + "zz\r\n"), hang()});
  auto garbage = open();
  EXPECT_EQ(read(*garbage.stream), "one");
  EXPECT_EQ(read(*garbage.stream).error().code, Errc::Protocol);
}

TEST_F(StreamTest, ARefusalComesWithItsBody) {
  server.script({readRequest(), send("HTTP/1.1 410 Gone\r\nContent-Length: 4\r\n\r\ngone"), hang()});
  const auto opened = open();
  EXPECT_EQ(opened.stream, nullptr);
  EXPECT_EQ(opened.head.status, 410);
  EXPECT_EQ(opened.head.body, "gone");
  EXPECT_EQ(client.idle(), 1U);
}

TEST_F(StreamTest, TheDeadlineIsForTheHeadAlone) {
  server.script({readRequest(), hang()});
  const auto opened = test::run(context, client.open({.deadline = milliseconds(20)}));
  EXPECT_EQ(opened.error().code, Errc::Timeout);
}

TEST_F(StreamTest, ASlowReaderSlowsTheSenderDown) {
  constexpr size_t size = 32 << 20;  // more than the kernel's buffers hold
  server.script({readRequest(), sendOk(std::string(size, 'x'))});
  auto opened = open();
  size_t got = read(*opened.stream)->size();
  EXPECT_LE(got, 64U << 10);
  for (size_t before = SIZE_MAX; before != server.sent();) {
    before = server.sent();
    context.restart();
    context.poll();
  }
  EXPECT_LT(server.sent(), size / 2) << "what nobody reads must stay with the sender";
  while (auto piece = read(*opened.stream)) got += piece->size();
  EXPECT_EQ(got, size);
}

TEST_F(StreamTest, DestroyingItClosesItsConnection) {
  server.script({readRequest(), send("HTTP/1.1 200 OK\r\n\r\n"), hang()});
  open().stream.reset();
  test::runUntil(context, [&] { return server.abandoned() == 1; });
  EXPECT_EQ(server.abandoned(), 1);
}

}  // namespace
}  // namespace cloister::net
