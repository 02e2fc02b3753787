// Whether a container that wants to be started is started, restored, or neither. What the pod says of itself
// does not count: what the API server has of it does. Pure.
#pragma once

#include <map>

#include "api/pool.h"
#include "api/snapshot.h"
#include "node/agent/image.h"
#include "node/agent/oci_spec.h"
#include "node/agent/vault.h"
#include "node/protocol.h"

namespace cloister::node {

// As far as it had to be asked; each is none when there is none.
struct StartView {
  std::string node;            // this one
  std::string runtimeVersion;  // of the runsc that the container was created with; empty: it is not known
  std::optional<api::Pod> pod = {};
  std::optional<api::SandboxPool> pool = {};  // of the name that the pod's owner has, and
  std::optional<api::Sandbox> sandbox = {};   // ... likewise
  std::optional<api::SandboxSnapshot> snapshot = {};
  std::optional<Kept> kept = {};  // of that snapshot, its sizes checked
  std::string damage = {};        // what is wrong with what there is of it
  std::string fetching = {};      // how it stands, when it is to come from the store
  bool isComing = false;          // ... and whether waiting helps
  bool rootStarted = false;       // the pod's root container was not restored
  int rootFailures = 0;           // ... was to be, so many times, and another one asks now
  std::optional<Container> container = {};
  Image image = {};  // that the container is to have, as the pod says; or has, of one that was held
  std::map<std::string, Image> images = {};  // that those of the snapshot's names are to have, by their names
  std::string program = {};  // the runsc of the snapshot's version; empty: there is none on this node
};

// What has to be found out next to decide about REQUEST; empty when nothing of its kind.
std::optional<std::string> poolToRead(const StartRequest& request, const StartView& view);
std::optional<std::string> sandboxToRead(const StartRequest& request, const StartView& view);
std::optional<std::string> snapshotToRead(const StartRequest& request, const StartView& view);
bool isVaultToRead(const StartView& view);
// The snapshot, of which nothing is kept here, is worth fetching from the store.
bool isToFetch(const StartView& view);

StartAnswer decideStart(const StartRequest& request, const StartView& view);
// For a question of stage Create: with which runsc, and with the files of which snapshot. A refusal is why it
// cannot have them; it is created without, and refused again when it is to start.
StartAnswer decideCreation(const StartView& view);
// The snapshot has files alone, which a sandbox is created with.
bool isOfFiles(const StartView& view);

}  // namespace cloister::node
