#include "node/runsc/ask.h"

#include <cstring>
#include <future>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/kube/temp_folder.h"

namespace cloister::node {
namespace {

const StartRequest request{.container = "c",
                           .kind = ContainerKind::sandbox,
                           .bundle = "/b",
                           .podNamespace = "n",
                           .podName = "p",
                           .podUID = "u"};

// Listens, and answers one connection with these words, as they are; without any it hangs up.
class Agent {
 public:
  explicit Agent(const std::string& path) : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 4), 0);
  }
  ~Agent() { ::close(listener_); }
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  std::future<std::string> answer(std::string words) {
    return std::async(std::launch::async, [this, words] {
      const int peer = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      char buffer[4096];
      const ssize_t got = ::recv(peer, buffer, sizeof buffer, 0);
      for (std::string_view rest = words; !rest.empty();) {
        const ssize_t sent = ::send(peer, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent <= 0) break;
        rest.remove_prefix(size_t(sent));
      }
      ::close(peer);
      return std::string(buffer, size_t(std::max<ssize_t>(got, 0)));
    });
  }

 private:
  int listener_;
};

class AskTest : public testing::Test {
 protected:
  test::TempFolder folder_;
  std::string path_ = folder_.path("s");
};

TEST_F(AskTest, BringsTheAnswer) {
  Agent agent(path_);
  auto seen = agent.answer(toLine(refuse("no")));
  EXPECT_EQ(ask(path_, request, seconds(20), seconds(20)).value(), refuse("no"));
  EXPECT_EQ(seen.get(), toLine(request));
}

TEST_F(AskTest, TellsOfAWrongAnswer) {
  Agent agent(path_);
  for (const std::string& words : {std::string("what?\n"), std::string(longestLine, 'x')}) {
    auto seen = agent.answer(words);
    EXPECT_EQ(ask(path_, request, seconds(20), seconds(20)).error().code, Errc::Protocol);
  }
}

TEST_F(AskTest, TellsWhenTheAgentHangsUp) {
  Agent agent(path_);
  auto seen = agent.answer("");
  EXPECT_EQ(ask(path_, request, seconds(20), seconds(20)).error().code, Errc::Unavailable);
}

TEST_F(AskTest, DoesNotWaitForeverForAnAnswer) {
  Agent agent(path_);
  EXPECT_EQ(ask(path_, request, milliseconds(1), milliseconds(1)).error().code, Errc::Timeout);
}

TEST_F(AskTest, DoesNotWaitForeverForTheAgent) {
  EXPECT_EQ(ask(path_, request, milliseconds(1), milliseconds(1)).error().code, Errc::Unavailable);
}

TEST_F(AskTest, WaitsForAnAgentThatIsBeingRestarted) {
  auto answer = std::async(std::launch::async, [&] { return ask(path_, request, seconds(20), seconds(20)); });
  Agent agent(path_);
  auto seen = agent.answer(toLine(refuse("no")));
  EXPECT_EQ(answer.get().value(), refuse("no"));
}

TEST_F(AskTest, RefusesAPathThatIsTooLong) {
  EXPECT_EQ(ask("/" + std::string(200, 'x'), request, seconds(20), seconds(20)).error().code,
            Errc::InvalidInput);
}

}  // namespace
}  // namespace cloister::node
