// cloister-runsc: what gVisor's shim calls in place of runsc. It limits the processes of a container that is
// created, where its pod asks for that, and asks cloister-node before a container of a pod that continues
// from a snapshot, or is held, is started, and with which version of runsc its sandbox is created; every
// other call goes straight through, to the runsc that the container was created with.

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <filesystem>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>

#include "node/file.h"
#include "node/runsc/ask.h"
#include "node/runsc/bundle.h"
#include "node/runsc/call.h"
#include "node/runsc/decide.h"
#include "node/runsc/execute.h"
#include "node/runsc/held.h"
#include "node/runsc/keep.h"
#include "node/version.h"

namespace cloister::node {
namespace {

// The kubelet waits 2 minutes for a container to start. One answer takes long: that for which a snapshot is
// fetched.
constexpr Duration patience = seconds(20);
constexpr Duration answerPatience = seconds(100);

std::string configOf(const std::string& bundle) {
  return bundle + "/config.json";
}

Result<void> writeConfig(const std::string& bundle, std::string_view text) {
  return replaceFile(configOf(bundle), text);
}

// What the container of BUNDLE is to be spoken to with, now: runsc may be replaced at any time.
std::string programFor(const RunscConfig& config, const std::string& bundle) {
  return node::programFor(config.runsc, config.versions, bundle);
}

// Where the shim finds the reason, which ends up in the container's status.
void tellShim(const std::string& logFile, const std::string& message) {
  const json::object line{{"level", "error"}, {"msg", "cloister-runsc: " + message}};
  const std::string text = boost::json::serialize(line) + "\n";
  // The first call of a container makes it.
  const int file = ::open(logFile.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return;
  (void)!::write(file, text.data(), text.size());
  ::close(file);
}

// As execute(), for one that asks for a container's state.
int tellState(const std::string& program, std::vector<std::string> args, bool held) {
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
  if (::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return EXIT_FAILURE;
  if (WEXITSTATUS(status) == 0) writeAll(STDOUT_FILENO, withoutPause(output, held));
  return WEXITSTATUS(status);
}

// The folder of the container that ARGS are about if their command is COMMAND, and it is held; else empty.
std::string heldOne(std::string_view command, const std::vector<std::string>& args,
                    const std::string& bundle) {
  const std::string id = asksFor(command, args);
  const std::string found = id.empty() ? "" : bundleBeside(bundle, id);
  return !found.empty() && isHeld(found) ? found : "";
}

int passOn(const RunscConfig& config, std::vector<std::string> args, const std::string& bundle) {
  if (!asksFor("state", args).empty()) {
    const bool held = !heldOne("state", args, bundle).empty();
    return tellState(programFor(config, bundle), std::move(args), held);
  }
  // To runsc it has not been started, and so cannot be waited for.
  if (const std::string held = heldOne("wait", args, bundle); !held.empty()) {
    const auto question = readBundle(readFile(configOf(held))).question;
    awaitBegin(held, question && question->kind == ContainerKind::container);
  }
  // Nor has it a process that could be told.
  if (const std::string held = heldOne("kill", args, bundle); !held.empty()) {
    endSandbox(held);
    letGo(held);
  }
  return execute(programFor(config, bundle), std::move(args));
}

// The container of ARGS is not started, and so nothing of its sandbox is.
int refuseStart(const std::vector<std::string>& args, const std::string& bundle, const std::string& reason) {
  tellShim(logFile(args), reason);
  if (findStart(args)) endSandbox(bundle);
  return complain(reason);
}

// gVisor's shim never gets rid of a root container whose start fails, nor the kubelet of its pod. So one that
// could not be restored, or read its files, has begun, and ended at once: the shim and the kubelet know what
// to do then.
int restoreRoot(const RunscConfig& config, std::vector<std::string> args, const std::string& bundle) {
  const pid_t self = ::getpid();
  const pid_t child = noteRestore(bundle) ? ::fork() : -1;
  if (child == 0) {
    // The shim ends its calls that take too long: this one as well.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != self) _exit(EXIT_FAILURE);
    _exit(execute(programFor(config, bundle), std::move(args)));
  }
  int status = EXIT_FAILURE;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (child < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) endSandbox(bundle);
  return EXIT_SUCCESS;
}

// The very file that is noted is run, also when another one has its name by then. What cannot be noted is not
// created: it would be spoken to by another version later, and its snapshots would tell a wrong one.
int create(const Creation& creation, std::vector<std::string> args) {
  const Descriptor file(::open(creation.program.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return complain("cannot open " + creation.program + ": " + std::strerror(errno));
  const auto noted = noteCreation(
      creation.bundle, {.path = creation.program, .file = fileOf(file.get()), .restored = creation.restored});
  if (!noted) return refuseStart(args, creation.bundle, noted.error().message);
  return execute(file.get(), creation.program, std::move(args));
}

int answerWithoutStarting(const RunscConfig& config, Decision decision) {
  const std::string& bundle = decision.hold->question.bundle;
  const auto lock = hold(bundle);
  // gVisor's shim never gets rid of a root container whose start fails: the next one is refused instead.
  if (decision.hold->root.empty() && !lock) {
    letGo(bundle);
    return passOn(config, std::move(decision.args), bundle);
  }
  if (decision.hold->root.empty()) return EXIT_SUCCESS;
  if (!lock) return refuseStart(decision.args, bundle, lock.error().message);
  const auto stays = stayBehind({.config = config, .args = decision.args, .hold = *decision.hold}, *lock);
  return stays ? EXIT_SUCCESS : refuseStart(decision.args, bundle, stays.error().message);
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
                             },
                         .isHeld = isHeld,
                         .isRestored = isRestored,
                         .program = [&](const std::string& folder) { return programFor(*config, folder); },
                         .restored =
                             [](const std::string& folder) {
                               const auto created = createdWith(folder);
                               return created ? created->restored : "";
                             }});
  if (!decided) return refuseStart(args, bundle, decided.error().message);
  if (decided->hold) return answerWithoutStarting(*config, std::move(*decided));
  if (decided->creation) return create(*decided->creation, std::move(decided->args));
  if (decided->restoresRoot) return restoreRoot(*config, std::move(decided->args), bundle);
  return passOn(*config, std::move(decided->args), bundle);
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
