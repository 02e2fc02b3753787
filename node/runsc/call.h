// A call of runsc as gVisor's shim makes it: "--flag=value ... COMMAND [--flag=value ...] [ID]". Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cloister::node {

struct StartCall {
  size_t command = 0;  // where "start" stands in the arguments
  std::string id;      // the container's
  bool operator==(const StartCall&) const = default;
};

// The folder whose container ARGS, without the program's name, create. None when they are anything else.
std::optional<std::string> findCreated(const std::vector<std::string>& args);

// ARGS, which create a sandbox, with the files of the filesystem checkpoint in the folder IMAGE in it.
std::vector<std::string> createdFrom(const std::vector<std::string>& args, const std::string& image);

// ARGS without the program's name. None when they are anything but the start of one container.
std::optional<StartCall> findStart(const std::vector<std::string>& args);

// ARGS, whose start CALL is, with the restore from the checkpoint in the folder IMAGE in its place.
std::vector<std::string> restoreInstead(const std::vector<std::string>& args, const StartCall& call,
                                        const std::string& image);

// The container that ARGS are about, if their command is COMMAND; empty: it is another one.
std::string asksFor(std::string_view command, const std::vector<std::string>& args);

// OUTPUT, which tells a container's state, with "running" in place of "paused", and of "created" where it is
// HELD: containerd, when it starts, gives up every container that is anything else, and the kubelet then ends
// the pod.
std::string withoutPause(std::string output, bool held);

// The file that the shim reads runsc's errors from; empty when ARGS name none.
std::string logFile(const std::vector<std::string>& args);

}  // namespace cloister::node
