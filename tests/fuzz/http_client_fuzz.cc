// What a server, or something that pretends to be one, answers to our HTTP client. The input is a byte that
// says how it is read and how small the pieces are, and then up to three answers.
//
// What an answer means is found out first, on a connection of its own. It must mean the same however the
// network cuts the bytes, and whatever was answered on the connection before: an answer that goes on behind
// its end must not become the answer to the next request.
#include <list>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "base/task_group.h"
#include "fuzz.h"
#include "net/http_client.h"

using namespace cloister;
using fuzz::require;

namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using Pieces = std::vector<std::string_view>;

constexpr std::string_view separator = "\n====\n";
constexpr size_t largestBody = 1024;
constexpr Duration patience = std::chrono::hours(1);  // nothing here takes time: a wait is an end forgotten
constexpr auto asTuple = asio::as_tuple(asio::use_awaitable);

// Gives one answer to whatever request comes, on any number of connections.
class Server {
 public:
  explicit Server(asio::io_context& context)
      : context_(context),
        acceptor_(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        tasks_(context.get_executor()) {
    tasks_.spawn("accept", acceptAll());
  }

  net::BaseUrl url() const { return {false, "127.0.0.1", acceptor_.local_endpoint().port()}; }
  void answerWith(Pieces pieces) {
    pieces_ = std::move(pieces);
    answered_ = false;
  }
  // The answer was given whole: who waits for more of it has to be told that there is none.
  bool answered() const { return answered_; }
  void hangUp() {
    boost::system::error_code ignored;
    for (auto& socket : sockets_) socket.shutdown(tcp::socket::shutdown_send, ignored);
  }
  void stop() {
    bool stopped = false;
    asio::co_spawn(context_, tasks_.stop(), [&](const std::exception_ptr&) { stopped = true; });
    while (!stopped) context_.run_one();
    sockets_.clear();
  }

 private:
  Task<void> acceptAll() {
    for (;;) {
      auto socket = co_await acceptor_.async_accept(asio::use_awaitable);
      socket.set_option(tcp::no_delay(true));
      // Closing resets the connection: thousands of them a second would use up the ports otherwise.
      socket.set_option(tcp::socket::linger(true, 0));
      sockets_.push_back(std::move(socket));
      tasks_.spawn("serve", serve(&sockets_.back()));
    }
  }
  Task<void> serve(tcp::socket* socket) {
    std::string request;
    std::array<char, 4096> bytes{};
    for (;;) {
      auto [error, size] = co_await socket->async_read_some(asio::buffer(bytes), asTuple);
      if (error) co_return;
      request.append(bytes.data(), size);
      if (!request.ends_with("\r\n\r\n")) continue;
      request.clear();
      co_await answer(socket);
    }
  }
  Task<void> answer(tcp::socket* socket) {
    for (const auto piece : pieces_) {
      auto [error, sent] = co_await asio::async_write(*socket, asio::buffer(piece), asTuple);
      if (error) break;
      co_await asio::post(asio::use_awaitable);  // the client reads
    }
    answered_ = true;
  }

  asio::io_context& context_;
  tcp::acceptor acceptor_;
  std::list<tcp::socket> sockets_;
  TaskGroup tasks_;
  Pieces pieces_;
  bool answered_ = false;
};

// What a caller sees. Of a failure only that it is one: the beginning of an answer that was cut off is found
// malformed or not, depending on how it comes.
std::string meaning(const Result<net::Response>& result) {
  if (!result) return "failure";
  std::string out = std::to_string(result->status) + "\n";
  for (const auto& [key, value] : result->headers) out += key + ": " + value + "\n";
  return out + "\n" + result->body;
}

Task<Result<net::Response>> readStream(net::HttpClient* client, net::Request request) {
  auto opened = co_await client->open(std::move(request));
  if (!opened) co_return fail(opened.error());
  while (opened->stream) {
    const auto piece = co_await opened->stream->read(patience);
    if (!piece) break;
    require(!piece->empty(), "a stream's pieces are not empty");
    opened->head.body += *piece;
  }
  co_return std::move(opened->head);
}

// One client and its server.
class Link {
 public:
  ~Link() { server_.stop(); }

  Result<net::Response> exchange(Pieces answer) {
    return run(client_.exchange(request()), std::move(answer));
  }
  Result<net::Response> stream(Pieces answer) {
    return run(readStream(&client_, request()), std::move(answer));
  }

 private:
  static net::Request request() { return {.deadline = patience}; }

  Result<net::Response> run(Task<Result<net::Response>> task, Pieces answer) {
    server_.answerWith(std::move(answer));
    std::optional<Result<net::Response>> out;
    asio::co_spawn(context_, std::move(task), [&](const std::exception_ptr& failure, auto result) {
      require(!failure, "a client throws nothing");
      out.emplace(std::move(result));
    });
    while (!out) {
      if (context_.poll() > 0) continue;
      if (server_.answered()) server_.hangUp();
      context_.run_one();
    }
    return std::move(*out);
  }

  asio::io_context context_{1};
  Server server_{context_};
  net::HttpClient client_{context_.get_executor(), server_.url(), nullptr, {.largestBody = largestBody}};
};

// What ANSWER means, by itself.
Result<net::Response> read(std::string_view answer) {
  auto result = Link().exchange({answer});
  if (result) {
    require(result->status >= 200 && result->status <= 999,
            "a status has three digits and is no interim one");
    require(result->body.size() <= std::min(answer.size(), largestBody),
            "a body is no longer than what came");
  } else {
    const Errc code = result.error().code;
    require(code == Errc::Timeout || code == Errc::Protocol,
            "it may have happened: " + result.error().message);
  }
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t pieceSize = size_t(data[0]) + 1;
  Link kept;
  for (const auto answer : fuzz::split(fuzz::textOf(data + 1, size - 1), separator, 3)) {
    const auto alone = read(answer);
    const auto next = kept.exchange({answer});
    require(meaning(next) == meaning(alone),
            "it depends on what came before: " + meaning(alone) + "|" + meaning(next));
    const auto pieces = fuzz::pieces(answer, pieceSize);
    if (data[0] % 2 == 0) {
      const auto cut = Link().exchange(pieces);
      require(meaning(cut) == meaning(alone),
              "it depends on the pieces: " + meaning(alone) + "|" + meaning(cut));
    } else if (alone) {
      const auto stream = Link().stream(pieces);
      require(meaning(stream) == meaning(alone),
              "a stream is another: " + meaning(alone) + "|" + meaning(stream));
    }
  }
  return 0;
}
