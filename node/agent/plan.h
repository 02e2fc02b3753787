// What a node's agent does for one SandboxSnapshot, from what it sees of it. Pure.
#pragma once

#include <memory>

#include "api/snapshot.h"
#include "node/agent/vault.h"

namespace cloister::node {

struct Observed {
  std::shared_ptr<const api::SandboxSnapshot> snapshot;
  std::shared_ptr<const api::Pod> pod;       // of its Sandbox, on this node; null: there is none
  std::optional<api::Sandbox> sandbox = {};  // as the API server has it
  std::optional<Kept> kept = {};             // on this node
  std::optional<std::string> damage = {};    // what is wrong with the files of a Ready one here
  std::optional<Error> failure = {};         // of the attempt just made
};

struct Plan {
  std::optional<api::SandboxSnapshotStatus> status;  // to be written first, if it differs
  bool take = false;                                 // the checkpoint, then plan again
  bool drop = false;                                 // what is kept on this node
  std::optional<Time> again;
};

// It is this NODE's agent's to take and to tell of, as far as is known without asking the API server. What
// others have fetched of it is theirs.
bool isOurs(const api::SandboxSnapshot& snapshot, const api::Pod* pod, std::string_view node);

Plan plan(const Observed& observed, std::string_view node, Time now);

}  // namespace cloister::node
