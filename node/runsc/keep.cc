#include "node/runsc/keep.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/file.h"
#include "node/runsc/ask.h"
#include "node/runsc/bundle.h"
#include "node/runsc/call.h"
#include "node/runsc/execute.h"
#include "node/version.h"

namespace cloister::node {
namespace {

// The question stays open until the pod is taken; it is asked anew so often.
constexpr Duration longestQuestion = std::chrono::hours(1);

// With nothing to read and nowhere to write: the container's own are its process's.
void silence() {
  const int nothing = ::open("/dev/null", O_RDWR);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nothing, stream);
  if (nothing > STDERR_FILENO) ::close(nothing);
}

// With what the container of BUNDLE was created with: runsc may have been replaced while it was held.
Result<void> run(const Keep& container, const std::string& bundle, const std::vector<std::string>& args,
                 bool silent) {
  const pid_t child = ::fork();
  if (child < 0) return fail(Errc::Internal, std::string("fork: ") + std::strerror(errno));
  if (child == 0) {
    if (silent) silence();
    _exit(execute(programFor(container.config.runsc, container.config.versions, bundle), args));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  const std::string words = lastWords(readFile(logFile(args)));
  return fail(Errc::Internal, "runsc could not let the sandbox begin" + (words.empty() ? "" : ": " + words));
}

// ARGS with another container in the place of its own.
std::vector<std::string> ofRoot(std::vector<std::string> args, const std::string& root) {
  args.back() = root;
  return args;
}

// Once, whichever of the pod's containers comes first.
Result<void> beginRoot(const Keep& container, const std::vector<std::string>& args) {
  const std::string bundle = bundleBeside(container.hold.question.bundle, container.hold.root);
  const Descriptor turn = waitForTurn(bundle);
  if (!isHeld(bundle)) return {};
  if (auto done = run(container, bundle, ofRoot(args, container.hold.root), true); !done) return done;
  letGo(bundle);
  return {};
}

// The root container first, which brings back the whole of what was saved.
Result<void> begin(const Keep& container, const StartAnswer& answer) {
  std::vector<std::string> args = container.args;
  if (answer.action == StartAction::Restore) args = restoreInstead(args, *findStart(args), answer.image);
  if (auto done = beginRoot(container, args); !done) return done;
  return run(container, container.hold.question.bundle, args, false);
}

class Question {
 public:
  explicit Question(const Keep& container)
      : container_(container), sandbox_(watchSandbox(container.hold.question.bundle)) {}

  // Until the answer is another than AGAIN. None: the sandbox has ended.
  std::optional<StartAnswer> ask(StartStage stage, StartAction again) const {
    StartRequest request = container_.hold.question;
    request.stage = stage;
    while (sandbox_.get() >= 0) {
      auto answer =
          node::ask(container_.config.socket, request, longestQuestion, longestQuestion, sandbox_.get());
      if (answer && answer->action != again) return *answer;
      pollfd waiting{.fd = sandbox_.get(), .events = POLLIN, .revents = 0};
      if (::poll(&waiting, 1, int(container_.retryPeriod / milliseconds(1))) > 0) break;
    }
    return std::nullopt;
  }

 private:
  const Keep& container_;
  Descriptor sandbox_;
};

void giveUp(const Keep& container, const std::string& reason) {
  ::signal(SIGPIPE, SIG_IGN);
  complain(reason);
  endSandbox(container.hold.question.bundle);
}

}  // namespace

void keep(const Keep& container) {
  const std::string& bundle = container.hold.question.bundle;
  const Question question(container);
  const auto answer = question.ask(StartStage::Wait, StartAction::Hold);
  if (!answer) return;
  if (answer->action == StartAction::Refuse) return giveUp(container, answer->message);
  if (auto begun = begin(container, *answer); !begun) return giveUp(container, begun.error().message);
  letGo(bundle);
  // Its end is told by the end of its streams.
  silence();
  question.ask(StartStage::Begun, StartAction::Refuse);
}

Result<void> stayBehind(const Keep& container, const Descriptor& lock) {
  const pid_t child = ::fork();
  if (child < 0) return fail(Errc::Internal, std::string("fork: ") + std::strerror(errno));
  if (child > 0) return {};
  ::setsid();
  const int first = STDERR_FILENO + 1;
  if (lock.get() > first) ::close_range(first, unsigned(lock.get()) - 1, 0);
  ::close_range(unsigned(std::max(lock.get(), STDERR_FILENO)) + 1, ~0U, 0);
  keep(container);
  _exit(0);
}

}  // namespace cloister::node
