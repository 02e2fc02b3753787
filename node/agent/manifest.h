// What a kept snapshot consists of: the last file that is written into its folder.
#pragma once

#include <string>
#include <vector>

#include "node/agent/image.h"

namespace cloister::node {

struct ManifestFile {
  std::string name;
  int64_t size = 0;  // bytes
  std::string sha256;
  bool operator==(const ManifestFile&) const = default;
};
BOOST_DESCRIBE_STRUCT(ManifestFile, (), (name, size, sha256))

struct ManifestContainer {
  std::string name;  // empty: the root container
  Image image = {};  // its id is empty for others than the sandbox's, and where it was not recorded yet
  json::value spec;  // Container::compared, without the image's name if image tells it
  bool operator==(const ManifestContainer&) const = default;
};
BOOST_DESCRIBE_STRUCT(ManifestContainer, (), (name, image, spec))

struct Manifest {
  int version = 1;
  std::string snapshotUID;
  std::string podUID;
  std::string runtimeVersion;
  Duration duration = {};  // of the checkpoint
  std::vector<ManifestFile> files;
  std::vector<ManifestContainer> containers;
  bool operator==(const Manifest&) const = default;
};
BOOST_DESCRIBE_STRUCT(Manifest, (),
                      (version, snapshotUID, podUID, runtimeVersion, duration, files, containers))

inline constexpr std::string_view manifestName = "manifest.json";

std::string textOf(const Manifest& manifest);
Result<Manifest> parseManifest(std::string_view text);
// "sha256:..." of the manifest's text, and so of each file.
std::string digestOf(std::string_view manifestText);
// "sha256:..." of its containers' specs.
std::string specHashOf(const Manifest& manifest);
// Of the sandbox; empty where it was not recorded.
Image imageOf(const Manifest& manifest);
int64_t sizeOf(const Manifest& manifest);  // of all files, bytes

}  // namespace cloister::node
