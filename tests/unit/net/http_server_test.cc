#include "net/http_server.h"

#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include "loopback.h"
#include "net/http_client.h"

namespace cloister::net {
namespace {

using tcp = boost::asio::ip::tcp;

Response respond(const Request& request) {
  if (request.target == "/healthz") return {.status = 200, .body = "ok\n"};
  return {.status = 404, .headers = {{"Content-Type", "application/json"}}, .body = "{}"};
}

class HttpServerTest : public testing::Test {
 protected:
  ~HttpServerTest() override {
    bool stopped = false;
    boost::asio::co_spawn(context, tasks.stop(), [&](const std::exception_ptr&) { stopped = true; });
    test::runUntil(context, [&] { return stopped; });
  }

  HttpServer& start(HttpServer::Limits limits) {
    auto started = HttpServer::listen(context.get_executor(), "127.0.0.1:0", respond, limits).value();
    tasks.spawn("server", started->run());
    return *servers.emplace_back(std::move(started));
  }
  tcp::socket connect(const HttpServer& to) {
    tcp::socket socket(context);
    socket.connect(tcp::endpoint(boost::asio::ip::address_v4::loopback(), to.port()));
    return socket;
  }
  // What comes until the server closes.
  std::string readAll(tcp::socket& socket) {
    std::string out;
    bool ended = false;
    boost::asio::async_read(socket, boost::asio::dynamic_buffer(out),
                            [&](const boost::system::error_code&, size_t) { ended = true; });
    test::runUntil(context, [&] { return ended; });
    return out;
  }
  std::string talk(std::string_view bytes) {
    auto socket = connect(server);
    boost::asio::write(socket, boost::asio::buffer(bytes));
    return readAll(socket);
  }

  boost::asio::io_context context{1};
  TaskGroup tasks{context.get_executor()};
  std::vector<std::unique_ptr<HttpServer>> servers;
  HttpServer& server = start({});
};

TEST_F(HttpServerTest, Answers) {
  HttpClient client(context.get_executor(), BaseUrl{false, "127.0.0.1", server.port()}, nullptr);
  const auto good = test::run(context, client.exchange({.target = "/healthz"}));
  EXPECT_EQ(good->status, 200);
  EXPECT_EQ(good->body, "ok\n");
  EXPECT_EQ(header(good->headers, "Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(client.idle(), 1U) << "the connection stays";
  const auto unknown = test::run(context, client.exchange({.target = "/nope"}));
  EXPECT_EQ(unknown->status, 404);
  EXPECT_EQ(header(unknown->headers, "Content-Type"), "application/json");
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  const auto answer = talk("HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(answer.contains("Content-Length: 3\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST_F(HttpServerTest, TakesNothingButGetAndHead) {
  const auto answer =
      talk("POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 405 ")) << answer;
  EXPECT_TRUE(answer.contains("Allow: GET, HEAD\r\n")) << answer;
  EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << "a body is not taken for a request";
}

TEST_F(HttpServerTest, ClosesOnGarbageAndOnEndlessHeads) {
  EXPECT_EQ(talk("hello\r\n\r\n"), "");
  EXPECT_EQ(talk("GET / HTTP/1.1\r\nX: " + std::string(9000, 'x')), "");
}

TEST_F(HttpServerTest, DoesNotWaitForEver) {
  const auto& hasty = start({.deadline = milliseconds(20)});
  auto socket = connect(hasty);
  boost::asio::write(socket, boost::asio::buffer(std::string_view("GET / HT")));
  EXPECT_EQ(readAll(socket), "");
}

TEST_F(HttpServerTest, ClosesWhatIsTooMuch) {
  const auto& small = start({.connections = 1});
  auto first = connect(small);
  auto second = connect(small);
  EXPECT_EQ(readAll(second), "") << "closed at once";
  boost::asio::write(
      first, boost::asio::buffer(std::string_view("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n")));
  EXPECT_TRUE(readAll(first).ends_with("ok\n"));
}

TEST_F(HttpServerTest, StoppingClosesItsConnections) {
  auto idle = connect(server);
  boost::asio::write(idle, boost::asio::buffer(std::string_view("HEAD /healthz HTTP/1.1\r\n\r\n")));
  std::string head;
  bool answered = false;
  boost::asio::async_read_until(idle, boost::asio::dynamic_buffer(head), "\r\n\r\n",
                                [&](const boost::system::error_code&, size_t) { answered = true; });
  test::runUntil(context, [&] { return answered; });
  bool stopped = false;
  boost::asio::co_spawn(context, tasks.stop(), [&](const std::exception_ptr&) { stopped = true; });
  EXPECT_EQ(readAll(idle), "");
  test::runUntil(context, [&] { return stopped; });
  EXPECT_EQ(tasks.size(), 0U);
}

Task<void> stopOnWord(boost::asio::local::stream_protocol::socket* word, TaskGroup* tasks) {
  std::array<char, 1> byte{};
  co_await word->async_read_some(boost::asio::buffer(byte), boost::asio::use_awaitable);
  co_await tasks->stop();
}

// A signal that comes along with connections falls between one that was accepted and the next, which is
// accepted without waiting.
TEST_F(HttpServerTest, StopsWhileConnectionsWait) {
  boost::asio::local::stream_protocol::socket word(context);
  boost::asio::local::stream_protocol::socket sender(context);
  boost::asio::local::connect_pair(word, sender);
  bool stopped = false;
  boost::asio::co_spawn(context, stopOnWord(&word, &tasks),
                        [&](const std::exception_ptr&) { stopped = true; });
  context.poll();
  const tcp::socket waiting[] = {connect(server), connect(server), connect(server)};
  sender.send(boost::asio::buffer("x", 1));
  context.run_for(seconds(10));
  EXPECT_TRUE(stopped);
}

TEST_F(HttpServerTest, SaysWhyItCannotListen) {
  const auto listen = [&](std::string_view address) {
    return HttpServer::listen(context.get_executor(), address, respond).error();
  };
  EXPECT_EQ(listen("localhost:80").code, Errc::InvalidInput);
  EXPECT_EQ(listen("127.0.0.1").code, Errc::InvalidInput);
  EXPECT_EQ(listen("127.0.0.1:65536").code, Errc::InvalidInput);
  EXPECT_EQ(listen(":8080").code, Errc::InvalidInput);
  EXPECT_EQ(listen("127.0.0.1:").message, "\"127.0.0.1:\" is not an address and a port such as 0.0.0.0:8080");
  const auto taken = listen("127.0.0.1:" + std::to_string(server.port()));
  EXPECT_EQ(taken.code, Errc::Unavailable);
  EXPECT_TRUE(taken.message.starts_with("cannot listen on 127.0.0.1:")) << taken.message;
}

}  // namespace
}  // namespace cloister::net
