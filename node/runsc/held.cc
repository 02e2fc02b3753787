#include "node/runsc/held.h"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cloister::node {
namespace {

constexpr int pollMilliseconds = 100;

std::string markOf(const std::string& bundle) {
  return bundle + "/cloister-held";
}

std::string restoredMarkOf(const std::string& bundle) {
  return bundle + "/cloister-restored";
}

// Somebody holds the lock.
bool isKept(const std::string& bundle) {
  const Descriptor file(::open(markOf(bundle).c_str(), O_RDONLY | O_CLOEXEC));
  return file.get() >= 0 && ::flock(file.get(), LOCK_SH | LOCK_NB) != 0;
}

bool isOver(const Descriptor& sandbox, int patience) {
  pollfd waiting{.fd = sandbox.get(), .events = POLLIN, .revents = 0};
  return sandbox.get() < 0 || ::poll(&waiting, 1, patience) > 0;
}

}  // namespace

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

Result<Descriptor> hold(const std::string& bundle) {
  const std::string path = markOf(bundle);
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0 || ::flock(file.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(Errc::Internal, path + ": " + std::strerror(errno));
  return file;
}

Descriptor waitForTurn(const std::string& bundle) {
  Descriptor file(::open(markOf(bundle).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  while (file.get() >= 0 && ::flock(file.get(), LOCK_EX) != 0 && errno == EINTR) continue;
  return file;
}

bool isHeld(const std::string& bundle) {
  return ::access(markOf(bundle).c_str(), F_OK) == 0;
}

void letGo(const std::string& bundle) {
  ::unlink(markOf(bundle).c_str());
}

bool noteRestore(const std::string& bundle) {
  return Descriptor(::open(restoredMarkOf(bundle).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600))
             .get() >= 0;
}

bool isRestored(const std::string& bundle) {
  return ::access(restoredMarkOf(bundle).c_str(), F_OK) == 0;
}

pid_t sandboxOf(const std::string& bundle) {
  const Descriptor file(::open((bundle + "/init.pid").c_str(), O_RDONLY | O_CLOEXEC));
  char text[32];
  const ssize_t got = file.get() < 0 ? 0 : ::read(file.get(), text, sizeof text);
  pid_t pid = 0;
  const auto [end, bad] = std::from_chars(text, text + std::max<ssize_t>(got, 0), pid);
  return bad == std::errc() && pid > 1 ? pid : 0;
}

Descriptor watchSandbox(const std::string& bundle) {
  const pid_t pid = sandboxOf(bundle);
  return Descriptor(pid == 0 ? -1 : int(::syscall(SYS_pidfd_open, pid, 0)));
}

void endSandbox(const std::string& bundle) {
  if (const pid_t pid = sandboxOf(bundle); pid != 0) ::kill(pid, SIGKILL);
}

void awaitBegin(const std::string& bundle, bool hasKeeper) {
  if (!isHeld(bundle)) return;
  const Descriptor sandbox = watchSandbox(bundle);
  while (isHeld(bundle)) {
    // Its process's number is another's sooner or later.
    if (isOver(sandbox, pollMilliseconds)) return letGo(bundle);
    if (hasKeeper && !isKept(bundle) && isHeld(bundle)) endSandbox(bundle);
  }
}

}  // namespace cloister::node
