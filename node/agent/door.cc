#include "node/agent/door.h"

#include <cstring>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include "base/within.h"
#include "net/accept.h"

namespace cloister::node {
namespace {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;
using Socket = asio::local::stream_protocol::socket;

constexpr auto asTuple = asio::as_tuple(asio::use_awaitable);

bool isRoots(Socket& socket) {
  ucred peer{};
  socklen_t length = sizeof peer;
  return ::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == 0;
}

// Empty when none comes.
Task<std::string> readLine(Socket* socket) {
  std::string buffer;
  auto [error, length] =
      co_await asio::async_read_until(*socket, asio::dynamic_buffer(buffer, longestLine), '\n', asTuple);
  if (error) co_return "";
  co_return buffer.substr(0, length);
}

Task<bool> writeLine(Socket* socket, std::string line) {
  auto [error, length] = co_await asio::async_write(*socket, asio::buffer(line), asTuple);
  co_return !error;
}

}  // namespace

Result<std::unique_ptr<Door>> Door::open(asio::any_io_executor executor, Clock& clock,
                                         const std::string& path, Handler handler, Limits limits) {
  const std::string folder = path.substr(0, path.rfind('/'));
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(Errc::Internal, "cannot make the folder " + folder + ": " + std::strerror(errno));
  // The kubelet makes the folder of a volume for all to read.
  if (::chmod(folder.c_str(), 0700) != 0)
    return fail(Errc::Internal, "cannot close the folder " + folder + " to others: " + std::strerror(errno));
  ::unlink(path.c_str());
  Acceptor acceptor(executor);
  ErrorCode error;
  acceptor.open(asio::local::stream_protocol(), error);
  // Before it listens: nobody else gets in between.
  if (!error) acceptor.bind(path, error);
  if (!error && ::chmod(path.c_str(), 0600) != 0) error = ErrorCode(errno, boost::system::system_category());
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return fail(Errc::Internal, "cannot listen on " + path + ": " + error.message());
  return std::unique_ptr<Door>(new Door(std::move(acceptor), clock, std::move(handler), limits));
}

Door::Door(Acceptor acceptor, Clock& clock, Handler handler, Limits limits)
    : acceptor_(std::move(acceptor)),
      clock_(clock),
      handler_(std::move(handler)),
      limits_(limits),
      connections_(acceptor_.get_executor()) {}

Task<void> Door::run() {
  return net::acceptAll(acceptor_, connections_, [this](Socket socket) {
    if (connections_.size() < limits_.connections && isRoots(socket))
      connections_.spawn("door", serve(std::move(socket)));
  });
}

Task<void> Door::serve(Socket socket) {
  const auto line = co_await within(clock_, limits_.deadline, readLine(&socket));
  if (!line || line->empty()) co_return;
  auto request = parseRequest(*line);
  // GCC and clang differ on a conditional that awaits.
  StartAnswer answer = refuse("cloister-node cannot read the question");
  if (request) answer = co_await handler_(std::move(*request));
  co_await within(clock_, limits_.deadline, writeLine(&socket, toLine(answer)));
}

}  // namespace cloister::node
