// What a call of cloister-runsc comes to. Asking is a parameter: all else is pure.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "node/protocol.h"

namespace cloister::node {

struct RunscConfig {
  std::string runsc;   // the program that all calls go to
  std::string socket;  // cloister-node's
  bool operator==(const RunscConfig&) const = default;
};
BOOST_DESCRIBE_STRUCT(RunscConfig, (), (runsc, socket))

// TEXT is the file beside the program, JSON with absolute paths. InvalidInput names the member at fault.
Result<RunscConfig> parseRunscConfig(std::string_view text);

using Ask = std::function<Result<StartAnswer>(const StartRequest&)>;

// The arguments to run runsc with, for a call with ARGS in the folder BUNDLE. READ_CONFIG gives its
// config.json (empty if it cannot be read). An error is why the container must not start: then its whole
// sandbox has to end, since a half restored one waits for its containers for ever.
Result<std::vector<std::string>> decide(const std::vector<std::string>& args, const std::string& bundle,
                                        const std::function<std::string()>& readConfig, const Ask& ask);

}  // namespace cloister::node
