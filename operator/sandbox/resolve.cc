#include "operator/sandbox/resolve.h"

#include "operator/sandbox/overtime.h"
#include "operator/sandbox/reasons.h"

namespace cloister::sandbox {
namespace {

constexpr int64_t mebi = 1 << 20;
constexpr int64_t largestTmp = 1024 * mebi;

using Check = std::optional<Refusal>;

Check unsupported(std::string_view field, std::string_view why) {
  return Refusal{reason::unsupported, "spec." + std::string(field) + ": " + std::string(why)};
}
Check notAllowed(std::string_view field, std::string_view why) {
  return Refusal{reason::notAllowed, "spec." + std::string(field) + ": " + std::string(why)};
}

// Fields whose machinery is not part of this version. They are refused rather than ignored: a sandbox that
// lacks what its author asked for is worse than none.
Check unsupportedField(const api::SandboxSpec& spec, const Config& config) {
  if (spec.restoreFrom && !config.snapshots.enabled) {
    return unsupported(
        "restoreFrom",
        "snapshots are not available on this cluster; remove the field, or ask the administrator "
        "to run cloister-node and set snapshots.enabled");
  }
  if (spec.lifecycle.idleTimeout) {
    return unsupported("lifecycle.idleTimeout",
                       "activity is not measured in this version; use lifecycle.ttl");
  }
  if (spec.resources.processes && !config.snapshots.enabled) {
    return unsupported("resources.processes",
                       "only nodes with cloister-node limit processes, and this cluster has none; remove the "
                       "field, or ask the administrator to run it and set snapshots.enabled");
  }
  if (!spec.network.egress.names.empty()) {
    return unsupported("network.egress.names",
                       "names are not resolved in this version; use network.egress.cidrs");
  }
  return std::nullopt;
}

// Of FIELD, which wants the sandbox stopped, and perhaps (SAVED) its memory saved. What else there is to
// have: FALLBACK where nodes have no agents, INSTEAD where it is this sandbox that cannot be.
Check unsupportedStop(std::string_view field, bool saved, const Resolved& resolved, const Config& config,
                      const std::string& fallback, const std::string& instead) {
  if (!config.snapshots.enabled) {
    return unsupported(field, "only " + fallback +
                                  " is available on this cluster; ask the administrator to run cloister-node "
                                  "and set snapshots.enabled, or " +
                                  instead);
  }
  if (resolved.runtime != api::Runtime::gvisor)
    return unsupported(field, "only a sandbox under gvisor can be stopped; " + instead);
  if (saved && !resolved.workspaceClass.empty()) {
    return unsupported(
        field, "a workspace with a storageClass is not saved with the sandbox's memory; use " + fallback);
  }
  return std::nullopt;
}

Check unsupportedState(const api::SandboxSpec& spec, const Resolved& resolved, const Config& config) {
  const auto state = spec.desiredState.value_or(api::DesiredState::Running);
  if (state == api::DesiredState::Running) return std::nullopt;
  const bool saved = state == api::DesiredState::Suspended;
  return unsupportedStop("desiredState", saved, resolved, config,
                         config.snapshots.enabled ? "Paused" : "Running", "delete the Sandbox to stop it");
}

Check unsupportedEnd(const api::SandboxSpec& spec, const Resolved& resolved, const Config& config) {
  if (!isKept(spec)) return std::nullopt;
  return unsupportedStop("lifecycle.onExpiry", true, resolved, config, "Delete", "use Delete");
}

// What cannot be suspended cannot be saved by a schedule either.
Check unsupportedSchedule(const api::SandboxSpec& spec, const Resolved& resolved, const Config& config) {
  if (!spec.snapshotSchedule) return std::nullopt;
  if (!config.snapshots.enabled) {
    return unsupported("snapshotSchedule",
                       "snapshots are not available on this cluster; remove the field, or ask the "
                       "administrator to run cloister-node and set snapshots.enabled");
  }
  if (resolved.runtime != api::Runtime::gvisor)
    return unsupported("snapshotSchedule", "only a sandbox under gvisor can be saved; remove the field");
  if (!resolved.workspaceClass.empty()) {
    return unsupported(
        "snapshotSchedule",
        "a workspace with a storageClass is not saved with the sandbox's memory; remove one of "
        "the two");
  }
  return std::nullopt;
}

const RuntimeConfig& configOf(api::Runtime runtime, const RuntimesConfig& runtimes) {
  switch (runtime) {
    case api::Runtime::kata:
      return runtimes.kata;
    case api::Runtime::runc:
      return runtimes.runc;
    case api::Runtime::gvisor:
      break;
  }
  return runtimes.gvisor;
}

Check unlimitedRuntime(const Resolved& resolved) {
  if (resolved.processes == 0 || resolved.runtime == api::Runtime::gvisor) return std::nullopt;
  return unsupported("resources.processes", "only gvisor limits processes; use it, or remove the field");
}

// Its pod would start, and nothing be restored into it.
Check unsupportedRestore(const api::SandboxSpec& spec, const Resolved& resolved) {
  if (!spec.restoreFrom || resolved.runtime == api::Runtime::gvisor) return std::nullopt;
  return unsupported("restoreFrom",
                     "only a sandbox under gvisor can be restored in this version; use runtime gvisor, or "
                     "remove the field");
}

Check forbiddenRuntime(const Resolved& resolved, const Config& config) {
  const std::string name = boost::describe::enum_to_string(resolved.runtime, "");
  if (!configOf(resolved.runtime, config.runtimes).allowed) {
    return notAllowed("runtime",
                      name + " is not allowed on this cluster; use gvisor, or ask the administrator to set " +
                          "runtimes." + name + ".allowed");
  }
  if (resolved.securityProfile != api::SecurityProfile::Baseline) return std::nullopt;
  if (!config.allowBaselineProfile) {
    return notAllowed("securityProfile",
                      "Baseline is not allowed on this cluster; use Restricted, or ask the administrator to "
                      "set allowBaselineProfile");
  }
  if (resolved.runtime == api::Runtime::runc) {
    return notAllowed("securityProfile",
                      "Baseline needs a runtime with a kernel of its own; use gvisor or kata");
  }
  return std::nullopt;
}

// One resource: what the spec says or else the default, in UNITS, held against the largest allowed.
Check resolveQuantity(std::string_view field, const Quantity& wanted, const Quantity& fallback,
                      const Quantity& largest, std::optional<int64_t> (*units)(std::string_view),
                      int64_t& out) {
  const auto most = units(largest.text);
  out = units(wanted.empty() ? fallback.text : wanted.text).value_or(0);
  if (out <= 0)
    return notAllowed(field, "\"" + wanted.text + "\" is not a usable amount; give a positive quantity");
  if (!most || out <= *most) return std::nullopt;
  out = *most;
  return notAllowed(
      field, wanted.text + " exceeds the largest this cluster allows, " + largest.text + "; ask for less");
}

Check resolveResources(const api::SandboxSpec& spec, const Config& config, Resolved& out) {
  const ResourceBounds& defaults = config.defaults.resources;
  const ResourceBounds& largest = config.largest;
  const api::SandboxResources& wanted = spec.resources;
  const Check checks[] = {
      resolveQuantity("resources.cpu", wanted.cpu, defaults.cpu, largest.cpu, parseMilli, out.cpuMilli),
      resolveQuantity("resources.memory", wanted.memory, defaults.memory, largest.memory, parseUnits,
                      out.memoryBytes),
      resolveQuantity("resources.disk", wanted.disk, defaults.disk, largest.disk, parseUnits, out.diskBytes),
      resolveQuantity("workspace.size", spec.workspace.size,
                      wanted.disk.empty() ? defaults.disk : wanted.disk, largest.disk, parseUnits,
                      out.workspaceBytes),
  };
  out.workspaceClass = spec.workspace.storageClass;
  out.tmpBytes = std::min(out.diskBytes, largestTmp);
  for (const Check& check : checks) {
    if (check) return check;
  }
  return std::nullopt;
}

Check resolveLifecycle(const api::SandboxLifecycle& wanted, const LifecycleConfig& config, Resolved& out) {
  out.ttl = std::min(wanted.ttl.value_or(config.defaultTtl), config.largestTtl);
  out.maxLifetime = std::min(wanted.maxLifetime.value_or(config.maxLifetime), config.maxLifetime);
  if (wanted.ttl && *wanted.ttl > config.largestTtl) {
    return notAllowed("lifecycle.ttl",
                      formatDuration(*wanted.ttl) + " exceeds the largest this cluster allows, " +
                          formatDuration(config.largestTtl) + "; ask for less and extend it later");
  }
  if (wanted.maxLifetime && *wanted.maxLifetime > config.maxLifetime) {
    return notAllowed("lifecycle.maxLifetime", formatDuration(*wanted.maxLifetime) +
                                                   " exceeds the largest this cluster allows, " +
                                                   formatDuration(config.maxLifetime) + "; ask for less");
  }
  return std::nullopt;
}

// Labels and annotations that the operator, the runtime and its shim take orders from. The CRD refuses these
// and more at the door; this holds whatever CRD is installed.
bool isReserved(std::string_view key) {
  return key.starts_with("cloister.dev/") || key.starts_with("dev.gvisor.") ||
         key.starts_with("io.katacontainers.") || key == api::managedByLabel;
}

api::PodMetadata tenantsMetadata(api::PodMetadata wanted) {
  std::erase_if(wanted.labels, [](const auto& label) { return isReserved(label.first); });
  std::erase_if(wanted.annotations, [](const auto& annotation) { return isReserved(annotation.first); });
  return wanted;
}

void resolvePlacement(const api::SandboxSpec& spec, const SandboxDefaults& defaults, Resolved& out) {
  out.imagePullSecrets = defaults.imagePullSecrets;
  for (const auto& secret : spec.imagePullSecrets) {
    if (std::ranges::find(out.imagePullSecrets, secret) == out.imagePullSecrets.end())
      out.imagePullSecrets.push_back(secret);
  }
  // The operator's own come last where they name the same key: a tenant must not leave the nodes set aside
  // for sandboxes.
  out.nodeSelector = spec.nodeSelector;
  for (const auto& [key, value] : defaults.nodeSelector) out.nodeSelector[key] = value;
  out.tolerations = defaults.tolerations;
  out.tolerations.insert(out.tolerations.end(), spec.tolerations.begin(), spec.tolerations.end());
  out.priorityClassName =
      spec.priorityClassName.empty() ? defaults.priorityClassName : spec.priorityClassName;
  out.podMetadata = tenantsMetadata(spec.podMetadata);
  for (const auto& [key, value] : defaults.podMetadata.labels) out.podMetadata.labels[key] = value;
  for (const auto& [key, value] : defaults.podMetadata.annotations) out.podMetadata.annotations[key] = value;
}

}  // namespace

std::string withRegistry(const std::string& image, const std::string& prefix) {
  const size_t slash = image.find('/');
  const std::string first = slash == std::string::npos ? "" : image.substr(0, slash);
  const bool named = first == "localhost" || first.find_first_of(".:") != std::string::npos;
  if (prefix.empty() || named) return image;
  return prefix + (prefix.ends_with('/') ? "" : "/") + image;
}

Resolved resolve(const api::SandboxSpec& spec, const Config& config) {
  Resolved out;
  out.runtime = spec.runtime.value_or(config.defaults.runtime);
  out.runtimeClassName = configOf(out.runtime, config.runtimes).runtimeClassName;
  out.securityProfile = spec.securityProfile.value_or(api::SecurityProfile::Restricted);
  out.image = withRegistry(spec.image.empty() ? config.defaults.image : spec.image, config.imageRegistry);
  out.command = spec.command.empty() && spec.args.empty() ? config.defaults.command : spec.command;
  out.args = spec.args;
  resolvePlacement(spec, config.defaults, out);
  out.processes = spec.resources.processes.value_or(0);
  if (out.processes != 0 || spec.snapshotSchedule || isKept(spec)) {
    for (const auto& [key, value] : config.snapshots.nodeSelector) out.nodeSelector[key] = value;
  }
  const Check resources = resolveResources(spec, config, out);
  const Check lifecycle = resolveLifecycle(spec.lifecycle, config.lifecycle, out);
  const Check state = unsupportedState(spec, out, config);
  out.paused = spec.desiredState == api::DesiredState::Paused && !state;
  out.suspended = spec.desiredState == api::DesiredState::Suspended && !state;
  const Check end = unsupportedEnd(spec, out, config);
  out.savable = isKept(spec) && !end;
  for (const Check& check :
       {unsupportedField(spec, config), state, end, unsupportedSchedule(spec, out, config),
        unlimitedRuntime(out), unsupportedRestore(spec, out), forbiddenRuntime(out, config), resources,
        lifecycle}) {
    if (check && !out.refusal) out.refusal = check;
  }
  return out;
}

}  // namespace cloister::sandbox
