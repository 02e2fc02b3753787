// The golden snapshot of a SandboxTemplate: what is made, checked and removed for it
// (docs/decisions/0017-golden-snapshots.md). Pure.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/golden.h"
#include "api/template.h"
#include "operator/config.h"

namespace cloister::templates {

// From when an attempt has failed, however, to the next one.
constexpr Duration goldenRetry = std::chrono::minutes(10);
// When to look again for what nobody tells of: that a name which is somebody else's is free.
constexpr Duration goldenLook = std::chrono::minutes(1);
// How long the program may take to get warm, where the template does not say.
constexpr Duration defaultWarmUp = std::chrono::minutes(5);
// How often the program is asked whether it is warm, and how long it may take to answer: so that none asks
// for longer than it was allowed to.
constexpr Duration warmUpPeriod = seconds(5);

using SandboxPtr = std::shared_ptr<const api::Sandbox>;
using SnapshotPtr = std::shared_ptr<const api::SandboxSnapshot>;

// Of the snapshot that FROM, with pods of SHAPE (sandbox::plainShape), shall have while its REVISION is that
// of the name, and of the Sandbox that it is taken of: another one for each revision and shape.
std::string goldenName(const api::SandboxTemplate& from, const std::string& revision,
                       const std::string& shape);

// The object with META has a name that is needed for FROM, and the operator has given it.
bool isOwn(const api::SandboxTemplate& from, const api::ObjectMeta& meta);

struct GoldenObserved {
  std::string name;                    // goldenName()
  SandboxPtr builder = {};             // of that name, whoever's; null: there is none
  SnapshotPtr snapshot = {};           // likewise
  std::vector<SandboxPtr> builders;    // that are the template's
  std::vector<SnapshotPtr> snapshots;  // likewise
  std::set<std::string> wanted = {};   // snapshots that a Sandbox's status names which has not begun yet
  bool begun = false;                  // this process has seen the builder
  std::optional<Error> refused = {};   // why what was planned in this round could not be created
};

struct GoldenStep {
  std::optional<json::value> builder;   // to be created; and
  std::optional<json::value> snapshot;  // likewise
  std::vector<SandboxPtr> oldBuilders;  // to be deleted; and
  std::vector<SnapshotPtr> oldSnapshots;
  std::optional<api::GoldenSnapshot> golden;  // of the template's status; and
  std::optional<api::GoldenFailure> failure;  // likewise; and
  std::string_view reason;                    // of its condition GoldenReady; empty: it has none
  std::string message;
  std::optional<Time> again;
};

// FROM can be read, and is not on its way out.
GoldenStep planGolden(const api::SandboxTemplate& from, const GoldenObserved& seen, const Config& config,
                      Time now);

// What the builder of FROM has in the place of SPEC, which was completed from FROM: nothing that lets others
// reach it, or brings it back, or saves it for another purpose, or ends it before its time.
api::SandboxSpec asBuilder(api::SandboxSpec spec);
// Makes POD, as podFor() made it, the builder's: Ready when the program is warm, on a node with an agent.
void makeBuilder(const api::SandboxTemplateGolden& golden, const SnapshotsConfig& config, json::value& pod);

}  // namespace cloister::templates
