// What is to be done for one SandboxTemplate: its status, and the revisions that nothing needs any more.
// Pure.
//
// Whoever makes a pod from the template keeps its revision first (sandbox/plan.cc, pool/plan.cc); this
// controller only removes.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "api/template.h"
#include "operator/config.h"
#include "operator/template/golden.h"

namespace cloister::templates {

constexpr Duration unusedGrace = std::chrono::minutes(10);
// Counts in the status may be so old: a start must not cost a write for each.
constexpr Duration countsPeriod = seconds(10);

struct Kept {
  std::shared_ptr<const api::ControllerRevision> revision;
  int sandboxes = 0;        // that live and were made from it
  bool used = false;        // a Sandbox, living or not, or a pod names it
  Duration unusedFor = {};  // since this process first saw it unused, on a clock that never jumps
};

struct Observed {
  std::shared_ptr<const api::SandboxTemplate> template_;  // there
  std::vector<Kept> revisions;                            // its own
  GoldenObserved golden = {};
};

struct Plan {
  std::vector<std::shared_ptr<const api::ControllerRevision>> remove;
  GoldenStep golden;                                 // what is to be made, and then removed
  std::optional<api::SandboxTemplateStatus> status;  // to be written, if it differs from the present one
  std::optional<Time> again = {};
};

Plan plan(const Observed& observed, const Config& config, Time now);

}  // namespace cloister::templates
