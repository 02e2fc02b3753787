// The command line of cloister-operator.
#pragma once

#include <optional>
#include <string>

namespace cloister {

struct Options {
  std::string configFile;
  std::string kubeconfig;
  std::string context;
  std::string listen;    // overrides Config::listen
  std::string logLevel;  // overrides Config::logLevel
  bool checkConfig = false;
};

// What the command line says; or, when it asks for --help or --version or is wrong, the exit code to end
// with, everything there is to say having been printed.
struct ParsedOptions {
  Options options;
  std::optional<int> exitCode;
};
ParsedOptions parseOptions(int argc, const char* const* argv);

}  // namespace cloister
