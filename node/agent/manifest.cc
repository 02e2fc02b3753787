#include "node/agent/manifest.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/hash.h"

namespace cloister::node {

std::string textOf(const Manifest& manifest) {
  return boost::json::serialize(json::encode(manifest)) + "\n";
}

Result<Manifest> parseManifest(std::string_view text) {
  boost::system::error_code error;
  const json::value parsed = boost::json::parse(text, error);
  if (error) return fail(Errc::InvalidInput, "the manifest is not JSON: " + error.message());
  auto manifest = json::decode<Manifest>(parsed);
  if (!manifest) return failWith("the manifest", manifest.error());
  if (manifest->version != 1) return fail(Errc::InvalidInput, "the manifest is of another version");
  for (const ManifestFile& file : manifest->files) {
    if (file.name.empty() || file.name.contains('/') || file.name.starts_with('.'))
      return fail(Errc::InvalidInput, "the manifest: \"" + file.name + "\" is no name of a file");
  }
  return manifest;
}

std::string digestOf(std::string_view manifestText) {
  return "sha256:" + sha256Hex(manifestText);
}

std::string specHashOf(const Manifest& manifest) {
  return "sha256:" + sha256Hex(boost::json::serialize(json::encode(manifest.containers)));
}

Image imageOf(const Manifest& manifest) {
  for (const ManifestContainer& container : manifest.containers) {
    if (!container.image.id.empty()) return container.image;
  }
  return {};
}

int64_t sizeOf(const Manifest& manifest) {
  int64_t sum = 0;
  for (const ManifestFile& file : manifest.files) sum += file.size;
  return sum;
}

}  // namespace cloister::node
