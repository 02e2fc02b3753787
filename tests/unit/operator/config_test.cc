#include "operator/config.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cloister {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string errorOf(std::string_view yaml) {
  const auto config = parseConfig(yaml, "c.yaml");
  return config ? "accepted" : config.error().message;
}

TEST(Config, TakesDefaultsForAllThatIsAbsent) {
  for (const char* text : {"", "# only a comment\n", "---\n", "{}\n"}) {
    const auto config = parseConfig(text, "c.yaml");
    ASSERT_TRUE(config) << text << ": " << config.error().message;
    EXPECT_TRUE(config->runtimes.gvisor.allowed);
    EXPECT_FALSE(config->runtimes.runc.allowed);
    EXPECT_FALSE(config->allowBaselineProfile);
    EXPECT_EQ(config->lifecycle.defaultTtl, std::chrono::hours(1));
    EXPECT_TRUE(config->leaderElection.enabled);
  }
}

TEST(Config, ReadsWhatIsGivenAndKeepsTheRest) {
  const auto config = parseConfig(R"(
imageRegistry: registry.example.com/mirror
runtimes:
  runc: {allowed: true}
defaults:
  resources: {cpu: 2, memory: "1Gi"}
  nodeSelector: {pool: sandboxes}
lifecycle: {defaultTtl: 90s}
leaderElection: {namespace: cloister-system}
)",
                                  "c.yaml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->imageRegistry, "registry.example.com/mirror");
  EXPECT_TRUE(config->runtimes.runc.allowed);
  EXPECT_EQ(config->runtimes.runc.runtimeClassName, "runc");
  EXPECT_EQ(config->defaults.resources.cpu.text, "2");
  EXPECT_EQ(config->defaults.resources.disk.text, "1Gi");
  EXPECT_EQ(config->defaults.nodeSelector.at("pool"), "sandboxes");
  EXPECT_EQ(config->lifecycle.defaultTtl, seconds(90));
  EXPECT_EQ(config->leaderElection.namespace_, "cloister-system");
}

TEST(Config, NamesFileLineAndFieldOfWhatIsWrong) {
  EXPECT_EQ(errorOf("workers: 4\nworker: 8\n"), "c.yaml:2: .worker: no such field");
  EXPECT_THAT(errorOf("defaults:\n  resources:\n    cpus: 1\n"),
              StartsWith("c.yaml:3: .defaults.resources.cpus: no such field"));
  EXPECT_THAT(errorOf("lifecycle:\n\n  defaultTtl: soon\n"), StartsWith("c.yaml:3: .lifecycle.defaultTtl: "));
  EXPECT_THAT(errorOf("a: [1\n"), StartsWith("c.yaml:"));
  EXPECT_THAT(errorOf("workers: 4\nworkers: 5\n"), HasSubstr("given twice"));
  EXPECT_THAT(errorOf("- a list\n"), HasSubstr("expected object"));
  EXPECT_THAT(errorOf("watchNamespaces:\n- a\n- {b: c}\n"), StartsWith("c.yaml:3: .watchNamespaces[1]: "));
}

struct Refused {
  const char* yaml;
  const char* field;
};

class ConfigBounds : public testing::TestWithParam<Refused> {};

TEST_P(ConfigBounds, AreChecked) {
  EXPECT_THAT(errorOf(GetParam().yaml), StartsWith(std::string("c.yaml:1: ") + GetParam().field + ": "));
}

INSTANTIATE_TEST_SUITE_P(
    All, ConfigBounds,
    testing::Values(Refused{"workers: 0", ".workers"}, Refused{"workers: 257", ".workers"},
                    Refused{"workers: 1.5", ".workers"}, Refused{"listen: localhost", ".listen"},
                    Refused{"logLevel: verbose", ".logLevel"},
                    Refused{"leaderElection: {renewDeadline: 15s}", ".leaderElection.renewDeadline"},
                    Refused{"leaderElection: {retryPeriod: 6s}", ".leaderElection.retryPeriod"},
                    Refused{"leaderElection: {retryPeriod: 0s}", ".leaderElection.retryPeriod"},
                    Refused{"lifecycle: {defaultTtl: 25h}", ".lifecycle.defaultTtl"},
                    Refused{"lifecycle: {defaultTtl: 0s}", ".lifecycle.defaultTtl"},
                    Refused{"lifecycle: {maxLifetime: 0s}", ".lifecycle.maxLifetime"},
                    Refused{"requests: {cpuPercent: 0}", ".requests.cpuPercent"},
                    Refused{"requests: {memoryPercent: 101}", ".requests.memoryPercent"},
                    Refused{"defaults: {resources: {memory: lots}}", ".defaults.resources.memory"},
                    Refused{"defaults: {resources: {memory: 0}}", ".defaults.resources.memory"},
                    Refused{"defaults: {resources: {memory: 65Gi}}", ".defaults.resources.memory"},
                    Refused{"largest: {cpu: 0}", ".largest.cpu"},
                    Refused{"runtimes: {gvisor: {runtimeClassName: ''}}",
                            ".runtimes.gvisor.runtimeClassName"},
                    Refused{"defaults: {runtime: docker}", ".defaults.runtime"},
                    Refused{"network: {closedCidrs: [10.0.0.0/33]}", ".network.closedCidrs[0]"},
                    Refused{"network: {closedCidrs: [0.0.0.0/0]}", ".network.closedCidrs[0]"},
                    Refused{"network: {closedCidrs: ['::/0']}", ".network.closedCidrs[0]"},
                    Refused{"network: {closedCidrs: [10.1.2.3/8]}", ".network.closedCidrs[0]"},
                    Refused{"network: {closedCidrs: ['::ffff:0:0/96']}", ".network.closedCidrs[0]"}));

TEST(Config, TakesAmountsWhoseThousandthsWouldNotBeCountable) {
  const auto config = parseConfig("{largest: {memory: 1Ei}, defaults: {resources: {memory: 8Pi}}}", "c.yaml");
  EXPECT_TRUE(config) << config.error().message;
}

TEST(Config, TakesNetworksOfBothFamilies) {
  const auto config =
      parseConfig("network: {closedCidrs: [52.94.0.0/22, 1.1.1.1/32, '2600::/32']}", "c.yaml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->network.closedCidrs.size(), 3);
}

TEST(Config, SaysWhichFileCannotBeRead) {
  const auto config = loadConfig("/nonexistent/cloister.yaml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, Errc::InvalidInput);
  EXPECT_EQ(config.error().message, "/nonexistent/cloister.yaml: cannot be read");
}

TEST(Config, LoadsFilesEmptyOnesIncluded) {
  const std::string file = testing::TempDir() + "cloister-config-test.yaml";
  std::ofstream(file) << "";
  ASSERT_TRUE(loadConfig(file));
  std::ofstream(file) << "workers: 3\n";
  const auto config = loadConfig(file);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->workers, 3);
  EXPECT_FALSE(loadConfig(testing::TempDir()));  // a directory
}

}  // namespace
}  // namespace cloister
