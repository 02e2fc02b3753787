// What the pods of a pool are to it, and how many it should hold. Pure.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "operator/pool/design.h"
#include "operator/quota/book.h"
#include "operator/sandbox/diagnose.h"

namespace cloister::pool {

// Everything a plan rests on. Pointers are to immutable objects of the stores.
struct Observed {
  std::shared_ptr<const api::SandboxPool> pool = {};           // null: there is none
  std::shared_ptr<const api::SandboxTemplate> template_ = {};  // that it names
  std::expected<Design, sandbox::Refusal> design = {};  // of the pods that it makes now, or why it makes none
  bool revisionIsKept = false;                          // the ControllerRevision of DESIGN is there
  std::vector<std::shared_ptr<const api::Pod>> idle = {};  // with its name in their labels, whoever owns them
  std::vector<std::shared_ptr<const api::Pod>> taken = {};  // ... that Sandboxes took
  uint64_t podsVersion = 0;                                 // up to which the watch had told of pods
  // When the Sandboxes of TAKEN were created, for a pool that follows demand; by the clock here.
  std::vector<Time> claims = {};
  std::map<std::string, Duration> unready = {};  // for how long this process has known pods not Ready, by uid
  int waiting = 0;                         // Sandboxes that wait for a pod of a pool that follows demand
  std::set<std::string> closedNodes = {};  // that are cordoned or not Ready
  std::vector<std::string> policies = {};  // names of the namespace's NetworkPolicies of ours
  bool guarded = false;                    // as the configuration says
  std::set<std::string> foreign = {};      // names of slots that pods of somebody else have
  std::set<std::string> unanswered = {};   // ... whose pods were asked for, and may be made any time
  std::optional<Error> failure = {};       // of the round that was just made
  std::shared_ptr<const api::SandboxQuota> quota = {};  // of the namespace
  std::optional<quota::Answer> answer = {};             // ... to what this process asked of it last
};

enum class Standing {
  Ready,
  Starting,
  Stuck,  // not Ready for the progress deadline
  Spent,  // ended, or on a node that is closed: nobody will take it
};

struct Member {
  std::shared_ptr<const api::Pod> pod;
  Standing standing = Standing::Starting;
  Time born = {};        // when it was created, and
  Time since = {};       // ... ceased to be Ready; both by the clock here
  bool updated = false;  // as the pool would make it now
};

// What is in the way of a pod that is not Ready.
struct Trouble {
  std::shared_ptr<const api::Pod> pod;
  sandbox::Diagnosis diagnosis;
};

struct View {
  std::vector<Member> members;  // the pool's pods that nobody has taken and that are not on their way out
  int target = 0;               // how many there should be
  int ready = 0;
  int updated = 0;
  int claimed = 0;          // Sandboxes that live in a pod of the pool
  int mostUnavailable = 1;  // of the ready ones, in a rolling update
  Duration deadline = {};   // for a pod to become Ready
  bool failing = false;     // pods as they are made now do not become Ready: those of before are kept
  bool newestIsReady =
      false;  // ... of those that do become Ready, one is younger than every pod that is stuck
  std::optional<Trouble> trouble = {};  // the oldest

  int present() const { return int(members.size()); }
};

// The pool is there.
View view(const Observed& observed, Time now);

// A pod that ended, or whose node is closed, keeps its place until it is as old as this: a command that ends
// at once must not cost more than a pod in this time.
inline constexpr Duration shortestLife = std::chrono::minutes(1);
// For so long a Sandbox that took a pod counts as demand.
inline constexpr Duration demandWindow = std::chrono::minutes(1);

}  // namespace cloister::pool
