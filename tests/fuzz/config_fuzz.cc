// The operator's configuration file.
#include <algorithm>

#include "fuzz.h"
#include "operator/sandbox/resolve.h"

using namespace cloister;
using fuzz::require;

namespace {

constexpr std::string_view file = "config.yaml";

// A configuration that refused every Sandbox would better be refused itself.
void servesPlainSandboxes(const Config& config) {
  for (const auto& [runtime, allowed] : {std::pair(api::Runtime::gvisor, config.runtimes.gvisor.allowed),
                                         std::pair(api::Runtime::kata, config.runtimes.kata.allowed),
                                         std::pair(api::Runtime::runc, config.runtimes.runc.allowed)}) {
    if (!allowed) continue;
    api::SandboxSpec plain;
    plain.runtime = runtime;
    const auto resolved = sandbox::resolve(plain, config);
    require(!resolved.refusal, resolved.refusal ? resolved.refusal->message : "");
    require(resolved.cpuMilli > 0 && resolved.memoryBytes > 0 && resolved.diskBytes > 0 &&
                resolved.ttl >= seconds(1) && resolved.maxLifetime >= seconds(1),
            "a plain sandbox has something to run with");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto text = fuzz::textOf(data, size);
  const auto config = parseConfig(text, file);
  if (config) {
    servesPlainSandboxes(*config);
    return 0;
  }
  const size_t lines = size_t(std::ranges::count(text, '\n') + std::ranges::count(text, '\r')) + 1;
  const size_t line = fuzz::lineOf(config.error().message, file);
  require(config.error().code == Errc::InvalidInput, "a bad configuration is InvalidInput");
  require(line >= 1 && line <= lines, "a line is named: " + config.error().message);
  return 0;
}
