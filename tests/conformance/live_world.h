// The operator in this process, against the real API server. There is no kubelet: pods are said to run as
// soon as they are there.
#pragma once

#include "live_cluster.h"
#include "operator/operator.h"
#include "tests/generated/world.h"

namespace cloister::conformance {

// Counts what is more than a look.
class CountingTransport final : public net::Transport {
 public:
  explicit CountingTransport(net::Transport& inner) : inner_(inner) {}

  Task<Result<net::Response>> exchange(net::Request request) override;
  Task<Result<net::Opened>> open(net::Request request) override;
  size_t writes() const { return writes_; }

 private:
  net::Transport& inner_;
  size_t writes_ = 0;
};

class LiveWorld final : public generated::World {
 public:
  // With the kinds in the folder CRDS, the RuntimeClasses gvisor and kata, and the PriorityClass "sandboxes",
  // which go with it unless they were there.
  explicit LiveWorld(const std::string& crds);
  ~LiveWorld() override;

  generated::Answer apply(const std::string& name, const json::value& spec) override;
  void remove(const std::string& name) override;
  std::vector<generated::Object> list(const std::string& plural) override;
  bool waitUntil(const std::function<bool()>& reached) override;
  bool rest() override;
  std::vector<std::string> complaints() override { return {}; }
  bool validates() const override { return true; }

  // What the API server says to a new Sandbox with SPEC, which it does not keep.
  generated::Answer tryOut(const json::value& spec);

 private:
  generated::Answer send(const std::string& method, const std::string& path,
                         const json::value& body = nullptr);
  void await(const std::string& path);
  void provide(const std::string& path, json::value object);
  void playKubelet();

  LiveCluster cluster_;
  std::string namespace_;
  std::vector<std::string> provided_;
  Config config_;
  CountingTransport transport_;
  kube::Client client_;
  runtime::Metrics metrics_;
  Operator operator_;
  TaskGroup tasks_;
};

}  // namespace cloister::conformance
