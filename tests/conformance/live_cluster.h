// A client of the real API server that CLOISTER_CONFORMANCE_KUBECONFIG names.
#pragma once

#include <functional>
#include <optional>
#include <stdexcept>

#include <boost/asio/io_context.hpp>

#include "base/clock.h"
#include "base/task_group.h"
#include "kube/client.h"
#include "kube/config.h"

namespace cloister::conformance {

class LiveCluster {
 public:
  // Throws, and says what to set, when there is no usable kubeconfig.
  LiveCluster();
  explicit LiveCluster(kube::ClientConfig config);

  static kube::ClientConfig loadConfig();

  boost::asio::io_context& context() { return context_; }
  Clock& clock() { return *clock_; }
  net::Transport& transport() { return *transport_; }
  kube::Client& client() { return client_; }

  // The outcome of TASK; throws when it takes longer than a minute.
  template <class T>
  T run(Task<T> task) {
    std::optional<T> out;
    boost::asio::co_spawn(context_, std::move(task), [&out](const std::exception_ptr& failure, T result) {
      if (failure) std::rethrow_exception(failure);
      out.emplace(std::move(result));
    });
    waitUntil([&out] { return out.has_value(); });
    return std::move(*out);
  }

  // Runs the event loop until REACHED says so. Throws after a minute.
  void waitUntil(const std::function<bool()>& reached);
  void wait(Duration duration);
  void stop(TaskGroup& tasks);

  // A new namespace; with the API server alone nobody would end one, so it is left to it.
  std::string makeNamespace();

 private:
  boost::asio::io_context context_{1};
  std::unique_ptr<Clock> clock_;
  std::unique_ptr<net::Transport> transport_;
  kube::Client client_;
};

// The value, or a test failure that tells the error.
template <class T>
T mustHave(Result<T> result) {
  if (!result) {
    throw std::runtime_error(std::string(name(result.error().code)) + " " + result.error().reason + ": " +
                             result.error().message);
  }
  return std::move(*result);
}

}  // namespace cloister::conformance
