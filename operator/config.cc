#include "operator/config.h"

#include <array>
#include <filesystem>
#include <fstream>

#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>

#include "json/yaml.h"

namespace cloister {
namespace {

std::unexpected<Error> bad(std::string_view path, std::string_view reason) {
  return fail(Errc::InvalidInput, std::string(path) + ": " + std::string(reason));
}

Result<void> checkElection(const LeaderElectionConfig& election) {
  if (election.renewDeadline >= election.leaseDuration) {
    return bad(".leaderElection.renewDeadline", "must be shorter than leaseDuration");
  }
  if (election.retryPeriod * 2 > election.renewDeadline) {
    return bad(".leaderElection.retryPeriod", "must be at most half of renewDeadline");
  }
  if (election.retryPeriod < milliseconds(100)) {
    return bad(".leaderElection.retryPeriod", "must be at least 100ms");
  }
  return {};
}

Result<void> checkLifecycle(const LifecycleConfig& lifecycle) {
  for (const auto& [path, time] : {std::pair(".lifecycle.defaultTtl", lifecycle.defaultTtl),
                                   std::pair(".lifecycle.maxLifetime", lifecycle.maxLifetime)}) {
    if (time < seconds(1)) return bad(path, "must be at least 1s");
  }
  if (lifecycle.defaultTtl > lifecycle.largestTtl) {
    return bad(".lifecycle.defaultTtl", "must not exceed largestTtl");
  }
  return {};
}

// A default above the largest allowed would refuse every Sandbox that leaves the field out.
Result<void> checkAmount(const std::string& field, const Quantity& usual, const Quantity& largest,
                         std::optional<int64_t> (*units)(std::string_view)) {
  const auto most = units(largest.text);
  const auto amount = units(usual.text);
  if (!most || *most <= 0) return bad(".largest." + field, "must be positive");
  if (!amount || *amount <= 0) return bad(".defaults.resources." + field, "must be positive");
  if (*amount > *most) return bad(".defaults.resources." + field, "must not exceed .largest." + field);
  return {};
}

Result<void> checkAmounts(const Config& config) {
  const ResourceBounds& usual = config.defaults.resources;
  const ResourceBounds& largest = config.largest;
  if (auto done = checkAmount("cpu", usual.cpu, largest.cpu, parseMilli); !done) return done;
  if (auto done = checkAmount("memory", usual.memory, largest.memory, parseUnits); !done) return done;
  if (auto done = checkAmount("disk", usual.disk, largest.disk, parseUnits); !done) return done;
  for (const auto& [path, percent] : {std::pair(".requests.cpuPercent", config.requests.cpuPercent),
                                      std::pair(".requests.memoryPercent", config.requests.memoryPercent)}) {
    if (percent < 1 || percent > 100) return bad(path, "must be between 1 and 100");
  }
  return {};
}

// Without a RuntimeClass a pod gets the node's default runtime, which isolates nothing.
Result<void> checkRuntimes(const RuntimesConfig& runtimes) {
  for (const auto& [name, runtime] :
       {std::pair("gvisor", &runtimes.gvisor), std::pair("kata", &runtimes.kata)}) {
    if (runtime->allowed && runtime->runtimeClassName.empty()) {
      return bad(".runtimes." + std::string(name) + ".runtimeClassName", "must not be empty");
    }
  }
  return {};
}

// As the API server wants them in a NetworkPolicy: whole networks, and less than everything.
bool isClosable(const std::string& cidr) {
  namespace ip = boost::asio::ip;
  boost::system::error_code error;
  if (cidr.contains(':')) {
    const auto network = ip::make_network_v6(cidr, error);
    return !error && network.prefix_length() > 0 && network.canonical().network() == network.address() &&
           !network.address().is_v4_mapped();
  }
  const auto network = ip::make_network_v4(cidr, error);
  return !error && network.prefix_length() > 0 && network.network() == network.address();
}

Result<void> checkNetwork(const NetworkConfig& network) {
  for (size_t i = 0; i < network.closedCidrs.size(); ++i) {
    if (isClosable(network.closedCidrs[i])) continue;
    return bad(".network.closedCidrs[" + std::to_string(i) + "]",
               "must be a network such as 10.1.0.0/16, without host bits, and not everything");
  }
  return {};
}

Result<void> checkProgram(const Config& config) {
  if (config.workers < 1 || config.workers > 256) return bad(".workers", "must be between 1 and 256");
  if (config.listen.rfind(':') == std::string::npos) return bad(".listen", "must be ADDRESS:PORT");
  constexpr std::array<std::string_view, 4> levels{"debug", "info", "warn", "error"};
  if (std::ranges::find(levels, config.logLevel) == levels.end()) {
    return bad(".logLevel", "must be debug, info, warn or error");
  }
  return {};
}

// What the types alone don't say.
Result<void> checkConfig(const Config& config) {
  if (auto done = checkElection(config.leaderElection); !done) return done;
  if (auto done = checkLifecycle(config.lifecycle); !done) return done;
  if (auto done = checkAmounts(config); !done) return done;
  if (auto done = checkRuntimes(config.runtimes); !done) return done;
  if (auto done = checkNetwork(config.network); !done) return done;
  return checkProgram(config);
}

Result<Config> decodeConfig(const json::Yaml& yaml) {
  if (yaml.root.is_null()) return Config{};
  auto config = json::decode<Config>(yaml.root, json::Unknown::Refuse);
  if (!config) return config;
  if (auto checked = checkConfig(*config); !checked) return fail(checked.error());
  return config;
}

}  // namespace

Result<Config> parseConfig(std::string_view text, std::string_view file) {
  auto yaml = json::parseYaml(text, file);
  if (!yaml) return fail(yaml.error());
  auto config = decodeConfig(*yaml);
  if (!config) return fail(yaml->locate(file, config.error()));
  return config;
}

Result<Config> loadConfig(const std::string& file) {
  std::ifstream input(file);
  // A directory can be opened, and reads as empty.
  if (!input || std::filesystem::is_directory(file))
    return fail(Errc::InvalidInput, file + ": cannot be read");
  return parseConfig(std::string(std::istreambuf_iterator<char>(input), {}), file);
}

}  // namespace cloister
