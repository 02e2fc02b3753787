// The pod that a Sandbox runs in.
#pragma once

#include <map>
#include <string>

#include "operator/sandbox/resolve.h"

namespace cloister::sandbox {

using api::containerName;
inline constexpr std::string_view workspacePath = "/workspace";

// NAME-xxxxxxxx, where the x come from the Sandbox's uid and the pod's number: a new Sandbox never meets its
// deleted namesake's pod, nor the pod before.
std::string podName(const api::Sandbox& sandbox);

// Whose a pod is and what it is called: all that differs between the pods of equal sandboxes.
struct PodIdentity {
  std::string name;
  std::string namespace_;
  api::OwnerReference owner;
  std::map<std::string, std::string> labels;  // of ours
  std::string volume = {};                    // its PersistentVolumeClaim, where the workspace is one
};
// Of the pod that is made for SANDBOX alone, and for this restart of it.
PodIdentity identityOf(const api::Sandbox& sandbox);

// What the pod of a Sandbox may use.
api::ContainerLimits limitsOf(const Resolved& resolved);

// The whole pod, to be created: Pod Security `restricted` unless the profile says otherwise, no
// service-account token, no service links, a constant hostname, no probes and no restarts. PROFILE is the
// network profile's name, or empty.
json::value podFor(const PodIdentity& identity, const api::SandboxSpec& spec, const Resolved& resolved,
                   const RequestsConfig& requests, std::string_view profile);

// Adds an annotation of ours to POD, as podFor() made it.
void annotate(json::value& pod, std::string_view key, std::string_view text);
// POD goes to nodes with LABELS alone, besides what it asks for already.
void selectNodes(const std::map<std::string, std::string>& labels, json::value& pod);

// A hash of all of POD, as podFor() made it, but its identity and its network profile. A pod of a pool serves
// a Sandbox whose own pod would have the same shape.
std::string shapeOf(json::value pod);

}  // namespace cloister::sandbox
