// What matters here of containerd's own configuration file. It is read, and never written to. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cloister::node {

struct ContainerdConfig {
  int version = 0;
  std::vector<std::string> imports;
  bool operator==(const ContainerdConfig&) const = default;
};

// The settings above the first table of TEXT, which is TOML. InvalidInput when they are not what containerd
// takes.
Result<ContainerdConfig> parseContainerdConfig(std::string_view text);

// InvalidInput unless containerd reads the file DROP_IN after CONFIG, which is PATH's content: with the line
// to add.
Result<void> checkImports(const ContainerdConfig& config, const std::string& path, const std::string& dropIn);

}  // namespace cloister::node
