// The pods that pools hold ready, so ordered that the best one for a Sandbox is found without looking at all.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/core.h"
#include "kube/resource.h"

namespace cloister::pool {

class IdlePods {
 public:
  // Pods of one pool that are equal to a Sandbox.
  struct Group {
    std::string revision;  // the ControllerRevision they were made from
    std::string shape;     // sandbox::shapeOf their pod
    std::string heldWith;  // which image they have, if they were made to be held
    auto operator<=>(const Group&) const = default;
  };
  // One group's best pod.
  struct Offer {
    Group group;
    kube::ObjectKey pod;
  };

  // A pod's news, in the order of its store: either may be null.
  void changed(const api::Pod* before, const api::Pod* after);
  // Nobody else is offered POD until it is let go.
  void hold(const kube::ObjectKey& pod);
  void letGo(const kube::ObjectKey& pod);
  bool isHeld(const kube::ObjectKey& pod) const { return held_.contains(pod); }

  // For each group of POOL its best pod: on the node that has most of the pool's ready pods, of those nodes
  // that are not in CLOSED; or on NODE, if that is not empty.
  std::vector<Offer> offers(const kube::ObjectKey& pool, const std::set<std::string>& closed,
                            const std::string& node = {}) const;
  // How many pods of POOL are ready.
  size_t ready(const kube::ObjectKey& pool) const;

 private:
  using Pods = std::set<kube::ObjectKey>;
  using Nodes = std::map<std::string, std::map<Group, Pods>>;

  void add(const api::Pod& pod);
  void remove(const api::Pod& pod);

  std::map<kube::ObjectKey, Nodes> pools_;
  std::set<kube::ObjectKey> held_;
};

// In a pool, Ready, and not about to go.
bool isIdle(const api::Pod& pod);

}  // namespace cloister::pool
