#include "operator/sandbox/resolve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/sandbox/reasons.h"

namespace cloister::sandbox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

api::SandboxSpec specOf(std::string_view json) {
  auto spec = json::decode<api::SandboxSpec>(*json::parse(json), json::Unknown::Refuse);
  EXPECT_TRUE(spec) << spec.error().message;
  return *spec;
}

TEST(Resolve, FillsAnEmptySpecFromTheConfiguration) {
  const Config config;
  const Resolved resolved = resolve({}, config);
  EXPECT_FALSE(resolved.refusal);
  EXPECT_EQ(resolved.runtime, api::Runtime::gvisor);
  EXPECT_EQ(resolved.runtimeClassName, "gvisor");
  EXPECT_EQ(resolved.securityProfile, api::SecurityProfile::Restricted);
  EXPECT_EQ(resolved.image, config.defaults.image);
  EXPECT_EQ(resolved.command, config.defaults.command);
  EXPECT_EQ(resolved.cpuMilli, 1000);
  EXPECT_EQ(resolved.memoryBytes, 512LL << 20);
  EXPECT_EQ(resolved.diskBytes, 1LL << 30);
  EXPECT_EQ(resolved.workspaceBytes, 1LL << 30);
  EXPECT_EQ(resolved.tmpBytes, 1LL << 30);
  EXPECT_EQ(resolved.ttl, std::chrono::hours(1));
  EXPECT_EQ(resolved.maxLifetime, std::chrono::hours(24 * 7));
}

TEST(Resolve, TakesWhatTheSpecSays) {
  const Resolved resolved = resolve(specOf(R"({
    "runtime": "kata", "image": "python:3.12", "args": ["-c", "1"],
    "resources": {"cpu": "250m", "memory": "1Gi", "disk": "10Gi"}, "workspace": {"size": "2Gi"},
    "lifecycle": {"ttl": "10m", "maxLifetime": "2h"}})"),
                                    {});
  EXPECT_FALSE(resolved.refusal);
  EXPECT_EQ(resolved.runtimeClassName, "kata");
  EXPECT_EQ(resolved.image, "python:3.12");
  EXPECT_TRUE(resolved.command.empty()) << "args are for the image's own entrypoint";
  EXPECT_THAT(resolved.args, ElementsAre("-c", "1"));
  EXPECT_EQ(resolved.cpuMilli, 250);
  EXPECT_EQ(resolved.memoryBytes, 1LL << 30);
  EXPECT_EQ(resolved.diskBytes, 10LL << 30);
  EXPECT_EQ(resolved.workspaceBytes, 2LL << 30);
  EXPECT_EQ(resolved.tmpBytes, 1LL << 30) << "never more than 1 GiB";
  EXPECT_EQ(resolved.ttl, std::chrono::minutes(10));
  EXPECT_EQ(resolved.maxLifetime, std::chrono::hours(2));
}

TEST(Resolve, GivesTheWorkspaceTheSizeOfTheDisk) {
  EXPECT_EQ(resolve(specOf(R"({"resources": {"disk": "3Gi"}})"), {}).workspaceBytes, 3LL << 30);
}

struct RefusedSpec {
  const char* json;
  std::string_view reason;
  const char* field;
};

class RefusedSpecs : public testing::TestWithParam<RefusedSpec> {};

TEST_P(RefusedSpecs, NameTheFieldAndTheNextStep) {
  const Resolved resolved = resolve(specOf(GetParam().json), {});
  ASSERT_TRUE(resolved.refusal);
  EXPECT_EQ(resolved.refusal->reason, GetParam().reason);
  EXPECT_THAT(resolved.refusal->message, StartsWith(std::string("spec.") + GetParam().field + ": "));
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedSpecs,
    testing::Values(
        RefusedSpec{R"({"restoreFrom": {"name": "s"}})", reason::unsupported, "restoreFrom"},
        RefusedSpec{R"({"desiredState": "Paused"})", reason::unsupported, "desiredState"},
        RefusedSpec{R"({"desiredState": "Suspended"})", reason::unsupported, "desiredState"},
        RefusedSpec{R"({"snapshotSchedule": {"every": "10m"}})", reason::unsupported, "snapshotSchedule"},
        RefusedSpec{R"({"lifecycle": {"onExpiry": "Snapshot"}})", reason::unsupported, "lifecycle.onExpiry"},
        RefusedSpec{R"({"lifecycle": {"idleTimeout": "5m"}})", reason::unsupported, "lifecycle.idleTimeout"},
        RefusedSpec{R"({"resources": {"processes": 10}})", reason::unsupported, "resources.processes"},
        RefusedSpec{R"({"network": {"egress": {"mode": "Allow", "names": ["pypi.org"]}}})",
                    reason::unsupported, "network.egress.names"},
        RefusedSpec{R"({"runtime": "runc"})", reason::notAllowed, "runtime"},
        RefusedSpec{R"({"securityProfile": "Baseline"})", reason::notAllowed, "securityProfile"},
        RefusedSpec{R"({"resources": {"cpu": "17"}})", reason::notAllowed, "resources.cpu"},
        RefusedSpec{R"({"resources": {"memory": "65Gi"}})", reason::notAllowed, "resources.memory"},
        RefusedSpec{R"({"resources": {"disk": "101Gi"}})", reason::notAllowed, "resources.disk"},
        RefusedSpec{R"({"resources": {"memory": "0"}})", reason::notAllowed, "resources.memory"},
        RefusedSpec{R"({"workspace": {"size": "1Ti"}})", reason::notAllowed, "workspace.size"},
        RefusedSpec{R"({"lifecycle": {"ttl": "25h"}})", reason::notAllowed, "lifecycle.ttl"},
        RefusedSpec{R"({"lifecycle": {"maxLifetime": "200h"}})", reason::notAllowed,
                    "lifecycle.maxLifetime"}));

TEST(Resolve, LimitsProcessesOnNodesThatCan) {
  const auto spec = specOf(
      R"({"resources": {"processes": 10}, "nodeSelector": {"disk": "large", "cloister.dev/snapshots": "no"}})");
  Config config;
  config.snapshots.enabled = true;
  const Resolved resolved = resolve(spec, config);
  EXPECT_FALSE(resolved.refusal);
  EXPECT_EQ(resolved.processes, 10);
  using Labels = std::map<std::string, std::string>;
  EXPECT_EQ(resolved.nodeSelector, (Labels{{"disk", "large"}, {"cloister.dev/snapshots", "true"}}));
  EXPECT_EQ(resolve(specOf("{}"), config).nodeSelector, Labels());
  config.defaults.runtime = api::Runtime::kata;
  config.runtimes.kata.allowed = true;
  const auto refusal = resolve(spec, config).refusal;
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->reason, reason::unsupported);
  EXPECT_THAT(refusal->message, StartsWith("spec.resources.processes: "));
}

TEST(Resolve, KeepsAtTheEndWhatCanBeSaved) {
  Config config;
  config.snapshots.enabled = true;
  for (const char* end : {"Suspend", "Snapshot"}) {
    auto spec = specOf(R"({"lifecycle": {"onExpiry": ")" + std::string(end) + R"("}})");
    EXPECT_FALSE(resolve(spec, config).refusal);
    EXPECT_TRUE(resolve(spec, config).savable);
    EXPECT_FALSE(resolve(spec, {}).savable);
    spec.workspace.storageClass = "fast";
    const Resolved onVolume = resolve(spec, config);
    ASSERT_TRUE(onVolume.refusal);
    EXPECT_THAT(onVolume.refusal->message, StartsWith("spec.lifecycle.onExpiry: "));
    EXPECT_FALSE(onVolume.savable);
  }
  auto spec = specOf(R"({"runtime": "kata", "lifecycle": {"onExpiry": "Suspend"}})");
  config.runtimes.kata.allowed = true;
  EXPECT_THAT(resolve(spec, config).refusal->message, StartsWith("spec.lifecycle.onExpiry: "));
  EXPECT_FALSE(resolve(specOf("{}"), config).savable);
}

TEST(Resolve, SchedulesWhatCanBeSavedWhereItCanBe) {
  Config config;
  config.snapshots.enabled = true;
  const Resolved resolved = resolve(specOf(R"({"snapshotSchedule": {"every": "10m"}})"), config);
  EXPECT_FALSE(resolved.refusal);
  EXPECT_EQ(resolved.nodeSelector, (std::map<std::string, std::string>{{"cloister.dev/snapshots", "true"}}));
  config.runtimes.kata.allowed = true;
  for (const char* other : {R"("runtime": "kata")", R"("workspace": {"storageClass": "fast"})"}) {
    const auto refusal =
        resolve(specOf(R"({"snapshotSchedule": {"every": "10m"}, )" + std::string(other) + "}"), config)
            .refusal;
    ASSERT_TRUE(refusal) << other;
    EXPECT_EQ(refusal->reason, reason::unsupported) << other;
    EXPECT_THAT(refusal->message, StartsWith("spec.snapshotSchedule: ")) << other;
  }
}

TEST(Resolve, AcceptsWhatIsTheDefaultAnyway) {
  EXPECT_FALSE(
      resolve(specOf(R"({"desiredState": "Running", "lifecycle": {"onExpiry": "Delete"}})"), {}).refusal);
}

TEST(Resolve, AcceptsTheVeryLargestAllowed) {
  const Resolved resolved = resolve(specOf(R"({"resources": {"cpu": "16", "memory": "64Gi", "disk": "100Gi"},
                                               "lifecycle": {"ttl": "24h", "maxLifetime": "168h"}})"),
                                    {});
  EXPECT_FALSE(resolved.refusal) << resolved.refusal->message;
}

// Its pod would start, and nothing be restored.
TEST(Resolve, RestoresUnderGvisorAlone) {
  Config config;
  config.snapshots.enabled = true;
  config.runtimes.runc.allowed = true;
  EXPECT_FALSE(resolve(specOf(R"({"restoreFrom": {"name": "s"}})"), config).refusal);
  for (const char* runtime : {"runc", "kata"}) {
    const std::string spec = R"({"restoreFrom": {"name": "s"}, "runtime": ")" + std::string(runtime) + "\"}";
    const auto refusal = resolve(specOf(spec.c_str()), config).refusal;
    ASSERT_TRUE(refusal) << runtime;
    EXPECT_EQ(refusal->reason, reason::unsupported);
    EXPECT_THAT(refusal->message, StartsWith("spec.restoreFrom: only a sandbox under gvisor"));
  }
}

TEST(Resolve, SaysTheFirstOfSeveralRefusals) {
  const Resolved resolved = resolve(
      specOf(R"({"restoreFrom": {"name": "p"}, "runtime": "runc", "lifecycle": {"ttl": "25h"}})"), {});
  ASSERT_TRUE(resolved.refusal);
  EXPECT_THAT(resolved.refusal->message, StartsWith("spec.restoreFrom: "));
}

TEST(Resolve, HasNoLargestWhereTheConfigurationHasNone) {
  Config config;
  config.largest.memory = {};
  const Resolved resolved = resolve(specOf(R"({"resources": {"memory": "1Ti"}})"), config);
  EXPECT_FALSE(resolved.refusal);
  EXPECT_EQ(resolved.memoryBytes, 1LL << 40);
}

TEST(Resolve, KeepsACommandWithoutArguments) {
  EXPECT_THAT(resolve(specOf(R"({"command": ["/bin/true"]})"), {}).command, ElementsAre("/bin/true"));
}

// Reserved labels set by users.
TEST(Resolve, TakesNoReservedKeysFromTheTenant) {
  const Resolved resolved = resolve(
      specOf(
          R"({"podMetadata": {"labels": {"app.kubernetes.io/managed-by": "me", "cloister.dev/x": "y", "a": "b"}}})"),
      {});
  EXPECT_EQ(resolved.podMetadata.labels, (std::map<std::string, std::string>{{"a", "b"}}));
}

TEST(Resolve, CapsWhatExceedsTheLargestAllowed) {
  const Resolved resolved = resolve(
      specOf(R"({"resources": {"memory": "1Ti"}, "lifecycle": {"ttl": "48h", "maxLifetime": "8000h"}})"), {});
  EXPECT_EQ(resolved.memoryBytes, 64LL << 30);
  EXPECT_EQ(resolved.ttl, std::chrono::hours(24));
  EXPECT_EQ(resolved.maxLifetime, std::chrono::hours(24 * 7));
}

TEST(Resolve, AllowsRootInsideOnlyBehindAKernelOfItsOwn) {
  Config config;
  config.allowBaselineProfile = true;
  config.runtimes.runc.allowed = true;
  EXPECT_FALSE(resolve(specOf(R"({"securityProfile": "Baseline"})"), config).refusal);
  EXPECT_FALSE(resolve(specOf(R"({"securityProfile": "Baseline", "runtime": "kata"})"), config).refusal);
  const auto runc = resolve(specOf(R"({"securityProfile": "Baseline", "runtime": "runc"})"), config);
  ASSERT_TRUE(runc.refusal);
  EXPECT_THAT(runc.refusal->message, HasSubstr("kernel of its own"));
}

TEST(Resolve, PutsTheOperatorsPlacementFirst) {
  Config config;
  config.defaults.imagePullSecrets = {{"mirror"}};
  config.defaults.nodeSelector = {{"pool", "sandboxes"}};
  config.defaults.tolerations = {
      {.key = "sandboxes", .operator_ = "Exists", .value = {}, .effect = {}, .tolerationSeconds = {}}};
  config.defaults.priorityClassName = "sandboxes";
  config.defaults.podMetadata.labels = {{"cost-centre", "42"}};
  const Resolved resolved = resolve(specOf(R"({
    "imagePullSecrets": [{"name": "own"}, {"name": "mirror"}],
    "nodeSelector": {"pool": "control-plane", "arch": "arm64"},
    "tolerations": [{"key": "gpu"}],
    "podMetadata": {"labels": {"cost-centre": "0", "app": "x"}}})"),
                                    config);
  EXPECT_THAT(resolved.imagePullSecrets,
              ElementsAre(api::LocalReference{"mirror"}, api::LocalReference{"own"}));
  EXPECT_EQ(resolved.nodeSelector.at("pool"), "sandboxes");
  EXPECT_EQ(resolved.nodeSelector.at("arch"), "arm64");
  ASSERT_EQ(resolved.tolerations.size(), 2);
  EXPECT_EQ(resolved.tolerations[0].key, "sandboxes");
  EXPECT_EQ(resolved.priorityClassName, "sandboxes");
  EXPECT_EQ(resolved.podMetadata.labels.at("cost-centre"), "42");
  EXPECT_EQ(resolved.podMetadata.labels.at("app"), "x");
  EXPECT_EQ(resolve(specOf(R"({"priorityClassName": "mine"})"), config).priorityClassName, "mine");
}

TEST(Resolve, PrefixesOnlyImagesWithoutARegistry) {
  EXPECT_EQ(withRegistry("python:3.12", "mirror.example.com/hub"), "mirror.example.com/hub/python:3.12");
  EXPECT_EQ(withRegistry("library/python", "mirror.example.com/"), "mirror.example.com/library/python");
  EXPECT_EQ(withRegistry("ghcr.io/a/b", "mirror.example.com"), "ghcr.io/a/b");
  EXPECT_EQ(withRegistry("localhost/a", "mirror.example.com"), "localhost/a");
  EXPECT_EQ(withRegistry("registry:5000/a", "mirror.example.com"), "registry:5000/a");
  EXPECT_EQ(withRegistry("python", ""), "python");
}

}  // namespace
}  // namespace cloister::sandbox
