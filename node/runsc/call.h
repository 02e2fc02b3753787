// A call of runsc as gVisor's shim makes it: "--flag=value ... COMMAND [--flag=value ...] [ID]". Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace cloister::node {

struct StartCall {
  size_t command = 0;  // where "start" stands in the arguments
  std::string id;      // the container's
  bool operator==(const StartCall&) const = default;
};

// The folder whose container ARGS, without the program's name, create. None when they are anything else.
std::optional<std::string> findCreated(const std::vector<std::string>& args);

// ARGS without the program's name. None when they are anything but the start of one container.
std::optional<StartCall> findStart(const std::vector<std::string>& args);

// ARGS, whose start CALL is, with the restore from the checkpoint in the folder IMAGE in its place.
std::vector<std::string> restoreInstead(const std::vector<std::string>& args, const StartCall& call,
                                        const std::string& image);

// ARGS ask for a container's state.
bool asksForState(const std::vector<std::string>& args);

// OUTPUT, which tells a container's state, with "running" in place of "paused": containerd, when it starts,
// gives up every container that is anything else, and the kubelet then ends the pod.
std::string withoutPause(std::string output);

// The file that the shim reads runsc's errors from; empty when ARGS name none.
std::string logFile(const std::vector<std::string>& args);

}  // namespace cloister::node
