// Which image a container has: what it is called, and which one that is, whatever its name stands for later.
// Pure.
#pragma once

#include <string>
#include <string_view>

#include "json/codec.h"

namespace cloister::node {

struct Image {
  std::string name;  // as the Sandbox has it, or what completes it
  // As the kubelet tells: "REPOSITORY@sha256:...", or "sha256:..." where it came from no registry. A pod may
  // have either as its image.
  std::string id;
  bool operator==(const Image&) const = default;
};
BOOST_DESCRIBE_STRUCT(Image, (), (name, id))

// That CONTAINER of POD runs. Its id is empty until the kubelet has told.
Image runningImage(const json::value& pod, std::string_view container);
// That CONTAINER of POD is to run, if it is to be one certain image: its id is what the pod has as image.
Image wantedImage(const json::value& pod, std::string_view container);

}  // namespace cloister::node
