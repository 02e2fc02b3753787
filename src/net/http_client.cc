#include "net/http_client.h"

#include <cassert>

namespace cloister::net {
namespace {

Instant now() {
  return std::chrono::floor<Duration>(std::chrono::steady_clock::now());
}

bool succeeded(int status) {
  return status >= 200 && status < 300;
}

class Stream final : public BodyStream {
 public:
  explicit Stream(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}

  Task<Result<std::string>> read(Duration idle) override {
    if (!connection_) co_return fail(Errc::Unavailable, "the answer has ended");
    auto piece = co_await connection_->readSome(now() + idle);
    if (piece && !piece->empty()) co_return std::move(*piece);
    connection_.reset();
    if (piece) co_return fail(Errc::Unavailable, "the answer has ended");
    // No more than what came was promised: a break is an end, and not a question of what may have happened.
    Error error = toError(piece.error());
    if (piece.error().cause == Failure::Cause::Broken) error.code = Errc::Unavailable;
    co_return fail(std::move(error));
  }

 private:
  std::unique_ptr<Connection> connection_;
};

}  // namespace

HttpClient::HttpClient(boost::asio::any_io_executor executor, BaseUrl url, std::shared_ptr<const Tls> tls,
                       Options options)
    : executor_(std::move(executor)),
      url_(std::move(url)),
      tls_(std::move(tls)),
      options_(options),
      idle_(options.idleConnections, options.idleFor) {
  assert(url_.tls == (tls_ != nullptr));
}

Task<Result<Response>> HttpClient::exchange(Request request) {
  const Instant deadline = now() + request.deadline;
  auto begun = co_await begin(std::move(request), deadline);
  if (!begun) co_return fail(toError(begun.error()));
  auto response = co_await finish(std::move(*begun), deadline);
  if (!response) co_return fail(toError(response.error()));
  co_return std::move(*response);
}

Task<Result<Opened>> HttpClient::open(Request request) {
  const Instant deadline = now() + request.deadline;
  auto begun = co_await begin(std::move(request), deadline);
  if (!begun) co_return fail(toError(begun.error()));
  if (succeeded(begun->head.status)) {
    co_return Opened{std::move(begun->head), std::make_unique<Stream>(std::move(begun->connection))};
  }
  auto response = co_await finish(std::move(*begun), deadline);
  if (!response) co_return fail(toError(response.error()));
  co_return Opened{std::move(*response), nullptr};
}

void HttpClient::useTls(std::shared_ptr<const Tls> tls) {
  assert(url_.tls == (tls != nullptr));
  tls_ = std::move(tls);
  idle_.clear();
}

// Sends REQUEST and reads the answer's head; on a kept connection first, if there is one.
Task<Attempt<HttpClient::Begun>> HttpClient::begin(Request request, Instant deadline) {
  request.target = url_.prefix + request.target;
  request.headers.emplace_back("Host", authority(url_));
  const auto tls = tls_;
  if (auto kept = takeIdle()) {
    auto head = co_await kept->start(request, deadline);
    if (head) co_return Begun{std::move(kept), std::move(*head), tls};
    if (!mayRetry(request.method, head.error())) co_return std::unexpected(head.error());
  }
  auto fresh = co_await connect(executor_, url_, tls, deadline);
  if (!fresh) co_return std::unexpected(fresh.error());
  auto head = co_await (*fresh)->start(std::move(request), deadline);
  if (!head) co_return std::unexpected(head.error());
  co_return Begun{std::move(*fresh), std::move(*head), tls};
}

// Reads the rest of the answer and keeps the connection if it can serve again.
Task<Attempt<Response>> HttpClient::finish(Begun begun, Instant deadline) {
  for (;;) {
    auto piece = co_await begun.connection->readSome(deadline);
    if (!piece) co_return std::unexpected(piece.error());
    if (piece->empty()) break;
    if (begun.head.body.size() + piece->size() > options_.largestBody) {
      co_return std::unexpected(
          Failure{Stage::Answer, Failure::Cause::Malformed,
                  "the answer is longer than " + std::to_string(options_.largestBody) + " bytes"});
    }
    begun.head.body += *piece;
  }
  if (begun.connection->reusable() && begun.tls == tls_) idle_.put(std::move(begun.connection), now());
  co_return std::move(begun.head);
}

std::unique_ptr<Connection> HttpClient::takeIdle() {
  while (auto connection = idle_.take(now())) {
    if ((*connection)->silent()) return std::move(*connection);
  }
  return nullptr;
}

}  // namespace cloister::net
