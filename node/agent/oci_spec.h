// What must be equal for a container to be restored in the place of another: what runsc itself compares
// (validateSpecForContainer in its runsc/specutils/restore.go), but for the pod's cgroup, which is never
// equal and for which its own check has to be turned down to a warning. Pure.
#pragma once

#include <optional>
#include <string>

#include "json/codec.h"

namespace cloister::node {

// A container's config.json, as far as snapshots are concerned.
struct Container {
  bool isRoot = false;  // the pod's sandbox
  std::string name;     // empty: the root container
  std::string podUID;
  int64_t memoryLimit = 0;          // bytes; 0: none
  bool hasWorkspaceInside = false;  // its workspace is part of a checkpoint
  json::value compared;             // what must be equal, in a form in which equal texts mean equal specs
};

// InvalidInput when CONFIG is none.
Result<Container> readContainer(std::string_view config);

// Of what a sandbox writes, bytes; 0: none.
struct FileLimits {
  int64_t workspace = 0;
  int64_t disk = 0;  // what it changes of its image
};
// As COMPARED, which readContainer() gives, has them.
FileLimits fileLimits(const json::value& compared);

// COMPARED, as readContainer() gives it, but for what its image is called.
json::value withoutImageName(json::value compared);

// The path of the first member in which A and B differ ("process.args"), none when they are equal.
std::optional<std::string> firstDifference(const json::value& a, const json::value& b);

}  // namespace cloister::node
