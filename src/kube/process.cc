#include "kube/process.h"

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/system/system_error.hpp>

// glibc 2.36 forgot to declare it for C++.
extern "C" {
#include <sys/pidfd.h>
}

namespace cloister::kube {
namespace {

namespace asio = boost::asio;

// `runsc list` prints some KiB for each container of a node.
constexpr off_t largestOutput = 16 << 20;
constexpr size_t blockSize = 1 << 16;

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

// What the program writes lands in memory of a fixed size: it cannot fill ours, and needs no one to read
// along.
int openOutput() {
  const int file = ::memfd_create("output", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (file < 0) return file;
  if (::ftruncate(file, largestOutput) == 0 && ::fcntl(file, F_ADD_SEALS, F_SEAL_GROW) == 0) return file;
  ::close(file);
  return -1;
}

// Text holds no NUL, so the first one is where the program stopped writing.
std::string readOutput(int file) {
  std::string out;
  std::string block(blockSize, '\0');
  for (;;) {
    const ssize_t got = ::pread(file, block.data(), block.size(), off_t(out.size()));
    const size_t text = got > 0 ? ::strnlen(block.data(), size_t(got)) : 0;
    out.append(block, 0, text);
    if (text < block.size()) return out;
  }
}

// Our environment with ADDED in place of variables of the same name. Each entry is "NAME=value".
std::vector<std::string> environmentWith(const std::vector<std::string>& added) {
  std::vector<std::string> out = added;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view entry = *variable;
    const std::string_view name = entry.substr(0, entry.find('=') + 1);
    if (std::ranges::none_of(added, [&](const std::string& own) { return own.starts_with(name); })) {
      out.emplace_back(entry);
    }
  }
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// Leader of a process group of its own, with default signal handling. Returns errno, 0 when it runs.
int spawn(const Command& command, int output, int errors, pid_t& child) {
  std::vector<std::string> args{command.program};
  args.insert(args.end(), command.args.begin(), command.args.end());
  std::vector<std::string> environment = environmentWith(command.environment);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, errors, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&files, 3);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t signals;
  sigfillset(&signals);
  posix_spawnattr_setsigdefault(&attributes, &signals);
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&attributes, &signals);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  const int error = posix_spawnp(&child, command.program.c_str(), &files, &attributes, pointers(args).data(),
                                 pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return error;
}

// A child that is dead and reaped when this goes.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  ~Child() {
    kill();
    wait();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // With everything in its process group.
  void kill() {
    if (pid_ > 0) ::kill(-pid_, SIGKILL);
  }
  int wait() {
    int status = 0;
    while (pid_ > 0 && ::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  bool late = false;  // killed at its deadline

 private:
  pid_t pid_;
};

void killAt(asio::steady_timer& alarm, const std::shared_ptr<Child>& child) {
  alarm.async_wait([weak = std::weak_ptr(child)](const boost::system::error_code& error) {
    const auto alive = weak.lock();
    if (error || !alive) return;
    alive->late = true;
    alive->kill();
  });
}

std::unexpected<Error> cannotRun(const Command& command, int error) {
  return fail(error == ENOENT ? Errc::NotFound : Errc::Internal,
              "cannot run " + command.program + ": " + std::strerror(error));
}

}  // namespace

Task<Result<Finished>> run(asio::any_io_executor executor, Command command) {
  const File output(openOutput());
  const File errors(openOutput());
  pid_t pid = -1;
  if (output.get() < 0 || errors.get() < 0) co_return cannotRun(command, errno);
  if (const int error = spawn(command, output.get(), errors.get(), pid); error != 0)
    co_return cannotRun(command, error);
  const auto child = std::make_shared<Child>(pid);
  const int handle = ::pidfd_open(pid, 0);
  if (handle < 0) co_return cannotRun(command, errno);

  asio::posix::stream_descriptor ended(executor, handle);
  asio::steady_timer alarm(executor, command.deadline);
  killAt(alarm, child);
  auto [error] =
      co_await ended.async_wait(asio::posix::descriptor_base::wait_read, asio::as_tuple(asio::use_awaitable));
  if (error) throw boost::system::system_error(error);
  const int exitStatus = child->wait();
  if (child->late) {
    co_return fail(Errc::Timeout,
                   command.program + " did not end within " + formatDuration(command.deadline));
  }
  co_return Finished{exitStatus, readOutput(output.get()), readOutput(errors.get())};
}

}  // namespace cloister::kube
