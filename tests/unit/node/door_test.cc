#include "node/agent/door.h"

#include <future>
#include <sys/stat.h>
#include <thread>

#include <boost/asio/detached.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/runsc/ask.h"
#include "tests/unit/kube/temp_folder.h"

namespace cloister::node {
namespace {

namespace asio = boost::asio;

const StartRequest request{.container = "c",
                           .kind = ContainerKind::sandbox,
                           .bundle = "/b",
                           .podNamespace = "n",
                           .podName = "p",
                           .podUID = "u"};

Task<StartAnswer> echo(StartRequest asked) {
  co_return refuse("no " + asked.podName);
}

class DoorTest : public testing::Test {
 protected:
  // With the door served meanwhile.
  template <class Work>
  auto served(Work work) {
    auto door = Door::open(context_.get_executor(), *clock_, path_, &echo, {});
    EXPECT_TRUE(door) << door.error().message;
    TaskGroup group(context_.get_executor());
    group.spawn("door", (*door)->run());
    auto result = std::async(std::launch::async, [&] {
      auto out = work();
      asio::co_spawn(context_, group.stop(), asio::detached);
      return out;
    });
    context_.restart();
    context_.run();
    return result.get();
  }

  cloister::test::TempFolder folder_;
  std::string path_ = folder_.path("run/node.sock");
  asio::io_context context_{1};
  std::unique_ptr<Clock> clock_ = realClock(context_.get_executor());
};

TEST_F(DoorTest, AnswersRoot) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  EXPECT_EQ(served([&] { return ask(path_, request, seconds(20), seconds(20)); }).value(), refuse("no p"));
}

TEST_F(DoorTest, TakesThePlaceOfADeadAgents) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  served([&] { return ask(path_, request, seconds(20), seconds(20)).has_value(); });
  EXPECT_EQ(served([&] { return ask(path_, request, seconds(20), seconds(20)); }).value(), refuse("no p"));
}

TEST_F(DoorTest, IsRootsAlone) {
  const auto modes = served([&] {
    struct stat socket{};
    struct stat folder{};
    EXPECT_EQ(::stat(path_.c_str(), &socket), 0);
    EXPECT_EQ(::stat(folder_.path("run").c_str(), &folder), 0);
    return std::pair(socket.st_mode & 0777, folder.st_mode & 0777);
  });
  EXPECT_EQ(modes, std::pair(mode_t(0600), mode_t(0700)));
}

TEST_F(DoorTest, ClosesAFolderThatOthersMade) {
  ASSERT_EQ(::mkdir(folder_.path("run").c_str(), 0755), 0);
  struct stat folder{};
  ASSERT_EQ(served([&] { return ::stat(folder_.path("run").c_str(), &folder); }), 0);
  EXPECT_EQ(folder.st_mode & 0777, 0700U);
}

TEST_F(DoorTest, SaysWhereItCannotListen) {
  const auto door = Door::open(context_.get_executor(), *clock_, folder_.path("no/such/b.sock"), &echo, {});
  ASSERT_FALSE(door);
  EXPECT_THAT(door.error().message, testing::HasSubstr("no/such"));
}

}  // namespace
}  // namespace cloister::node
