// The SandboxTemplate kind, as crds/cloister.dev_sandboxtemplates.yaml describes it, and what it said at one
// time.
#pragma once

#include "api/sandbox.h"

namespace cloister::api {

// A snapshot that Sandboxes begin from, taken once the program in it is warm.
struct SandboxTemplateGolden {
  std::vector<std::string> readyCommand;  // run in the builder until it ends with 0
  std::optional<Duration> timeout;        // from the container's start; 5 min when absent
  bool operator==(const SandboxTemplateGolden&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxTemplateGolden, (), (readyCommand, timeout))

struct SandboxTemplateSpec {
  SandboxSpec
      sandbox;  // without templateRef, poolRef, restoreFrom and desiredState, which are a Sandbox's own
  // Names of the members of `sandbox` that a Sandbox may set itself. Absent: env, lifecycle, podMetadata.
  std::optional<std::vector<std::string>> overridable;
  std::optional<SandboxTemplateGolden> golden;
  bool operator==(const SandboxTemplateSpec&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxTemplateSpec, (), (sandbox, overridable, golden))

// The last attempt to make a golden snapshot, which has failed.
struct GoldenFailure {
  std::string name;  // that it would have had
  Time failedAt;
  std::string reason;  // of the condition GoldenReady; and
  std::string message;
  bool operator==(const GoldenFailure&) const = default;
};
BOOST_DESCRIBE_STRUCT(GoldenFailure, (), (name, failedAt, reason, message))

struct SandboxTemplateStatus {
  std::optional<int64_t> observedGeneration;
  std::string revision;                  // of the present spec
  std::optional<int> sandboxes;          // that live and were made from this template
  std::optional<int> outdated;           // ... of an older revision of it
  std::optional<GoldenSnapshot> golden;  // checked; of an older revision until there is one of the present
  std::optional<GoldenFailure> goldenFailure;  // another one follows ten minutes later
  std::vector<Condition> conditions;
  bool operator==(const SandboxTemplateStatus&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxTemplateStatus, (),
                      (observedGeneration, revision, sandboxes, outdated, golden, goldenFailure, conditions))

struct SandboxTemplate {
  ObjectMeta metadata;
  SandboxTemplateSpec spec;
  SandboxTemplateStatus status;
  // As Sandbox::unreadable.
  std::string unreadable = {};
  bool operator==(const SandboxTemplate&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxTemplate, (), (metadata, spec, status))

// What a template said at one time. apps/v1; DATA is immutable.
struct ControllerRevision {
  ObjectMeta metadata;
  SandboxTemplateSpec data;
  bool operator==(const ControllerRevision&) const = default;
};
BOOST_DESCRIBE_STRUCT(ControllerRevision, (), (metadata, data))

}  // namespace cloister::api
