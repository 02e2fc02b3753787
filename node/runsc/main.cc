// cloister-runsc: what gVisor's shim calls in place of runsc. It limits the processes of a container that is
// created, where its pod asks for that, and asks cloister-node before a container of a pod that continues
// from a snapshot is started; every other call goes straight through.

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <filesystem>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>

#include "node/runsc/ask.h"
#include "node/runsc/bundle.h"
#include "node/runsc/call.h"
#include "node/runsc/decide.h"

namespace cloister::node {
namespace {

constexpr int failed = 125;
// The kubelet waits 2 minutes for a container to start. One answer takes long: that for which a snapshot is
// fetched.
constexpr Duration patience = seconds(20);
constexpr Duration answerPatience = seconds(100);

// All that comes from FILE, which is closed then. Empty when it cannot be read, or is too large.
std::string readAll(int file) {
  std::string text;
  char buffer[16 << 10];
  ssize_t got = 0;
  while (text.size() <= largestConfig && (got = ::read(file, buffer, sizeof buffer)) > 0)
    text.append(buffer, size_t(got));
  ::close(file);
  return got == 0 ? text : "";
}

std::string readFile(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  return file < 0 ? "" : readAll(file);
}

std::string configOf(const std::string& bundle) {
  return bundle + "/config.json";
}

bool writeAll(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(file, text.data(), text.size());
    if (put <= 0) return false;
    text.remove_prefix(size_t(put));
  }
  return true;
}

// Whole, or not at all.
Result<void> writeConfig(const std::string& bundle, std::string_view text) {
  const std::string path = configOf(bundle);
  const std::string aside = path + ".cloister";
  const auto trouble = [&] { return fail(Errc::Internal, aside + ": " + std::strerror(errno)); };
  const int file = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return trouble();
  const bool whole = writeAll(file, text);
  if (::close(file) != 0 || !whole || ::rename(aside.c_str(), path.c_str()) != 0) return trouble();
  return {};
}

int complain(const std::string& message) {
  const std::string text = "cloister-runsc: " + message + "\n";
  (void)!::write(STDERR_FILENO, text.data(), text.size());
  return failed;
}

// Where the shim finds the reason, which ends up in the container's status.
void tellShim(const std::string& logFile, const std::string& message) {
  const json::object line{{"level", "error"}, {"msg", "cloister-runsc: " + message}};
  const std::string text = boost::json::serialize(line) + "\n";
  const int file = ::open(logFile.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (file < 0) return;
  (void)!::write(file, text.data(), text.size());
  ::close(file);
}

// The process of the sandbox that the container in BUNDLE belongs to, which `runsc create` has noted there.
void endSandbox(const std::string& bundle) {
  const std::string text = readFile(bundle + "/init.pid");
  pid_t pid = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (bad == std::errc() && pid > 1) ::kill(pid, SIGKILL);
}

int execute(const std::string& program, std::vector<std::string> args) {
  args.insert(args.begin(), program);
  std::vector<char*> pointers;
  pointers.reserve(args.size() + 1);
  for (std::string& arg : args) pointers.push_back(arg.data());
  pointers.push_back(nullptr);
  ::execv(program.c_str(), pointers.data());
  return complain("cannot run " + program + ": " + std::strerror(errno));
}

// As execute(), for one that asks for a container's state.
int tellState(const std::string& program, std::vector<std::string> args) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return complain(std::string("pipe: ") + std::strerror(errno));
  const pid_t child = ::fork();
  if (child < 0) return complain(std::string("fork: ") + std::strerror(errno));
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    _exit(execute(program, std::move(args)));
  }
  ::close(ends[1]);
  const std::string output = readAll(ends[0]);
  int status = 0;
  if (::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return failed;
  if (WEXITSTATUS(status) == 0) writeAll(STDOUT_FILENO, withoutPause(output));
  return WEXITSTATUS(status);
}

int run(std::vector<std::string> args) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  const auto config = parseRunscConfig(readFile(self + ".json"));
  if (!config) return complain(self + ".json: " + config.error().message);
  const std::string bundle = std::filesystem::current_path().string();
  auto decided = decide(args, bundle,
                        {.readConfig = [](const std::string& folder) { return readFile(configOf(folder)); },
                         .writeConfig = writeConfig,
                         .ask =
                             [&](const StartRequest& request) {
                               return ask(config->socket, request, patience, answerPatience);
                             }});
  if (!decided) {
    tellShim(logFile(args), decided.error().message);
    if (findStart(args)) endSandbox(bundle);
    return complain(decided.error().message);
  }
  if (asksForState(*decided)) return tellState(config->runsc, std::move(*decided));
  return execute(config->runsc, std::move(*decided));
}

}  // namespace
}  // namespace cloister::node

int main(int argc, char** argv) {
  try {
    return cloister::node::run({argv + std::min(argc, 1), argv + argc});
  } catch (const std::exception& trouble) {
    return cloister::node::complain(trouble.what());
  }
}
