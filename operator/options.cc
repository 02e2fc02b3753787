#include "operator/options.h"

#include <CLI/CLI.hpp>

#include "base/version.h"

namespace cloister {
namespace {

constexpr int usageError = 2;

}  // namespace

ParsedOptions parseOptions(int argc, const char* const* argv) {
  ParsedOptions parsed;
  Options& options = parsed.options;
  CLI::App app("Runs sandboxes for code written by AI agents: the operator of Cloister's Sandbox objects.",
               "cloister-operator");
  app.set_version_flag("--version", "cloister-operator " + std::string(version()));
  app.add_option("--config", options.configFile,
                 "Configuration file (YAML); see docs/configuration.md. Default: built-in defaults");
  app.add_option("--kubeconfig", options.kubeconfig,
                 "Kubeconfig file. Default: $KUBECONFIG, else the service account of the pod it runs in, "
                 "else ~/.kube/config");
  app.add_option("--context", options.context, "Context of the kubeconfig. Default: its current context");
  app.add_option(
      "--listen", options.listen,
      "ADDRESS:PORT of /metrics, /healthz and /readyz. Default: the configuration's, 0.0.0.0:8080");
  app.add_option("--log-level", options.logLevel,
                 "debug, info, warn or error. Default: the configuration's, info")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
  app.add_flag("--check-config", options.checkConfig,
               "Read the configuration, say whether it is right, and exit");
  app.footer(
      "Exit codes: 0 stopped as asked, 1 failed while running, 2 wrong usage, configuration or kubeconfig.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    parsed.exitCode = app.exit(error) == 0 ? 0 : usageError;
  }
  return parsed;
}

}  // namespace cloister
