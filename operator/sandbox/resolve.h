// A Sandbox's spec with every gap filled from the operator's configuration, and held against what it allows.
#pragma once

#include <optional>
#include <string>

#include "api/sandbox.h"
#include "operator/config.h"

namespace cloister::sandbox {

// Why a spec cannot be carried out here.
struct Refusal {
  std::string_view reason;  // reason::unsupported, reason::notAllowed or reason::unreadable
  std::string message;      // names the field, why, and the next step
  bool operator==(const Refusal&) const = default;
};

// Byte and thousandth counts are what the quantities say; the texts go into the pod.
struct Resolved {
  api::Runtime runtime = api::Runtime::gvisor;
  std::string runtimeClassName;
  std::string image;
  std::vector<std::string> command;
  std::vector<std::string> args;
  api::SecurityProfile securityProfile = api::SecurityProfile::Restricted;
  int64_t cpuMilli = 0;
  int64_t memoryBytes = 0;
  int64_t diskBytes = 0;       // the root file system's changes
  int64_t workspaceBytes = 0;  // /workspace
  std::string workspaceClass;  // the StorageClass of /workspace; empty: it lives with the pod
  int64_t tmpBytes = 0;        // /tmp
  int processes = 0;           // and threads, at once; 0: no limit
  Duration ttl = {};
  Duration maxLifetime = {};
  std::vector<api::LocalReference> imagePullSecrets;
  std::map<std::string, std::string> nodeSelector;
  std::vector<api::Toleration> tolerations;
  std::string priorityClassName;
  api::PodMetadata podMetadata;
  bool paused = false;     // it shall stand still, and can be made to
  bool suspended = false;  // it shall be saved and have no pod, and can be
  bool savable = false;    // that can be had at its end, as onExpiry wants it
  // The first thing in the spec that keeps it from being carried out. The rest is then filled as far as the
  // limits go.
  std::optional<Refusal> refusal;
};

Resolved resolve(const api::SandboxSpec& spec, const Config& config);

// IMAGE with PREFIX before it, unless it names a registry itself (its first part has a dot, a colon or is
// "localhost").
std::string withRegistry(const std::string& image, const std::string& prefix);

}  // namespace cloister::sandbox
