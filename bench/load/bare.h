// A warm start without a controller: the writes that any must make, and nothing else. What takes longer than
// this is a controller's own.
#pragma once

#include <deque>

#include "bench/load/plan.h"
#include "kube/client.h"

namespace cloister::bench {

// The writes, as values.
json::array takePatch(const BarePlan& plan, const json::value& pod, const json::value& sandbox);
json::object statusPatch(const BarePlan& plan, const json::value& pod, const json::value& sandbox);

class BareStarter {
 public:
  // CLIENT and PLAN must outlive it.
  BareStarter(kube::Client& client, std::string namespace_, const BarePlan& plan)
      : client_(client), namespace_(std::move(namespace_)), plan_(plan) {}

  // Learns the Ready pods with the labels of the plan's pod. Pods that come later are not used.
  Task<Result<void>> findPods();
  // Moves a pod to SANDBOX, names it in its status, and posts a pod in its place. Errc::NotFound without a
  // pod.
  Task<Result<void>> start(json::value sandbox);
  size_t pods() const { return pods_.size(); }

 private:
  kube::Client& client_;
  std::string namespace_;
  const BarePlan& plan_;
  std::deque<json::value> pods_;
};

}  // namespace cloister::bench
