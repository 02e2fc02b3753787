// First come, first served: what the requests of one namespace are answered. Pure.
#pragma once

#include "operator/quota/pods.h"

namespace cloister::quota {

struct Served {
  std::vector<api::QuotaGrant> grants;    // those that were held, and the new ones
  std::vector<api::QuotaStep> recent;     // creations, the new ones among them
  std::map<std::string, Answer> answers;  // for all that wait
  int queued = 0;                         // Sandboxes
  bool complete = true;                   // all Sandboxes were looked at: these answers stand
  bool changed = false;                   // there is a new grant
};

// HELD: grants that stand; USED: what they and the pods use; RECENT: creations, forgotten().
Served serve(const Observed& observed, const Pods& pods, std::vector<api::QuotaGrant> held,
             const Amount& used, std::vector<api::QuotaStep> recent, Time now);

}  // namespace cloister::quota
