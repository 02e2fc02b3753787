#include "node/runsc/ask.h"

#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace cloister::node {
namespace {

using Steady = std::chrono::steady_clock;

constexpr Duration retryPeriod = milliseconds(50);

class Socket {
 public:
  Socket() : descriptor_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

std::string reason(int error) {
  return std::strerror(error);
}

// Milliseconds to UNTIL, as poll() takes them; 0 when it is over.
int left(Steady::time_point until) {
  const auto rest = std::chrono::duration_cast<milliseconds>(until - Steady::now()).count();
  return int(std::clamp<int64_t>(rest, 0, 1 << 20));
}

Result<void> sendAll(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return fail(Errc::Unavailable, "cannot send to cloister-node: " + reason(errno));
    bytes.remove_prefix(size_t(sent));
  }
  return {};
}

Result<std::string> receiveLine(int socket, Steady::time_point until, int stop) {
  std::string line;
  char buffer[4096];
  while (line.size() < longestLine) {
    pollfd waiting[]{{.fd = socket, .events = POLLIN, .revents = 0},
                     {.fd = stop, .events = POLLIN, .revents = 0}};
    const int ready = ::poll(waiting, 2, left(until));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0 || waiting[1].revents != 0) return fail(Errc::Timeout, "cloister-node does not answer");
    const ssize_t got = ::recv(socket, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail(Errc::Unavailable, "cloister-node ended the connection without an answer");
    line.append(buffer, size_t(got));
    if (line.ends_with('\n')) return line;
  }
  return fail(Errc::Protocol, "cloister-node's answer is too long");
}

// False: nobody listens there.
bool connectTo(const Socket& socket, const sockaddr_un& address) {
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

Result<StartAnswer> ask(const std::string& path, const StartRequest& request, Duration patience,
                        Duration answerPatience, int stop) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return fail(Errc::InvalidInput, "\"" + path + "\" is no path of a socket");
  std::memcpy(address.sun_path, path.data(), path.size());
  const auto begun = Steady::now();
  const auto until = begun + patience;
  for (;;) {
    const Socket socket;
    if (socket.get() < 0) return fail(Errc::Unavailable, "cannot make a socket: " + reason(errno));
    if (connectTo(socket, address)) {
      if (auto sent = sendAll(socket.get(), toLine(request)); !sent) return fail(sent.error());
      auto line = receiveLine(socket.get(), begun + answerPatience, stop);
      if (!line) return fail(line.error());
      auto answer = parseAnswer(*line);
      if (!answer) return fail(Errc::Protocol, "cloister-node's answer: " + answer.error().message);
      return answer;
    }
    const int error = errno;
    pollfd stopped{.fd = stop, .events = POLLIN, .revents = 0};
    if (left(until) == 0 ||
        ::poll(&stopped, 1, std::min(left(until), int(retryPeriod / milliseconds(1)))) > 0)
      return fail(Errc::Unavailable, "cloister-node does not listen on " + path + ": " + reason(error));
  }
}

}  // namespace cloister::node
