#include "operator/application.h"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <unistd.h>

#include <boost/asio/signal_set.hpp>

#include "base/log.h"
#include "base/version.h"
#include "kube/connect.h"
#include "net/http_server.h"
#include "operator/operator.h"

namespace cloister {
namespace {

namespace asio = boost::asio;

constexpr int failedWhileRunning = 1;
constexpr int wrongConfiguration = 2;

int complain(const Error& error) {
  std::cerr << "cloister-operator: " << error.message << "\n";
  return wrongConfiguration;
}

Result<Config> readConfig(const Options& options) {
  Config config;
  if (!options.configFile.empty()) {
    auto loaded = loadConfig(options.configFile);
    if (!loaded) return loaded;
    config = std::move(*loaded);
  }
  if (!options.listen.empty()) config.listen = options.listen;
  if (!options.logLevel.empty()) config.logLevel = options.logLevel;
  return config;
}

std::string environment(const char* name, std::string fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : std::move(fallback);
}

std::string hostName() {
  std::array<char, 256> buffer{};
  return gethostname(buffer.data(), buffer.size() - 1) == 0 ? buffer.data() : "unknown";
}

uint64_t randomSeed() {
  std::random_device device;
  return uint64_t(device()) << 32 | device();
}

// Everything that one run of the operator consists of, in the order in which it is built.
class Application {
 public:
  Application(const Config& config, std::string namespace_, std::unique_ptr<net::Transport> transport,
              asio::io_context& context, Clock& clock)
      : seed_(randomSeed()),
        transport_(std::move(transport)),
        client_(*transport_, clock),
        operator_({.client = client_,
                   .clock = clock,
                   .config = config,
                   .metrics = metrics_,
                   .identity = environment("POD_NAME", hostName()) + "_" + std::to_string(seed_ & 0xffffffff),
                   .namespace_ = environment("POD_NAMESPACE", std::move(namespace_)),
                   .seed = seed_}),
        group_(context.get_executor()),
        signals_(context, SIGTERM, SIGINT) {
    client_.onCall([this](const kube::CallRecord& call) { metrics_.apiCall(call); });
    exposeMetrics();
  }

  Task<void> run(net::HttpServer& server) {
    group_.spawn("http", server.run());
    operator_.start(group_);
    log::info("started", {{"version", version()}, {"port", server.port()}});
    co_await signals_.async_wait(asio::as_tuple(asio::use_awaitable));
    log::info("stopping");
    co_await group_.stop();
    co_await operator_.release();
    log::info("stopped");
  }

  net::Response respond(const net::Request& request) const {
    if (request.target == "/healthz") return {.status = 200, .body = "ok\n"};
    if (request.target == "/readyz") return readiness();
    if (request.target != "/metrics") return {.status = 404, .body = "not found\n"};
    return {
        .status = 200, .headers = {{"Content-Type", "text/plain; version=0.0.4"}}, .body = metrics_.text()};
  }

 private:
  void exposeMetrics() {
    metrics_.gauges("cloister_sandboxes", "Sandboxes by phase.", "phase",
                    [this] { return operator_.sandboxesByPhase(); });
    metrics_.gauges("cloister_queue_depth", "Keys that wait to be worked on, delayed ones included.",
                    "controller", [this] { return operator_.queueDepths(); });
    metrics_.gauges("cloister_quota_used", "What is used of each limit of a namespace's SandboxQuota.",
                    [this] { return operator_.quotaFigures(&api::SandboxQuotaStatus::used); });
    metrics_.gauges("cloister_quota_limit", "The limits of a namespace's SandboxQuota.",
                    [this] { return operator_.quotaFigures(&api::SandboxQuotaStatus::hard); });
    metrics_.gauges("cloister_quota_queued", "Sandboxes that wait for their namespace's SandboxQuota.",
                    "namespace", [this] { return operator_.queuedByNamespace(); });
    metrics_.counter("cloister_events_dropped_total", "Events for people that could not be sent.",
                     [this] { return double(operator_.eventsDropped()); });
    metrics_.gauge("cloister_leader", "1 while this replica leads.", {},
                   [this] { return operator_.leading() ? 1 : 0; });
    metrics_.gauge("cloister_build_info", "Always 1; the label tells the version.",
                   {{"version", std::string(version())}}, [] { return 1; });
  }

  net::Response readiness() const {
    if (operator_.current()) return {.status = 200, .body = "ok\n"};
    return {.status = 503, .body = "not ready: the view of the API server is not up to date\n"};
  }

  uint64_t seed_;
  runtime::Metrics metrics_;
  std::unique_ptr<net::Transport> transport_;
  kube::Client client_;
  Operator operator_;
  TaskGroup group_;
  asio::signal_set signals_;
};

void tellWhatIsOff(const Config& config) {
  if (config.watchNamespaces.empty()) return;
  log::info("namespaced mode: nodes are not read, so NodeLost is told only by the pod's own conditions",
            {{"namespaces", config.watchNamespaces.size()}});
}

}  // namespace

int runOperator(const Options& options) {
  const auto config = readConfig(options);
  if (!config) return complain(config.error());
  if (!log::setLevel(config->logLevel)) {
    return complain(
        {Errc::InvalidInput, "logLevel: \"" + config->logLevel + "\" is none of debug, info, warn, error"});
  }
  if (options.checkConfig) return 0;

  asio::io_context context(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO);  // one thread: nothing is to be locked
  const auto clock = realClock(context.get_executor());
  auto connection = kube::loadConfig(kube::locationsFromEnvironment(options.kubeconfig, options.context));
  if (!connection) return complain(connection.error());
  const std::string namespace_ = connection->namespace_;
  auto transport = kube::connect(context.get_executor(), *clock, std::move(*connection));
  if (!transport) return complain(transport.error());

  tellWhatIsOff(*config);
  Application application(*config, namespace_, std::move(*transport), context, *clock);
  auto server =
      net::HttpServer::listen(context.get_executor(), config->listen,
                              [&](const net::Request& request) { return application.respond(request); });
  if (!server) return complain(server.error());
  int exitCode = 0;
  asio::co_spawn(context, application.run(**server), [&](const std::exception_ptr& failure) {
    exitCode = failure ? failedWhileRunning : 0;
    context.stop();
  });
  context.run();
  return exitCode;
}

}  // namespace cloister
