// cloister-node: takes and keeps the snapshots of the sandboxes on one node, and says what each container
// that asks starts from.

#include <csignal>
#include <iostream>
#include <random>

#include <CLI/CLI.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>

#include "base/log.h"
#include "base/quantity.h"
#include "base/version.h"
#include "kube/connect.h"
#include "node/agent/agent.h"
#include "node/agent/connect_depot.h"
#include "node/agent/prepare_command.h"

namespace cloister::node {
namespace {

namespace asio = boost::asio;

constexpr int failedWhileRunning = 1;
constexpr int wrongUsage = 2;

struct Options {
  std::string node;
  std::string kubeconfig;
  std::string runsc;
  std::string runscRoot = "/run/containerd/runsc/k8s.io";
  std::string socket = "/run/cloister/node.sock";
  std::string store = "/var/lib/cloister/snapshots";
  std::string quota;
  DepotOptions depot;
  bool sweeps = true;
  std::string logLevel = "info";
};

int complain(const Error& error) {
  std::cerr << "cloister-node: " << error.message << "\n";
  return wrongUsage;
}

void declare(CLI::App& app, Options& options) {
  app.set_version_flag("--version", "cloister-node " + std::string(version()));
  app.add_option("--node-name", options.node, "The node that it runs on");
  app.add_option("--runsc", options.runsc, "runsc itself");
  app.add_option("--kubeconfig", options.kubeconfig,
                 "Kubeconfig file. Default: $KUBECONFIG, else the service account of the pod it runs in");
  app.add_option("--runsc-root", options.runscRoot, "runsc's state of containerd's Kubernetes containers")
      ->capture_default_str();
  app.add_option("--socket", options.socket, "Where cloister-runsc asks")->capture_default_str();
  app.add_option("--store", options.store, "The folder of the snapshots")->capture_default_str();
  app.add_option("--quota", options.quota,
                 "How much snapshots may take there, as a quantity: 100Gi. Default: as much as the disk has");
  DepotOptions& depot = options.depot;
  const auto add = [&app](const char* name, std::string& value, const char* words) {
    app.add_option(name, value, words)->group("Object storage")->capture_default_str();
  };
  add("--store-endpoint", depot.endpoint,
      "URL of S3-compatible storage to bring snapshots to. Default: none");
  add("--store-bucket", depot.bucket, "The bucket there");
  add("--store-region", depot.region, "Its region");
  add("--store-prefix", depot.prefix, "What all keys begin with");
  add("--store-addressing", depot.addressing, "Path or VirtualHost");
  add("--store-credentials", depot.credentials, "Folder with the files accessKey and secretKey");
  add("--store-token", depot.token,
      "File of a token that stands for a role, in place of --store-credentials (AssumeRoleWithWebIdentity)");
  add("--store-role", depot.role, "That role's ARN. Default: the service finds it by the token");
  add("--store-sts", depot.sts,
      "URL of the service that gives credentials for it. Default: AWS's of the region");
  add("--store-keys", depot.keys, "Folder of store keys, each a file with 32 bytes in base64");
  add("--store-key", depot.currentKey, "The one of them for new snapshots");
  add("--store-ca", depot.ca, "File of authorities for the endpoint. Default: the system's");
  app.add_option("--store-sweep", options.sweeps,
                 "Remove what no SandboxSnapshot refers to any more; the credentials need to delete objects")
      ->group("Object storage")
      ->capture_default_str();
  app.add_option("--log-level", options.logLevel, "debug, info, warn or error")->capture_default_str();
  app.footer("Exit codes: 0 stopped as asked, 1 failed while running, 2 wrong usage.");
}

Task<void> runAgent(Agent& agent, Door& door, asio::io_context& context) {
  TaskGroup group(context.get_executor());
  asio::signal_set signals(context, SIGTERM, SIGINT);
  agent.start(group);
  group.spawn("door", door.run());
  log::info("started", {{"version", version()}});
  co_await signals.async_wait(asio::as_tuple(asio::use_awaitable));
  log::info("stopping");
  co_await group.stop();
}

int run(const Options& options) {
  if (options.node.empty() || options.runsc.empty())
    return complain({.message = "--node-name and --runsc are required to run; or say install, or uninstall"});
  const auto quota = options.quota.empty() ? 0 : parseUnits(options.quota).value_or(0);
  if (!options.quota.empty() && quota == 0)
    return complain({.message = "--quota: a quantity above 0, such as 100Gi, not \"" + options.quota + "\""});
  asio::io_context context(1);
  const auto clock = realClock(context.get_executor());
  auto connection = kube::loadConfig(kube::locationsFromEnvironment(options.kubeconfig, ""));
  if (!connection) return complain(connection.error());
  auto transport = kube::connect(context.get_executor(), *clock, std::move(*connection));
  if (!transport) return complain(transport.error());
  kube::Client client(**transport, *clock);
  const auto files = realFiles();
  const std::string copies = copiesIn(options.store);
  const auto runsc = realRunsc(context.get_executor(), options.runsc, options.runscRoot, copies);
  Vault vault(*files, options.store);
  if (auto opened = vault.open(); !opened) return complain(opened.error());
  asio::thread_pool disk(1);
  asio::thread_pool sealing(1);  // whose work would hold up what a snapshot waits for
  std::unique_ptr<ConnectedDepot> depot;
  if (!options.depot.endpoint.empty()) {
    auto opened =
        ConnectedDepot::open(context.get_executor(), *clock, *files, sealing.get_executor(), options.depot);
    if (!opened) return complain(opened.error());
    depot = std::move(*opened);
  }
  Agent agent({.client = client,
               .clock = *clock,
               .files = *files,
               .vault = vault,
               .runsc = *runsc,
               .disk = disk.get_executor(),
               .node = options.node,
               .seed = std::random_device{}(),
               .depot = depot ? &depot->depot() : nullptr,
               .sweeps = options.sweeps,
               .quota = quota,
               .installed = options.runsc,
               .copies = copies});
  auto door = Door::open(context.get_executor(), *clock, options.socket,
                         [&](StartRequest request) { return agent.answer(std::move(request)); }, {});
  if (!door) return complain(door.error());
  int exitCode = 0;
  asio::co_spawn(context, runAgent(agent, **door, context), [&](const std::exception_ptr& failure) {
    exitCode = failure ? failedWhileRunning : 0;
    context.stop();
  });
  context.run();
  return exitCode;
}

}  // namespace
}  // namespace cloister::node

int main(int argc, char** argv) {
  cloister::node::Options options;
  CLI::App app("Takes, keeps and restores the snapshots of the sandboxes on its node.", "cloister-node");
  cloister::node::declare(app, options);
  const cloister::node::PrepareCommand prepare(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {  // --help and --version as well
    return app.exit(error) == 0 ? 0 : cloister::node::wrongUsage;
  }
  if (const auto exitCode = prepare.run()) return *exitCode;
  if (!cloister::log::setLevel(options.logLevel)) return cloister::node::wrongUsage;
  return cloister::node::run(options);
}
