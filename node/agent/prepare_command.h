// `cloister-node install` and `cloister-node uninstall`.
#pragma once

#include <memory>
#include <optional>

#include <CLI/CLI.hpp>

#include "node/agent/preparation.h"

namespace cloister::node {

class PrepareCommand {
 public:
  explicit PrepareCommand(CLI::App& app);
  // The exit code; none when the command line has neither.
  std::optional<int> run() const;

 private:
  CLI::App* add(CLI::App& app, const std::string& name, const std::string& description);

  std::unique_ptr<Preparation> settings_ = std::make_unique<Preparation>();  // CLI11 keeps references
  CLI::App* install_;
  CLI::App* uninstall_;
};

}  // namespace cloister::node
