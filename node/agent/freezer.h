// The sandboxes of this node that shall stand still: looks, carries out what freeze.h decides, answers.
#pragma once

#include <set>

#include "kube/client.h"
#include "node/agent/freeze.h"
#include "runtime/controller.h"
#include "runtime/store.h"

namespace cloister::node {

class Freezer {
 public:
  struct Parts {
    kube::Client& client;
    Clock& clock;
    const runtime::Store<api::Pod>& pods;  // of this node, and of Sandboxes
    Runsc& runsc;
  };
  explicit Freezer(Parts parts) : parts_(parts) {}

  // What was done with POD last is not known.
  void doubt(const api::Pod& pod) { unclear_.insert(pod.metadata.uid); }
  // The pod KEY.
  Task<Result<runtime::Outcome>> reconcile(kube::ObjectKey key, uint64_t id);
  void forget(const api::Pod& pod) { unclear_.erase(pod.metadata.uid); }

 private:
  Task<Result<void>> settle(std::shared_ptr<const api::Pod> pod, RunningSandbox sandbox);
  Task<Result<void>> carryOut(FreezeStep step, RunningSandbox sandbox);
  Task<Result<void>> answer(std::shared_ptr<const api::Pod> pod, api::PodCondition condition);

  Parts parts_;
  // The uids of pods whose sandboxes may be in another state than their conditions tell.
  std::set<std::string> unclear_;
};

}  // namespace cloister::node
