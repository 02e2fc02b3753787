// A real server on the loopback interface, in the test's own process and event loop, that does what the test
// says.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include "base/task_group.h"
#include "net/http.h"
#include "pki.h"

namespace cloister::test {

// One thing that a server does on a connection. After the last step it closes the connection.
struct Step {
  enum class Do {
    Read,  // a whole request
    Send,  // bytes
    Hang,  // nothing, until the client closes
  };
  Do what = Do::Hang;
  std::string bytes = {};
};
inline Step readRequest() {
  return {Step::Do::Read};
}
inline Step send(std::string bytes) {
  return {Step::Do::Send, std::move(bytes)};
}
inline Step hang() {
  return {Step::Do::Hang};
}
// A whole answer that keeps the connection open.
Step sendOk(std::string_view body, std::string_view headers = "");

class LoopbackServer {
 public:
  struct Tls {
    Certificate identity;
    std::string clientCa = {};  // a client certificate is required when given
  };

  explicit LoopbackServer(boost::asio::io_context& context, std::optional<Tls> tls = {});
  ~LoopbackServer();

  // What happens on the next connection that has no script yet. One without a script is closed at once.
  void script(std::vector<Step> steps) { scripts_.push_back(std::move(steps)); }

  uint16_t port() const { return acceptor_.local_endpoint().port(); }
  int connections() const { return connections_; }
  // Connections that the client closed while the server hung, and bytes given to the network so far.
  int abandoned() const { return abandoned_; }
  size_t sent() const { return sent_; }
  const std::vector<net::Request>& requests() const { return requests_; }
  // The common name in the client certificate of the last handshake.
  const std::string& client() const { return client_; }

 private:
  Task<void> acceptAll();
  Task<void> serve(boost::asio::ip::tcp::socket socket);
  Task<void> serveTls(boost::asio::ip::tcp::socket socket, std::vector<Step> steps);
  template <class Stream>
  Task<void> play(Stream* stream, std::vector<Step> steps);

  boost::asio::io_context& context_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::optional<boost::asio::ssl::context> tls_;
  TaskGroup tasks_;
  std::deque<std::vector<Step>> scripts_;
  std::vector<net::Request> requests_;
  std::string client_;
  int connections_ = 0;
  int abandoned_ = 0;
  size_t sent_ = 0;
};

// The outcome of TASK on CONTEXT. Throws what it throws, and when nothing more can happen.
template <class T>
T run(boost::asio::io_context& context, Task<T> task) {
  std::optional<T> out;
  std::exception_ptr failed;
  boost::asio::co_spawn(context, std::move(task), [&](std::exception_ptr failure, T result) {
    failed = failure;
    out.emplace(std::move(result));
  });
  context.restart();
  while (!out && context.run_one() > 0) {
  }
  if (failed) std::rethrow_exception(failed);
  return std::move(out.value());
}

// Lets everything happen that needs no more than a look at the network.
void runUntil(boost::asio::io_context& context, const std::function<bool()>& reached);

}  // namespace cloister::test
