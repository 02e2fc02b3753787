#include "kube/credentials.h"

#include <algorithm>

#include "base/log.h"
#include "kube/file.h"

namespace cloister::kube {
namespace {

constexpr Duration rereadAfter = seconds(60);

Result<std::string> read(const Source& source) {
  if (source.file.empty()) return source.data;
  auto content = readFile(source.file);
  // An empty authority would mean the system's, an empty token nobody: never what a file that is there means.
  if (content && content->empty()) return fail(Errc::InvalidInput, source.file + ": it is empty");
  return content;
}

Result<std::string> readToken(const Source& source) {
  auto token = read(source);
  if (!token) return token;
  while (!token->empty() && std::isspace(static_cast<unsigned char>(token->back())) != 0) token->pop_back();
  const auto isControl = [](unsigned char c) { return c <= 0x20 || c == 0x7f; };
  if (std::ranges::none_of(*token, isControl)) return token;
  return fail(Errc::InvalidInput, (source.file.empty() ? "kubeconfig" : source.file) +
                                      ": the token holds spaces or control characters");
}

}  // namespace

// The program is running while this lives. Those who wait are woken at the end, however it comes.
class Credentials::Running {
 public:
  explicit Running(Credentials& owner) : owner_(owner) { owner_.running_ = true; }
  ~Running() {
    owner_.running_ = false;
    for (Timer* timer : owner_.waiting_) timer->wake();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  Credentials& owner_;
};

Credentials::Credentials(boost::asio::any_io_executor executor, Clock& clock, ClientConfig config)
    : executor_(std::move(executor)), clock_(clock), config_(std::move(config)) {}

Result<void> Credentials::readFiles() {
  readAgain_ = clock_.instant() + rereadAfter;
  auto ca = read(config_.ca);
  auto certificate = read(config_.certificate);
  auto key = read(config_.key);
  auto token = readToken(config_.token);
  for (const auto* part : {&ca, &certificate, &key, &token}) {
    if (!*part) return fail(part->error());
  }
  ca_ = std::move(*ca);
  files_ = {.token = std::move(*token), .certificatePem = std::move(*certificate), .keyPem = std::move(*key)};
  return {};
}

Task<Result<void>> Credentials::refresh() {
  if (clock_.instant() >= readAgain_) {
    if (auto done = readFiles(); !done)
      log::warn("credentials not read again", {{"error", done.error().message}});
  }
  if (!config_.exec) co_return Result<void>();
  co_return co_await refreshExec();
}

bool Credentials::reject(const std::string& token) {
  if (token != this->token()) return true;
  readAgain_ = clock_.instant();
  printed_.reset();
  return config_.exec || !config_.token.file.empty();
}

net::TlsOptions Credentials::tls() const {
  const bool printed = printed_ && !printed_->certificatePem.empty();
  return {.caPem = ca_,
          .certificatePem = printed ? printed_->certificatePem : files_.certificatePem,
          .keyPem = printed ? printed_->keyPem : files_.keyPem,
          .serverName = config_.tlsServerName,
          .verify = config_.verify};
}

Task<Result<void>> Credentials::refreshExec() {
  while (running_) co_await waitForOther();
  if (isFresh()) co_return Result<void>();
  const Running running(*this);
  auto identity = co_await runExec(executor_, config_, ca_);
  if (!identity) co_return fail(Errc::Unavailable, identity.error().message);
  printed_ = std::move(*identity);
  co_return Result<void>();
}

bool Credentials::isFresh() const {
  return printed_ && (!printed_->expires || clock_.now() < *printed_->expires);
}

Task<void> Credentials::waitForOther() {
  const auto timer = clock_.timer();
  const auto place = waiting_.insert(waiting_.end(), timer.get());
  const std::unique_ptr<Timer, std::function<void(Timer*)>> leave(timer.get(),
                                                                  [&](Timer*) { waiting_.erase(place); });
  co_await timer->waitUntil(Instant::max());
}

}  // namespace cloister::kube
