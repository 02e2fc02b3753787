// Who stays behind for a container that is held, against a runsc that is a script, an agent on a socket and a
// process that stands for the sandbox.
#include "node/runsc/keep.h"

#include <csignal>
#include <fstream>
#include <future>
#include <sstream>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/file.h"
#include "node/version.h"
#include "tests/unit/kube/temp_folder.h"

namespace cloister::node {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const StartAnswer start{.action = StartAction::Start, .image = {}, .message = {}};
const StartAnswer restore{.action = StartAction::Restore, .image = "/s/1", .message = {}};
const StartAnswer holdOn{.action = StartAction::Hold, .image = {}, .message = {}};

class KeepTest : public testing::Test {
 protected:
  KeepTest() : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sandbox_ = ::fork();
    if (sandbox_ == 0) {
      for (;;) ::pause();
    }
    for (const char* one : {"root", "box"}) {
      folder_.write(std::string(one) + "/init.pid", std::to_string(sandbox_));
      auto lock = hold(folder_.path(one));
      // Whoever held the root container has ended.
      if (std::string_view(one) == "box") locks_.push_back(std::move(*lock));
    }
    runsc("exit 0");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, container_.config.socket.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 4), 0);
  }
  ~KeepTest() override {
    ::kill(sandbox_, SIGKILL);
    ::waitpid(sandbox_, nullptr, 0);
    ::close(listener_);
  }

  // Notes how it is called; then THEN.
  void runsc(const std::string& then) {
    folder_.writeProgram("runsc", "#!/bin/sh\necho \"$@\" >> " + folder_.path("calls") + "\n" + then + "\n");
  }
  std::vector<std::string> calls() {
    std::vector<std::string> lines;
    std::istringstream text(readFile(folder_.path("calls")));
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
  }
  // Answers so many questions; returns their stages.
  std::future<std::vector<StartStage>> agent(std::vector<StartAnswer> answers) {
    return std::async(std::launch::async, [this, answers = std::move(answers)] {
      std::vector<StartStage> stages;
      for (const StartAnswer& answer : answers) {
        const int peer = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        char buffer[4096];
        const ssize_t got = ::recv(peer, buffer, sizeof buffer, 0);
        stages.push_back(parseRequest(std::string_view(buffer, size_t(std::max<ssize_t>(got, 0))))->stage);
        const std::string line = toLine(answer);
        EXPECT_EQ(::send(peer, line.data(), line.size(), MSG_NOSIGNAL), ssize_t(line.size()));
        ::close(peer);
      }
      return stages;
    });
  }
  // In a process of its own, as it is; returns what that said on standard error.
  std::string stays() { return stays(container_); }
  static std::string stays(const Keep& container) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::dup2(ends[1], STDERR_FILENO);
      keep(container);
      _exit(0);
    }
    ::close(ends[1]);
    std::string words = readAll(ends[0]);
    EXPECT_EQ(::waitpid(child, nullptr, 0), child);
    return words;
  }
  bool sandboxLives() { return ::waitpid(sandbox_, nullptr, WNOHANG) == 0; }
  bool sandboxEnds() {
    for (int i = 0; i < 500 && sandboxLives(); ++i) ::usleep(10'000);
    return !sandboxLives();
  }
  std::string bundle(const char* name) { return folder_.path(name); }

  test::TempFolder folder_;
  pid_t sandbox_ = 0;
  std::vector<Descriptor> locks_;
  int listener_;
  Keep container_{.config = {.runsc = folder_.path("runsc"),
                             .socket = folder_.path("s"),
                             .versions = folder_.path("versions")},
                  .args = {"--root=/r", "--log=" + folder_.path("log.json"), "start", "box"},
                  .hold = {.root = "root",
                           .question = {.container = "box",
                                        .kind = ContainerKind::container,
                                        .bundle = folder_.path("box"),
                                        .podNamespace = "n",
                                        .podName = "p",
                                        .podUID = "u"}},
                  .retryPeriod = milliseconds(10)};
};

TEST_F(KeepTest, StartsBothContainersWhenItIsTold) {
  auto asked = agent({holdOn, start, start});
  EXPECT_EQ(stays(), "");
  EXPECT_THAT(asked.get(), ElementsAre(StartStage::Wait, StartStage::Wait, StartStage::Begun));
  EXPECT_THAT(calls(), ElementsAre(HasSubstr("start root"), HasSubstr("start box")));
  EXPECT_FALSE(isHeld(bundle("box")));
  EXPECT_FALSE(isHeld(bundle("root")));
  EXPECT_TRUE(sandboxLives());
}

TEST_F(KeepTest, RestoresBothFromWhereItIsTold) {
  auto asked = agent({restore, start});
  EXPECT_EQ(stays(), "");
  EXPECT_THAT(calls(), ElementsAre(HasSubstr("--image-path=/s/1 root"), HasSubstr("--image-path=/s/1 box")));
}

TEST_F(KeepTest, BeginsWithTheRunscThatCreatedItWhenAnotherOneIsInstalledMeanwhile) {
  const std::string former = fileAt(container_.config.runsc);
  for (const char* one : {"root", "box"})
    ASSERT_TRUE(noteCreation(folder_.path(one), {.path = container_.config.runsc, .file = former}));
  folder_.write("versions/v1/of", former + "\n");
  folder_.writeProgram("versions/v1/runsc", "#!/bin/sh\necho v1 \"$@\" >> " + folder_.path("calls") + "\n");
  const std::string other = "#!/bin/sh\necho v2 >> " + folder_.path("calls") + "\n";
  std::filesystem::rename(folder_.writeProgram("new", other), container_.config.runsc);
  auto asked = agent({start, start});
  EXPECT_EQ(stays(), "");
  EXPECT_THAT(calls(), ElementsAre(HasSubstr("v1 --root"), HasSubstr("v1 --root")));
  asked.get();
}

// A sidecar that admission has put into the pod.
TEST_F(KeepTest, StartsTheRootContainerOnceForTwoOthers) {
  runsc("sleep 0.2");
  auto asked = agent({start, start, start, start});
  Keep other = container_;
  other.args.back() = other.hold.question.container = "sidecar";
  other.hold.question.bundle = folder_.path("sidecar");
  folder_.write("sidecar/init.pid", std::to_string(sandbox_));
  auto lock = hold(folder_.path("sidecar"));
  std::swap(other, container_);
  auto beside = std::async(std::launch::async, [&] { return stays(other); });
  EXPECT_EQ(stays(), "");
  EXPECT_EQ(beside.get(), "");
  asked.get();
  EXPECT_THAT(calls(), testing::UnorderedElementsAre(HasSubstr("start root"), HasSubstr("start box"),
                                                     HasSubstr("start sidecar")));
  EXPECT_TRUE(sandboxLives());
}

TEST_F(KeepTest, TellsAgainUntilItIsHeard) {
  auto asked = agent({start, refuse("the API server is away"), start});
  stays();
  EXPECT_THAT(asked.get(), ElementsAre(StartStage::Wait, StartStage::Begun, StartStage::Begun));
  EXPECT_TRUE(sandboxLives());
}

TEST_F(KeepTest, EndsTheSandboxOfWhatIsRefused) {
  auto asked = agent({refuse("the snapshot is gone")});
  EXPECT_EQ(stays(), "cloister-runsc: the snapshot is gone\n");
  EXPECT_THAT(calls(), IsEmpty());
  EXPECT_TRUE(sandboxEnds());
  sandbox_ = ::fork();
  if (sandbox_ == 0) _exit(0);
}

TEST_F(KeepTest, EndsTheSandboxOfWhatCannotBegin) {
  for (const char* failing : {"root", "box"}) {
    SCOPED_TRACE(failing);
    if (failing == std::string("box")) {
      sandbox_ = ::fork();
      if (sandbox_ == 0) {
        for (;;) ::pause();
      }
      for (const char* one : {"root", "box"})
        folder_.write(std::string(one) + "/init.pid", std::to_string(sandbox_));
    }
    runsc(std::string(R"(for last; do :; done; [ "$last" != )") + failing +
          R"( ] || { echo '{"msg":"before"}
{"msg":"no such thing"}' > )" +
          folder_.path("log.json") + "; exit 1; }");
    auto asked = agent({restore});
    EXPECT_THAT(stays(), HasSubstr("no such thing"));
    EXPECT_TRUE(sandboxEnds());
  }
  sandbox_ = ::fork();
  if (sandbox_ == 0) _exit(0);
}

TEST_F(KeepTest, GoesWithItsSandbox) {
  ::kill(sandbox_, SIGKILL);
  EXPECT_EQ(stays(), "");
  EXPECT_THAT(calls(), IsEmpty());
  ::waitpid(sandbox_, nullptr, 0);
  EXPECT_EQ(stays(), "") << "nor is anybody waited for whose process is gone";
  sandbox_ = ::fork();
  if (sandbox_ == 0) _exit(0);
}

TEST_F(KeepTest, IsWaitedForUntilItBegins) {
  auto waits = std::async(std::launch::async, [&] { awaitBegin(bundle("box"), true); });
  EXPECT_EQ(waits.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout);
  letGo(bundle("box"));
  waits.get();
  EXPECT_TRUE(sandboxLives());
}

TEST_F(KeepTest, IsMissedWhenNobodyStays) {
  locks_.clear();
  awaitBegin(bundle("box"), true);
  EXPECT_EQ(::waitpid(sandbox_, nullptr, 0), sandbox_) << "nobody will let it begin any more";
  sandbox_ = ::fork();
  if (sandbox_ == 0) _exit(0);
}

TEST_F(KeepTest, HasNoLockOnTheRootContainer) {
  locks_.clear();
  auto waits = std::async(std::launch::async, [&] { awaitBegin(bundle("root"), false); });
  EXPECT_EQ(waits.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout);
  EXPECT_TRUE(sandboxLives());
  ::kill(sandbox_, SIGKILL);
  waits.get();
  EXPECT_FALSE(isHeld(bundle("root"))) << "or a process that gets its number later is killed for it";
}

}  // namespace
}  // namespace cloister::node
