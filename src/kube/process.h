// Runs a program and waits for it without blocking the event loop.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace cloister::kube {

struct Command {
  std::string program = {};  // without a slash it is looked up in PATH
  std::vector<std::string> args = {};
  std::vector<std::string> environment = {};  // "NAME=value", instead of or added to ours
  Duration deadline = seconds(30);  // it is killed then, with all that it started in its process group
};

struct Finished {
  int exitStatus = 0;  // 128 + the signal's number when a signal ended it
  std::string
      output;  // standard output and standard error, each at most 16 MiB: a program that writes more fails to
  std::string errors;
};

// The program gets no standard input and none of our other files. Errc::NotFound when there is no such
// program, Errc::Timeout at the deadline, Errc::Internal when it cannot be started. Cancelling kills it.
Task<Result<Finished>> run(boost::asio::any_io_executor executor, Command command);

}  // namespace cloister::kube
