#include "net/connection.h"

#include <netinet/tcp.h>
#include <optional>

#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <openssl/x509v3.h>

#include "net/resolve.h"

namespace cloister::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;
using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

constexpr auto asTuple = asio::as_tuple(asio::use_awaitable);
constexpr size_t pieceSize = 64 << 10;
constexpr uint32_t largestHead = 64 << 10;
constexpr Duration addressTimeout = seconds(5);

Instant now() {
  return std::chrono::floor<Duration>(std::chrono::steady_clock::now());
}

// ERROR as a failure. A cancellation is none: it unwinds the coroutine, and the connection with it.
Failure failure(Stage stage, const ErrorCode& error, std::string_view doing) {
  if (error == asio::error::operation_aborted) throw boost::system::system_error(error);
  const bool cut = error == http::error::end_of_stream || error == http::error::partial_message;
  auto cause = Failure::Cause::Broken;
  std::string message = error.message();
  if (error == beast::error::timeout) {
    cause = Failure::Cause::TimedOut;
    message = "no answer in time";
  } else if (cut || error == asio::ssl::error::stream_truncated || error == asio::error::eof) {
    message = "the server closed the connection";
  } else if (error.category() == http::make_error_code(http::error::bad_line_ending).category()) {
    cause = Failure::Cause::Malformed;
    message = "not HTTP: " + message;
  }
  return {stage, cause, std::string(doing) + ": " + message};
}

template <class Stream>
class StreamConnection final : public Connection {
 public:
  StreamConnection(Stream stream, std::string peer)
      : stream_(std::move(stream)), buffer_(pieceSize + largestHead), peer_(std::move(peer)) {}

  Task<Attempt<Response>> start(Request request, Instant deadline) override;
  Task<Attempt<std::string>> readSome(Instant deadline) override;
  bool reusable() const override {
    return parser_ && parser_->is_done() && parser_->keep_alive() && buffer_.size() == 0;
  }
  bool silent() override;

 private:
  tcp::socket& socket() { return beast::get_lowest_layer(stream_).socket(); }
  void setDeadline(Instant deadline) { beast::get_lowest_layer(stream_).expires_at(deadline); }
  Task<ErrorCode> receive();
  Stage stageOfHeadFailure(const ErrorCode& error) const;
  Response head() const;

  Stream stream_;
  beast::flat_buffer buffer_;
  std::unique_ptr<char[]> piece_;  // that was read last
  std::string peer_;               // for messages
  std::optional<http::response_parser<http::buffer_body>> parser_;
  bool proven_ = false;  // the server has answered on this connection
};

http::request<http::string_body> message(Request request) {
  http::request<http::string_body> out;
  out.method_string(request.method);
  out.target(request.target);
  out.version(11);
  for (const auto& [name, value] : request.headers) out.insert(name, value);
  out.body() = std::move(request.body);
  out.prepare_payload();
  return out;
}

template <class Stream>
Task<Attempt<Response>> StreamConnection<Stream>::start(Request request, Instant deadline) {
  const std::string doing = request.method + " " + peer_ + request.target;
  const bool headOnly = request.method == "HEAD";
  const auto outgoing = message(std::move(request));
  setDeadline(deadline);
  auto [sendError, sent] = co_await http::async_write(stream_, outgoing, asTuple);
  if (sendError) co_return std::unexpected(failure(Stage::Send, sendError, doing));

  parser_.emplace();
  parser_->header_limit(largestHead);
  parser_->body_limit(boost::none);
  parser_->skip(headOnly);
  auto [readError, read] = co_await http::async_read_header(stream_, buffer_, *parser_, asTuple);
  if (readError) co_return std::unexpected(failure(stageOfHeadFailure(readError), readError, doing));
  proven_ = true;
  if (parser_->get().result_int() < 200) {
    co_return std::unexpected(
        Failure{Stage::Answer, Failure::Cause::Malformed, doing + ": unexpected status 1xx"});
  }
  co_return head();
}

// With TLS 1.3 a server refuses our certificate only after our side of the handshake is done, in place of its
// first answer: no request was read then.
template <class Stream>
Stage StreamConnection<Stream>::stageOfHeadFailure(const ErrorCode& error) const {
  if (!proven_ && error.category() == asio::error::get_ssl_category()) return Stage::Connect;
  return parser_->got_some() ? Stage::Answer : Stage::Wait;
}

template <class Stream>
Response StreamConnection<Stream>::head() const {
  const auto& answer = parser_->get();
  Response out{.status = int(answer.result_int())};
  for (const auto& field : answer) out.headers.emplace_back(field.name_string(), field.value());
  return out;
}

// What has come already is handed out at once: Beast's own read would go round the event loop for it.
template <class Stream>
Task<Attempt<std::string>> StreamConnection<Stream>::readSome(Instant deadline) {
  setDeadline(deadline);
  // Most pieces are small: one allocated for the largest and cleared, each time, costs more than this copy.
  if (!piece_) piece_ = std::make_unique_for_overwrite<char[]>(pieceSize);
  while (!parser_->is_done()) {
    auto& body = parser_->get().body();
    body.data = piece_.get();
    body.size = pieceSize;
    ErrorCode error = http::error::need_more;
    if (buffer_.size() > 0) buffer_.consume(parser_->put(buffer_.data(), error));
    if (error == http::error::need_more) error = co_await receive();
    if (error && error != http::error::need_buffer)
      co_return std::unexpected(failure(Stage::Answer, error, "read from " + peer_));
    if (body.size < pieceSize) co_return std::string(piece_.get(), pieceSize - body.size);
  }
  co_return std::string();
}

// The next bytes into the buffer. The end of the connection may be the end of the answer.
template <class Stream>
Task<ErrorCode> StreamConnection<Stream>::receive() {
  const size_t room = std::min(pieceSize, buffer_.max_size() - buffer_.size());
  if (room == 0) co_return http::error::buffer_overflow;
  auto [error, read] = co_await stream_.async_read_some(buffer_.prepare(room), asTuple);
  buffer_.commit(read);
  if (error != asio::error::eof) co_return error;
  ErrorCode end;
  parser_->put_eof(end);
  co_return end;
}

template <class Stream>
bool StreamConnection<Stream>::silent() {
  char byte = 0;
  const auto got = ::recv(socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

// A peer that vanished without a word is noticed after half a minute, and not when a watch's idle time is
// over. The connection works without these options, so their failures do not matter.
void setOptions(tcp::socket& socket) {
  const auto set = [&socket](int level, int option, int value) {
    (void)::setsockopt(socket.native_handle(), level, option, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 15);  // seconds
  set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 30'000);  // milliseconds
}

Task<Attempt<PlainStream>> connectTcp(asio::any_io_executor executor, Endpoints endpoints, std::string peer,
                                      Instant deadline) {
  Failure last{Stage::Connect, Failure::Cause::Broken, "connect to " + peer + ": the name has no address"};
  for (const auto& endpoint : endpoints) {
    PlainStream stream(executor);
    stream.expires_at(std::min(deadline, now() + addressTimeout));
    auto [error] = co_await stream.async_connect(endpoint, asTuple);
    if (!error) {
      setOptions(stream.socket());
      co_return stream;
    }
    last = failure(Stage::Connect, error, "connect to " + peer);
  }
  co_return std::unexpected(std::move(last));
}

// NAME is what the certificate must say, as a DNS name or as an address.
void expectName(TlsStream& stream, const std::string& name, bool verify) {
  SSL* const ssl = stream.native_handle();
  ErrorCode notAnAddress;
  (void)asio::ip::make_address(name, notAnAddress);
  if (notAnAddress) SSL_set_tlsext_host_name(ssl, name.c_str());
  if (!verify) return;
  X509_VERIFY_PARAM* const expected = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  const int set = notAnAddress ? X509_VERIFY_PARAM_set1_host(expected, name.c_str(), name.size())
                               : X509_VERIFY_PARAM_set1_ip_asc(expected, name.c_str());
  if (set != 1) throw std::bad_alloc();
}

Failure handshakeFailure(TlsStream& stream, const ErrorCode& error, const std::string& peer,
                         const std::string& name) {
  Failure out = failure(Stage::Connect, error, "TLS with " + peer);
  const long verified = SSL_get_verify_result(stream.native_handle());
  if (verified == X509_V_OK || out.cause == Failure::Cause::TimedOut) return out;
  out.message = "TLS with " + peer + ": the certificate for " + name +
                " is not accepted: " + X509_verify_cert_error_string(verified);
  return out;
}

Task<Attempt<TlsStream>> connectTls(PlainStream plain, std::shared_ptr<const Tls> tls, std::string name,
                                    std::string peer, Instant deadline) {
  TlsStream stream(std::move(plain), *tls->context);
  expectName(stream, name, tls->verify);
  beast::get_lowest_layer(stream).expires_at(deadline);
  auto [error] = co_await stream.async_handshake(asio::ssl::stream_base::client, asTuple);
  if (error) co_return std::unexpected(handshakeFailure(stream, error, peer, name));
  co_return std::move(stream);
}

}  // namespace

Task<Attempt<std::unique_ptr<Connection>>> connect(asio::any_io_executor executor, BaseUrl url,
                                                   std::shared_ptr<const Tls> tls, Instant deadline) {
  const std::string peer = authority(url);
  auto endpoints = co_await resolve(executor, url.host, url.port, deadline);
  if (!endpoints) co_return std::unexpected(endpoints.error());
  auto plain = co_await connectTcp(executor, std::move(*endpoints), peer, deadline);
  if (!plain) co_return std::unexpected(plain.error());
  if (!tls) co_return std::make_unique<StreamConnection<PlainStream>>(std::move(*plain), peer);

  const std::string name = tls->serverName.empty() ? url.host : tls->serverName;
  auto encrypted = co_await connectTls(std::move(*plain), tls, name, peer, deadline);
  if (!encrypted) co_return std::unexpected(encrypted.error());
  co_return std::make_unique<StreamConnection<TlsStream>>(std::move(*encrypted), peer);
}

}  // namespace cloister::net
