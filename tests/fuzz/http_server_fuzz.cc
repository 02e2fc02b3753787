// What anybody in the cluster may send to the operator's port. The input is a byte that says how small the
// pieces are, and then the bytes of a connection.
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "base/log.h"
#include "fuzz.h"
#include "net/http_server.h"

using namespace cloister;
using fuzz::require;

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;

// A server, and one connection to it.
class Conversation {
 public:
  Conversation() {
    tasks_.spawn("server", server_->run());
    // Nothing here may block: libFuzzer's own signals would interrupt it.
    bool connected = false;
    socket_.async_connect(tcp::endpoint(asio::ip::address_v4::loopback(), server_->port()),
                          [&](const boost::system::error_code& error) {
                            require(!error, "the server can be reached: " + error.message());
                            connected = true;
                          });
    while (!connected) context_.run_one();
    socket_.set_option(tcp::no_delay(true));
    socket_.non_blocking(true);
  }
  ~Conversation() {
    bool stopped = false;
    asio::co_spawn(context_, tasks_.stop(), [&](const std::exception_ptr&) { stopped = true; });
    while (!stopped) context_.run_one();
  }

  // All that is answered to PIECES, one after the other.
  std::string tell(const std::vector<std::string_view>& pieces) {
    boost::system::error_code refused;
    for (const auto piece : pieces) {
      socket_.send(asio::buffer(piece), 0, refused);
      context_.poll();
      listen();
    }
    socket_.shutdown(tcp::socket::shutdown_send, refused);
    while (listen()) context_.run_one();
    return std::move(answers_);
  }
  size_t handled() const { return handled_; }

 private:
  // False when the server has closed the connection.
  bool listen() {
    std::array<char, 4096> bytes{};
    boost::system::error_code error;
    while (const size_t size = socket_.receive(asio::buffer(bytes), 0, error))
      answers_.append(bytes.data(), size);
    return error == asio::error::would_block;
  }
  net::Response handle(const net::Request& request) {
    require(request.method == "GET" || request.method == "HEAD", request.method + " is not handled");
    ++handled_;
    return {.status = 200, .body = "well\n"};
  }

  asio::io_context context_{1};
  TaskGroup tasks_{context_.get_executor()};
  std::unique_ptr<net::HttpServer> server_ =
      net::HttpServer::listen(context_.get_executor(), "127.0.0.1:0", [this](const net::Request& request) {
        return handle(request);
      }).value();
  tcp::socket socket_{context_};
  std::string answers_;
  size_t handled_ = 0;
};

// How many requests BYTES hold that are to be handled. None behind one that carries a body: what a body holds
// is no request, whatever it looks like.
size_t handledOf(std::string_view bytes) {
  size_t handled = 0;
  for (bool next = true; next;) {
    http::request_parser<http::empty_body> parser;
    boost::system::error_code error;
    bytes.remove_prefix(parser.put(asio::buffer(bytes), error));
    if (error || !parser.is_header_done()) break;
    const auto& request = parser.get();
    if (request.method() == http::verb::get || request.method() == http::verb::head) ++handled;
    next = request.keep_alive() && !parser.chunked() && parser.content_length().value_or(0) == 0;
  }
  return handled;
}

size_t count(std::string_view text, std::string_view part) {
  size_t found = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string_view::npos; at += part.size()) ++found;
  return found;
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  log::setLevel("error");
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto bytes = fuzz::textOf(data + 1, size - 1);
  Conversation whole;
  const std::string answers = whole.tell({bytes});
  require(count(answers, "HTTP/1.1 200 OK\r\n") + count(answers, "HTTP/1.0 200 OK\r\n") == whole.handled(),
          "every request handled is answered once: " + answers);
  require(whole.handled() == handledOf(bytes), std::to_string(whole.handled()) + " requests were handled");
  Conversation cut;
  const std::string again = cut.tell(fuzz::pieces(bytes, size_t(data[0]) + 1));
  require(again == answers, "it depends on the pieces: " + answers + "|" + again);
  return 0;
}
