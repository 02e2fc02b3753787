#include "kube/connect.h"

#include "base/log.h"
#include "base/version.h"
#include "kube/credentials.h"
#include "net/http_client.h"

namespace cloister::kube {
namespace {

#if defined(__aarch64__)
constexpr std::string_view architecture = "arm64";
#else
constexpr std::string_view architecture = "amd64";
#endif

std::string defaultUserAgent() {
  return "cloister-operator/" + std::string(version()) + " (linux/" + std::string(architecture) + ")";
}

class ApiTransport final : public net::Transport {
 public:
  // CREDENTIALS have been read; TLS was made from them, null for http.
  ApiTransport(boost::asio::any_io_executor executor, Credentials credentials, net::BaseUrl server,
               std::string userAgent, std::shared_ptr<const net::Tls> tls)
      : credentials_(std::move(credentials)),
        tls_(credentials_.tls()),
        overTls_(server.tls),
        userAgent_(std::move(userAgent)),
        client_(std::move(executor), std::move(server), std::move(tls)) {}

  Task<Result<net::Response>> exchange(net::Request request) override {
    auto prepared = co_await prepare(request);
    if (!prepared) co_return fail(prepared.error());
    const std::string token = credentials_.token();
    auto response = co_await client_.exchange(std::move(*prepared));
    if (!response || response->status != 401 || !credentials_.reject(token)) co_return response;
    prepared = co_await prepare(std::move(request));
    if (!prepared) co_return fail(prepared.error());
    co_return co_await client_.exchange(std::move(*prepared));
  }

  Task<Result<net::Opened>> open(net::Request request) override {
    auto prepared = co_await prepare(request);
    if (!prepared) co_return fail(prepared.error());
    const std::string token = credentials_.token();
    auto opened = co_await client_.open(std::move(*prepared));
    if (!opened || opened->head.status != 401 || !credentials_.reject(token)) co_return opened;
    prepared = co_await prepare(std::move(request));
    if (!prepared) co_return fail(prepared.error());
    co_return co_await client_.open(std::move(*prepared));
  }

 private:
  Task<Result<net::Request>> prepare(net::Request request) {
    if (auto done = co_await credentials_.refresh(); !done) co_return fail(done.error());
    followTls();
    request.headers.emplace_back("User-Agent", userAgent_);
    if (const auto& token = credentials_.token(); !token.empty()) {
      request.headers.emplace_back("Authorization", "Bearer " + token);
    }
    co_return request;
  }

  // Certificate and key are two files, so one may be new and the other old for a moment: the next look sees
  // both.
  void followTls() {
    net::TlsOptions wanted = credentials_.tls();
    if (!overTls_ || wanted == tls_) return;
    tls_ = std::move(wanted);
    if (auto made = net::makeTls(tls_)) {
      client_.useTls(std::move(*made));
    } else {
      log::warn("rotated certificates are of no use", {{"error", made.error().message}});
    }
  }

  Credentials credentials_;
  net::TlsOptions tls_;  // what client_ was told, or refused
  bool overTls_;
  std::string userAgent_;
  net::HttpClient client_;
};

}  // namespace

Result<std::unique_ptr<net::Transport>> connect(boost::asio::any_io_executor executor, Clock& clock,
                                                ClientConfig config) {
  net::BaseUrl server = config.server;
  std::string userAgent = config.userAgent.empty() ? defaultUserAgent() : config.userAgent;
  Credentials credentials(executor, clock, std::move(config));
  if (auto read = credentials.readFiles(); !read) return fail(read.error());
  std::shared_ptr<const net::Tls> tls;
  if (server.tls) {
    auto made = net::makeTls(credentials.tls());
    if (!made) return fail(made.error());
    tls = std::move(*made);
  }
  return std::make_unique<ApiTransport>(std::move(executor), std::move(credentials), std::move(server),
                                        std::move(userAgent), std::move(tls));
}

}  // namespace cloister::kube
