// What the operator makes for a template's golden snapshot (docs/decisions/0017-golden-snapshots.md), and how
// that is told from what somebody else gave the same owner.
#pragma once

#include "api/snapshot.h"

namespace cloister::api {

// Of the template called TEMPLATE_: its builder's, and its golden snapshot's. HASH has 8 characters. At most
// 52 of what a Sandbox's name may have.
std::string goldenName(std::string_view template_, std::string_view hash);

// The template that an object with META is the operator's own for, by its controller, label and name. Null:
// it is somebody's, whoever its controller is.
const OwnerReference* goldenOwner(const ObjectMeta& meta);

// Of a builder of the template called NAME, and of the golden snapshot that is taken of the builder NAME.
SandboxSpec builderSpec(const std::string& name);
SandboxSnapshotSpec goldenSpec(const std::string& name);

// It is the operator's own, and says what the operator has written and nothing else: SANDBOX is run for a
// golden snapshot to be taken of it; SNAPSHOT is one.
bool isBuilder(const Sandbox& sandbox);
bool isGolden(const SandboxSnapshot& snapshot);

}  // namespace cloister::api
