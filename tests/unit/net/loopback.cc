#include "loopback.h"

#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

namespace cloister::test {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace ssl = asio::ssl;
using tcp = asio::ip::tcp;

constexpr auto asTuple = asio::as_tuple(asio::use_awaitable);

net::Request toRequest(const http::request<http::string_body>& message) {
  net::Request out{.method = message.method_string(), .target = message.target()};
  for (const auto& field : message) out.headers.emplace_back(field.name_string(), field.value());
  out.body = message.body();
  return out;
}

std::string commonName(SSL* handle) {
  X509* certificate = SSL_get1_peer_certificate(handle);
  if (certificate == nullptr) return {};
  std::array<char, 256> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name.data(),
                            int(name.size()));
  X509_free(certificate);
  return name.data();
}

void configure(ssl::context& context, const LoopbackServer::Tls& tls) {
  context.use_certificate_chain(asio::buffer(tls.identity.certificatePem));
  context.use_private_key(asio::buffer(tls.identity.keyPem), ssl::context::pem);
  if (tls.clientCa.empty()) return;
  context.add_certificate_authority(asio::buffer(tls.clientCa));
  context.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
}

}  // namespace

Step sendOk(std::string_view body, std::string_view headers) {
  return send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
              std::string(headers) + "\r\n" + std::string(body));
}

LoopbackServer::LoopbackServer(asio::io_context& context, std::optional<Tls> tls)
    : context_(context),
      acceptor_(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
      tasks_(context.get_executor()) {
  if (tls) configure(tls_.emplace(ssl::context::tls_server), *tls);
  tasks_.spawn("accept", acceptAll());
}

LoopbackServer::~LoopbackServer() {
  bool stopped = false;
  asio::co_spawn(context_, tasks_.stop(), [&](const std::exception_ptr&) { stopped = true; });
  runUntil(context_, [&] { return stopped; });
}

Task<void> LoopbackServer::acceptAll() {
  for (;;) {
    auto socket = co_await acceptor_.async_accept(asio::use_awaitable);
    ++connections_;
    tasks_.spawn("serve", serve(std::move(socket)));
  }
}

Task<void> LoopbackServer::serve(tcp::socket socket) {
  std::vector<Step> steps;
  if (!scripts_.empty()) {
    steps = std::move(scripts_.front());
    scripts_.pop_front();
  }
  if (tls_) {
    co_await serveTls(std::move(socket), std::move(steps));
  } else {
    co_await play(&socket, std::move(steps));
  }
}

Task<void> LoopbackServer::serveTls(tcp::socket socket, std::vector<Step> steps) {
  ssl::stream<tcp::socket> stream(std::move(socket), *tls_);
  auto [error] = co_await stream.async_handshake(ssl::stream_base::server, asTuple);
  if (error) co_return;
  client_ = commonName(stream.native_handle());
  co_await play(&stream, std::move(steps));
}

template <class Stream>
Task<void> LoopbackServer::play(Stream* stream, std::vector<Step> steps) {
  boost::beast::flat_buffer buffer;
  for (const auto& step : steps) {
    if (step.what == Step::Do::Read) {
      http::request<http::string_body> request;
      auto [error, size] = co_await http::async_read(*stream, buffer, request, asTuple);
      if (error) co_return;
      requests_.push_back(toRequest(request));
    } else if (step.what == Step::Do::Send) {
      for (size_t done = 0; done < step.bytes.size();) {
        auto [error, size] = co_await stream->async_write_some(asio::buffer(step.bytes) + done, asTuple);
        if (error) co_return;
        done += size;
        sent_ += size;
      }
    } else {
      std::array<char, 256> ignored{};
      auto [error, size] = co_await stream->async_read_some(asio::buffer(ignored), asTuple);
      if (error) ++abandoned_;
    }
  }
}

void runUntil(asio::io_context& context, const std::function<bool()>& reached) {
  context.restart();
  while (!reached() && context.run_one() > 0) {
  }
}

}  // namespace cloister::test
