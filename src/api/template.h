// The SandboxTemplate kind, as crds/cloister.dev_sandboxtemplates.yaml describes it, and what it said at one
// time.
#pragma once

#include "api/sandbox.h"

namespace cloister::api {

struct SandboxTemplateSpec {
  SandboxSpec
      sandbox;  // without templateRef, poolRef, restoreFrom and desiredState, which are a Sandbox's own
  // Names of the members of `sandbox` that a Sandbox may set itself. Absent: env, lifecycle, podMetadata.
  std::optional<std::vector<std::string>> overridable;
  bool operator==(const SandboxTemplateSpec&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxTemplateSpec, (), (sandbox, overridable))

struct SandboxTemplateStatus {
  std::optional<int64_t> observedGeneration;
  std::string revision;          // of the present spec
  std::optional<int> sandboxes;  // that live and were made from this template
  std::optional<int> outdated;   // ... of an older revision of it
  std::vector<Condition> conditions;
  bool operator==(const SandboxTemplateStatus&) const = default;
};
BOOST_DESCRIBE_STRUCT(SandboxTemplateStatus, (),
                      (observedGeneration, revision, sandboxes, outdated, conditions))

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
