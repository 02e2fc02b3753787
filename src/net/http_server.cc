#include "net/http_server.h"

#include <charconv>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/system/system_error.hpp>

#include "base/log.h"
#include "net/accept.h"

namespace cloister::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;
using Outgoing = http::response<http::string_body>;

constexpr auto asTuple = asio::as_tuple(asio::use_awaitable);
constexpr uint32_t largestHead = 8 << 10;

std::optional<tcp::endpoint> parseEndpoint(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string host(text.substr(0, colon));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const std::string_view digits = text.substr(colon + 1);
  uint16_t port = 0;
  const auto [end, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  ErrorCode error;
  const auto address = asio::ip::make_address(host, error);
  if (error || bad != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return tcp::endpoint(address, port);
}

Result<tcp::acceptor> bindTo(const asio::any_io_executor& executor, const tcp::endpoint& endpoint,
                             std::string_view address) {
  tcp::acceptor acceptor(executor);
  ErrorCode error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error)
    return fail(Errc::Unavailable, "cannot listen on " + std::string(address) + ": " + error.message());
  return acceptor;
}

// A cancellation unwinds the coroutine; any other error ends its connection alone.
bool failed(const ErrorCode& error) {
  if (error == asio::error::operation_aborted) throw boost::system::system_error(error);
  return bool(error);
}

Response answer(const HttpServer::Handler& handler, const http::request<http::empty_body>& request) {
  if (request.method() != http::verb::get && request.method() != http::verb::head) {
    return {.status = 405, .headers = {{"Allow", "GET, HEAD"}}, .body = "only GET and HEAD\n"};
  }
  Request given{.method = request.method_string(), .target = request.target()};
  for (const auto& field : request) given.headers.emplace_back(field.name_string(), field.value());
  return handler(given);
}

Outgoing message(Response response, bool headOnly, bool keepAlive) {
  Outgoing out;
  out.result(unsigned(response.status));
  for (const auto& [name, value] : response.headers) out.set(name, value);
  if (out.find(http::field::content_type) == out.end())
    out.set(http::field::content_type, "text/plain; charset=utf-8");
  out.keep_alive(keepAlive);
  out.content_length(response.body.size());
  if (!headOnly) out.body() = std::move(response.body);
  return out;
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::listen(asio::any_io_executor executor,
                                                       std::string_view address, Handler handler,
                                                       Limits limits) {
  const auto endpoint = parseEndpoint(address);
  if (!endpoint) {
    return fail(Errc::InvalidInput,
                "\"" + std::string(address) + "\" is not an address and a port such as 0.0.0.0:8080");
  }
  auto acceptor = bindTo(executor, *endpoint, address);
  if (!acceptor) return fail(acceptor.error());
  return std::unique_ptr<HttpServer>(
      new HttpServer(std::move(executor), std::move(*acceptor), std::move(handler), limits));
}

HttpServer::HttpServer(asio::any_io_executor executor, tcp::acceptor acceptor, Handler handler, Limits limits)
    : acceptor_(std::move(acceptor)),
      handler_(std::move(handler)),
      limits_(limits),
      connections_(std::move(executor)) {}

uint16_t HttpServer::port() const {
  return acceptor_.local_endpoint().port();
}

Task<void> HttpServer::run() {
  return acceptAll(acceptor_, connections_, [this](tcp::socket socket) {
    if (connections_.size() < limits_.connections)
      connections_.spawn("http connection", serve(std::move(socket)));
  });
}

Task<void> HttpServer::serve(tcp::socket socket) {
  beast::tcp_stream stream(std::move(socket));
  beast::flat_buffer buffer(largestHead);
  for (bool keepAlive = true; keepAlive;) {
    stream.expires_after(limits_.deadline);
    http::request_parser<http::empty_body> parser;
    parser.header_limit(largestHead);
    auto [readError, read] = co_await http::async_read_header(stream, buffer, parser, asTuple);
    if (failed(readError)) co_return;
    // A body would be in the way of the next request, and nothing here takes one.
    keepAlive = parser.get().keep_alive() && parser.is_done();
    const auto& request = parser.get();
    const auto outgoing = message(answer(handler_, request), request.method() == http::verb::head, keepAlive);
    stream.expires_after(limits_.deadline);
    auto [writeError, written] = co_await http::async_write(stream, outgoing, asTuple);
    if (failed(writeError)) co_return;
  }
}

}  // namespace cloister::net
