#include "live_cluster.h"

#include <cstdlib>

#include "kube/connect.h"

namespace cloister::conformance {

kube::ClientConfig LiveCluster::loadConfig() {
  const char* file = std::getenv("CLOISTER_CONFORMANCE_KUBECONFIG");
  if (file == nullptr) {
    throw std::runtime_error(
        "CLOISTER_CONFORMANCE_KUBECONFIG is not set: run `e2e/cluster/cluster apiserver --dir DIR` and set "
        "it to "
        "DIR/kubeconfig");
  }
  return mustHave(kube::loadConfig({.explicitFile = file}));
}

LiveCluster::LiveCluster() : LiveCluster(loadConfig()) {}

LiveCluster::LiveCluster(kube::ClientConfig config)
    : clock_(realClock(context_.get_executor())),
      transport_(mustHave(kube::connect(context_.get_executor(), *clock_, std::move(config)))),
      client_(*transport_, *clock_) {}

void LiveCluster::waitUntil(const std::function<bool()>& reached) {
  context_.restart();
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!reached() && context_.run_one_until(end) > 0) {
  }
  if (!reached()) throw std::runtime_error("it did not happen within a minute");
}

void LiveCluster::wait(Duration duration) {
  boost::asio::steady_timer alarm(context_, duration);
  bool over = false;
  alarm.async_wait([&over](const boost::system::error_code&) { over = true; });
  waitUntil([&over] { return over; });
}

void LiveCluster::stop(TaskGroup& tasks) {
  bool stopped = false;
  boost::asio::co_spawn(context_, tasks.stop(), [&stopped](const std::exception_ptr&) { stopped = true; });
  waitUntil([&stopped] { return stopped; });
}

std::string LiveCluster::makeNamespace() {
  const auto made = mustHave(run(client_.create(
      kube::namespaces, "",
      {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"generateName", "conformance-"}}}})));
  return json::findString(made, "metadata.name");
}

}  // namespace cloister::conformance
