#include "node/agent/prepare_command.h"

#include <iostream>

#include "node/agent/preparer.h"

namespace cloister::node {
namespace {

constexpr int failed = 1;
constexpr int restartContainerd = 3;

void tell(std::string_view what, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) std::cout << what << " " << path << "\n";
}

}  // namespace

PrepareCommand::PrepareCommand(CLI::App& app)
    : install_(add(app, "install",
                   "Have gVisor's shim on this node call cloister-runsc. Changes nothing where all is as it "
                   "should be.")),
      uninstall_(add(app, "uninstall", "Undo it. What was changed since is left there.")) {
  app.require_subcommand(0, 1);
  install_->add_option("--program", settings_->program, "cloister-runsc, to install")->capture_default_str();
  install_->add_option("--runsc", settings_->runsc, "runsc itself")->capture_default_str();
  install_->add_option("--runsc-flag", settings_->runscFlags,
                       "NAME=VALUE for [runsc_config] of the shim's configuration; any number");
  install_->add_option("--socket", settings_->socket, "Where cloister-runsc asks")->capture_default_str();
  install_
      ->add_option("--store", settings_->store,
                   "The folder of cloister-node's snapshots, with copies of runsc")
      ->capture_default_str();
  install_->add_option("--handler", settings_->handler, "The handler of the RuntimeClass")
      ->capture_default_str();
  install_
      ->add_option("--containerd-config", settings_->containerdConfig,
                   "containerd's configuration, which is not changed")
      ->capture_default_str();
  install_
      ->add_option("--containerd-socket", settings_->containerdSocket,
                   "containerd's socket, whose age tells when it started")
      ->capture_default_str();
  install_->footer(
      "Exit codes: 0 prepared, 1 not prepared and why not, 2 wrong usage, 3 written, but containerd must be "
      "restarted.");
  uninstall_->footer(
      "Exit codes: 0 nothing of it is left but what it names, 1 not done and why not, 2 wrong usage.");
}

CLI::App* PrepareCommand::add(CLI::App& app, const std::string& name, const std::string& description) {
  CLI::App* command = app.add_subcommand(name, description);
  command->add_option("--folder", settings_->folder, "The folder to install to, root's alone")
      ->capture_default_str();
  command->add_option("--runsc-root", settings_->runscRoot, "`root` of gVisor's shim")->capture_default_str();
  command->add_option("--drop-in", settings_->dropIn, "The file that containerd imports")
      ->capture_default_str();
  return command;
}

std::optional<int> PrepareCommand::run() const {
  if (!install_->parsed() && !uninstall_->parsed()) return std::nullopt;
  const auto files = realFiles();
  const auto outcome = install_->parsed() ? install(*files, *settings_) : uninstall(*files, *settings_);
  if (!outcome) {
    std::cerr << "cloister-node: " << outcome.error().message << "\n";
    return failed;
  }
  tell("written:", outcome->written);
  tell("removed:", outcome->removed);
  tell("left, as it was changed since:", outcome->left);
  if (!outcome->needsRestart) return 0;
  std::cerr << "cloister-node: containerd has not read " << settings_->dropIn
            << " as it is now: restart it (systemctl restart containerd); pods run on meanwhile\n";
  return install_->parsed() ? restartContainerd : 0;
}

}  // namespace cloister::node
