// The Transport to one server: HTTP/1.1 over pooled keep-alive connections. Any number of coroutines of one
// thread may use it.
#pragma once

#include "net/connection.h"
#include "net/idle_pool.h"

namespace cloister::net {

class HttpClient final : public Transport {
 public:
  struct Options {
    size_t idleConnections = 8;
    Duration idleFor =
        seconds(60);  // servers and load balancers drop idle connections, most after 60 s or more
    size_t largestBody = 64ULL << 20;  // bytes, of an exchange; a larger one is Errc::Protocol
  };

  // TLS is null for http URLs and must not be for https.
  HttpClient(boost::asio::any_io_executor executor, BaseUrl url, std::shared_ptr<const Tls> tls,
             Options options);
  HttpClient(boost::asio::any_io_executor executor, BaseUrl url, std::shared_ptr<const Tls> tls)
      : HttpClient(std::move(executor), std::move(url), std::move(tls), Options{}) {}

  // A request on a kept connection that turns out to be closed is sent again on a fresh one where that is
  // safe (mayRetry).
  Task<Result<Response>> exchange(Request request) override;
  Task<Result<Opened>> open(Request request) override;

  // For exchanges begun from now on: a rotated certificate takes effect without disturbing those under way.
  void useTls(std::shared_ptr<const Tls> tls);
  size_t idle() const { return idle_.size(); }

 private:
  struct Begun {
    std::unique_ptr<Connection> connection;
    Response head;
    std::shared_ptr<const Tls> tls;
  };

  Task<Attempt<Begun>> begin(Request request, Instant deadline);
  Task<Attempt<Response>> finish(Begun begun, Instant deadline);
  std::unique_ptr<Connection> takeIdle();

  boost::asio::any_io_executor executor_;
  BaseUrl url_;
  std::shared_ptr<const Tls> tls_;
  Options options_;
  IdlePool<std::unique_ptr<Connection>> idle_;
};

}  // namespace cloister::net
