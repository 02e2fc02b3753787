// Containers that were held: what they are told once their pods are taken, and what their pods' conditions
// tell of them (api::heldCondition; its message is the version of the runsc that created them, or "unknown").
// Nothing of it is kept: whoever waits asks again.
#pragma once

#include <functional>
#include <map>

#include "kube/client.h"
#include "node/agent/runsc.h"
#include "node/agent/start.h"
#include "runtime/store.h"

namespace cloister::node {

class Holder {
 public:
  struct Parts {
    kube::Client& client;
    Clock& clock;
    const runtime::Store<api::Pod>& pods;  // of this node, and of Sandboxes or pools
    // What the API server has, and the node, for a pod that was taken at ASKED.
    std::function<Task<Result<StartView>>(StartRequest, Instant asked)> look;
    Runsc& runsc;
  };
  explicit Holder(Parts parts) : parts_(std::move(parts)) {}

  // For a question of stage Wait: once the pod is taken, or, with Hold, after a while.
  Task<StartAnswer> wait(StartRequest request);
  // ... of stage Begun. Refuse: it could not be told.
  Task<StartAnswer> begun(StartRequest request);
  // The pod KEY was changed, or is gone.
  void podChanged(const kube::ObjectKey& key);

 private:
  class Waiting;
  struct Glance {
    StartAnswer answer;  // Hold: to look again, when the pod is changed, or
    bool soon = false;   // ... soon in any case, or
    bool gone = false;   // ... never: there is no such pod
  };
  Task<Glance> glance(StartRequest request, Instant asked);
  // VERSION: of the pod, which must have changed no more. Empty: any.
  Task<Result<void>> tell(StartRequest request, bool held, std::string version);

  Parts parts_;
  std::multimap<kube::ObjectKey, Timer*> waiting_;
};

}  // namespace cloister::node
