// containerd's configuration file, as far as cloister-node reads it.
#include "fuzz.h"
#include "node/agent/containerd_config.h"

using namespace cloister;
using fuzz::require;

namespace {

const std::string path = "/etc/containerd/config.toml";
const std::string dropIn = "/etc/containerd/conf.d/cloister.toml";

// Whoever does as he is told is not told again.
void helps(const node::ContainerdConfig& config, const std::string& message) {
  const size_t at = message.find("imports = [");
  require(at != std::string::npos, "the line is told: " + message);
  const std::string file =
      "version = " + std::to_string(config.version) + "\n" + message.substr(at) + "\n[x]";
  const auto next = node::parseContainerdConfig(file);
  require(next.has_value(), "the line can be read: " + message);
  require(next->version == config.version && next->imports.size() == config.imports.size() + 1,
          "the line adds one import: " + message);
  require(std::equal(config.imports.begin(), config.imports.end(), next->imports.begin()),
          "the line keeps the others: " + message);
  require(node::checkImports(*next, path, dropIn).has_value(), "the line helps: " + message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto text = fuzz::textOf(data, size);
  const auto config = node::parseContainerdConfig(text);
  if (!config) {
    require(config.error().code == Errc::InvalidInput, "a bad configuration is InvalidInput");
    return 0;
  }
  for (const std::string& import : config->imports)
    require(text.contains(import) && !import.contains('\n'), "an import is in the text, on one line");
  const auto done = node::checkImports(*config, path, dropIn);
  if (done) {
    require(config->version >= 3 && !config->imports.empty(), "containerd would read it");
    return 0;
  }
  require(done.error().code == Errc::InvalidInput, "what is missing is InvalidInput");
  if (config->version >= 3) helps(*config, done.error().message);
  return 0;
}
