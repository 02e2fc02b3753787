// Objects as the API server would hand them out, for the operator's tests.
#pragma once

#include "operator/config.h"
#include "operator/sandbox/plan.h"

namespace cloister::test {

// When the example Sandboxes were created; the simulated clock starts here.
inline constexpr Time epoch = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1);

// team/NAME, just created, with an empty spec.
api::Sandbox aSandbox(const std::string& name = "hello");

// What the operator would post for SANDBOX under CONFIG, just accepted by the API server.
api::Pod podOf(const api::Sandbox& sandbox, const Config& config = {});

// The pod further on its way.
api::Pod unschedulable(api::Pod pod, const std::string& message);
api::Pod scheduled(api::Pod pod, const std::string& node = "node-1");
api::Pod waiting(api::Pod pod, const std::string& reason, const std::string& message);
api::Pod ready(api::Pod pod, Time since = epoch + seconds(1));
api::Pod unready(api::Pod pod);  // as the node controller marks the pods of a node that fell silent
api::Pod ended(api::Pod pod, int exitCode, const std::string& reason, const std::string& message = {});
api::Pod evicted(api::Pod pod, const std::string& message);
api::Pod disrupted(api::Pod pod, const std::string& reason, const std::string& message);
api::Pod refusedByNode(api::Pod pod, const std::string& reason, const std::string& message);
api::Pod leaving(api::Pod pod, Time since = epoch + seconds(60));

// What the stores hold when they are up to date and the namespace has its default-deny policy.
sandbox::Observed seen(const api::Sandbox& sandbox, const std::vector<api::Pod>& pods = {});

// The actions of one kind in PLAN.
template <class T>
std::vector<T> actionsOf(const sandbox::Plan& plan) {
  std::vector<T> found;
  for (const sandbox::Action& action : plan.actions) {
    if (const T* one = std::get_if<T>(&action)) found.push_back(*one);
  }
  return found;
}

}  // namespace cloister::test
