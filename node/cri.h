// What containerd's CRI writes into a container's annotations, as `config.json` and `runsc list` have them.
// Source: containerd, internal/cri/annotations.
#pragma once

#include <string>
#include <string_view>

#include "json/codec.h"

namespace cloister::node::cri {

inline constexpr std::string_view containerType = "io.kubernetes.cri.container-type";
inline constexpr std::string_view containerName = "io.kubernetes.cri.container-name";
inline constexpr std::string_view podNamespace = "io.kubernetes.cri.sandbox-namespace";
inline constexpr std::string_view podName = "io.kubernetes.cri.sandbox-name";
inline constexpr std::string_view podUID = "io.kubernetes.cri.sandbox-uid";
inline constexpr std::string_view rootId = "io.kubernetes.cri.sandbox-id";  // of the pod's root container
inline constexpr std::string_view imageName = "io.kubernetes.cri.image-name";

// The member "annotations" of CONTAINER, or null.
inline const json::object* annotationsOf(const json::object& container) {
  const json::value* found = container.if_contains("annotations");
  return found == nullptr ? nullptr : found->if_object();
}

// Empty when it is not there, or no text.
inline std::string annotation(const json::object& annotations, std::string_view name) {
  const json::value* found = annotations.if_contains(name);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : "";
}

// It is the pod's sandbox, in which its other containers are.
inline bool isRoot(const json::object& annotations) {
  return annotation(annotations, containerType) == "sandbox";
}

}  // namespace cloister::node::cri
