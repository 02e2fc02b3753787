#include "kube/process.h"

#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <gtest/gtest.h>

#include "loopback.h"
#include "temp_folder.h"

namespace cloister::kube {
namespace {

class ProcessTest : public testing::Test {
 protected:
  Result<Finished> shell(std::string script, Duration deadline = seconds(30)) {
    return test::run(context,
                     run(context.get_executor(), {.program = "sh",
                                                  .args = {"-c", std::move(script)},
                                                  .environment = {"COLOUR=red", "PATH=/usr/bin:/bin"},
                                                  .deadline = deadline}));
  }
  static bool childrenLeft() { return ::waitpid(-1, nullptr, WNOHANG) >= 0 || errno != ECHILD; }

  boost::asio::io_context context{1};
  test::TempFolder folder;
};

TEST_F(ProcessTest, TellsWhatWasPrintedAndHowItEnded) {
  const auto finished = shell("echo out; echo err >&2; exit 3");
  ASSERT_TRUE(finished) << finished.error().message;
  EXPECT_EQ(finished->exitStatus, 3);
  EXPECT_EQ(finished->output, "out\n");
  EXPECT_EQ(finished->errors, "err\n");
  EXPECT_EQ(shell("kill -TERM $$")->exitStatus, 128 + SIGTERM);
  EXPECT_FALSE(childrenLeft());
}

TEST_F(ProcessTest, GivesItsEnvironmentAndNothingElse) {
  ::setenv("COLOUR", "blue", 1);
  ::setenv("CLOISTER_TEST_SHAPE", "round", 1);
  // As the program's own sockets are: not marked to be closed.
  const int open = ::fcntl(STDERR_FILENO, F_DUPFD, 77);
  const auto finished =
      shell("echo $COLOUR $CLOISTER_TEST_SHAPE; cat; ls /proc/self/fd | grep -x " + std::to_string(open));
  ::close(open);
  ::unsetenv("COLOUR");
  ::unsetenv("CLOISTER_TEST_SHAPE");
  EXPECT_EQ(finished->output, "red round\n");
}

TEST_F(ProcessTest, IsKilledAtItsDeadlineWithAllThatItStarted) {
  const std::string pipe = folder.path("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int end = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  const auto late = shell("sleep 1000 > " + pipe + " & echo x > " + pipe + "; wait", milliseconds(300));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::Timeout);
  EXPECT_EQ(late.error().message, "sh did not end within 300ms");
  // The pipe ends when nobody holds its other end any more.
  char byte = 0;
  EXPECT_EQ(::fcntl(end, F_SETFL, 0), 0);
  while (::read(end, &byte, 1) > 0) {
  }
  ::close(end);
  EXPECT_FALSE(childrenLeft());
}

TEST_F(ProcessTest, CancellingKillsIt) {
  boost::asio::cancellation_signal stop;
  bool ended = false;
  boost::asio::co_spawn(context, run(context.get_executor(), {.program = "sleep", .args = {"1000"}}),
                        boost::asio::bind_cancellation_slot(
                            stop.slot(), [&](const std::exception_ptr& failure, const Result<Finished>&) {
                              EXPECT_TRUE(failure);
                              ended = true;
                            }));
  context.poll();
  stop.emit(boost::asio::cancellation_type::terminal);
  test::runUntil(context, [&] { return ended; });
  EXPECT_FALSE(childrenLeft());
}

TEST_F(ProcessTest, CannotFillTheMemory) {
  const auto finished = shell("head -c 30000000 /dev/zero | tr '\\0' x");
  ASSERT_TRUE(finished) << finished.error().message;
  EXPECT_NE(finished->exitStatus, 0);
  EXPECT_LE(finished->output.size(), 16U << 20);
}

TEST_F(ProcessTest, SaysWhyItDidNotStart) {
  const auto start = [&](std::string program) {
    return test::run(context, run(context.get_executor(), {.program = std::move(program)})).error();
  };
  EXPECT_EQ(start("cloister-no-such-program").code, Errc::NotFound);
  EXPECT_EQ(start("cloister-no-such-program").message,
            "cannot run cloister-no-such-program: No such file or directory");
  EXPECT_EQ(start(folder.write("plain", "x")).code, Errc::Internal);
}

}  // namespace
}  // namespace cloister::kube
