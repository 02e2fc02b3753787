// A small HTTP/1.1 server for what a program tells about itself: /metrics, /healthz, /readyz. GET and HEAD
// only, no TLS.
#pragma once

#include <functional>

#include <boost/asio/ip/tcp.hpp>

#include "base/task_group.h"
#include "net/http.h"

namespace cloister::net {

class HttpServer {
 public:
  // Called for GET and HEAD, whose body is left out. Must not throw.
  using Handler = std::function<Response(const Request&)>;
  struct Limits {
    size_t connections = 64;          // more are closed at once
    Duration deadline = seconds(10);  // to send a request's head (8 KiB at most), and to take the answer
  };

  // ADDRESS is an address and a port ("0.0.0.0:8080", "[::]:8080"); port 0 takes a free one. InvalidInput
  // when it is not; Unavailable when it cannot be had.
  static Result<std::unique_ptr<HttpServer>> listen(boost::asio::any_io_executor executor,
                                                    std::string_view address, Handler handler, Limits limits);
  static Result<std::unique_ptr<HttpServer>> listen(boost::asio::any_io_executor executor,
                                                    std::string_view address, Handler handler) {
    return listen(std::move(executor), address, std::move(handler), Limits{});
  }

  uint16_t port() const;
  // Serves until it is cancelled, and closes every connection then.
  Task<void> run();

 private:
  HttpServer(boost::asio::any_io_executor executor, boost::asio::ip::tcp::acceptor acceptor, Handler handler,
             Limits limits);

  Task<void> serve(boost::asio::ip::tcp::socket socket);

  boost::asio::ip::tcp::acceptor acceptor_;
  Handler handler_;
  Limits limits_;
  TaskGroup connections_;
};

}  // namespace cloister::net
