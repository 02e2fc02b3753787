// What a call of cloister-runsc comes to. Files and asking are parameters: all else is pure.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "node/protocol.h"

namespace cloister::node {

struct RunscConfig {
  std::string runsc;          // the node's own, which new sandboxes are created with
  std::string socket;         // cloister-node's
  std::string versions = {};  // the folder of copies of other versions (node/version.h); empty: none
  bool operator==(const RunscConfig&) const = default;
};
BOOST_DESCRIBE_STRUCT(RunscConfig, (), (runsc, socket, versions))

// TEXT is the file beside the program, JSON with absolute paths. InvalidInput names the member at fault.
Result<RunscConfig> parseRunscConfig(std::string_view text);

struct Outside {
  std::function<std::string(const std::string& bundle)> readConfig;  // its config.json; empty if that fails
  std::function<Result<void>(const std::string& bundle, std::string_view text)> writeConfig;
  std::function<Result<StartAnswer>(const StartRequest&)> ask;
  std::function<bool(const std::string& bundle)> isHeld;      // its start was answered without starting it
  std::function<bool(const std::string& bundle)> isRestored;  // its start became a restore
  // What the container there is to be spoken to with; the node's own if nothing else is known.
  std::function<std::string(const std::string& bundle)> program;
  // The folder of the snapshot whose files the container there was created with; empty: of none.
  std::function<std::string(const std::string& bundle)> restored;
};

// A container whose start is answered without starting it.
struct Hold {
  std::string root = {};  // the id of the root container that begins with it; empty: it is that itself
  StartRequest question = {};
  bool operator==(const Hold&) const = default;
};

struct Creation {
  std::string bundle;
  std::string program;        // which runsc to create it with
  std::string restored = {};  // the folder of the snapshot whose files it begins with; empty: of none
  bool operator==(const Creation&) const = default;
};

struct Decision {
  std::vector<std::string> args;  // to run runsc with; with HOLD, when it begins
  std::optional<Creation> creation = {};
  std::optional<Hold> hold = {};
  bool restoresRoot = false;  // it reads a snapshot: the shim must not be told that this has failed
};

// For a call with ARGS in the folder BUNDLE. An error is why the container must not be created, or not be
// started: then its whole sandbox has to end, since a half restored one waits for its containers for ever.
Result<Decision> decide(const std::vector<std::string>& args, const std::string& bundle,
                        const Outside& outside);

}  // namespace cloister::node
