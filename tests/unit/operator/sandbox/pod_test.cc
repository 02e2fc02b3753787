#include "operator/sandbox/pod.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/operator/examples.h"

namespace cloister::sandbox {
namespace {

using test::aSandbox;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::Ge;
using testing::Le;
using testing::Not;
using testing::StartsWith;

json::value podUnder(const api::Sandbox& sandbox, const Config& config = {}, std::string_view profile = {}) {
  return podFor(identityOf(sandbox), sandbox.spec, resolve(sandbox.spec, config), config.requests, profile);
}

json::value at(const json::value& root, std::string_view path) {
  const json::value* found = json::find(root, path);
  return found == nullptr ? json::value() : *found;
}

std::map<std::string, std::string> labelsOf(const json::value& pod) {
  return json::decode<api::Pod>(pod)->metadata.labels;
}
std::map<std::string, std::string> annotationsOf(const json::value& pod) {
  return json::decode<api::Pod>(pod)->metadata.annotations;
}

TEST(Pod, BelongsToItsSandbox) {
  const json::value pod = podUnder(aSandbox());
  EXPECT_EQ(at(pod, "apiVersion"), "v1");
  EXPECT_EQ(at(pod, "kind"), "Pod");
  EXPECT_EQ(at(pod, "metadata.namespace"), "team");
  EXPECT_EQ(at(pod, "metadata.ownerReferences"), (json::array{{{"apiVersion", "cloister.dev/v1alpha1"},
                                                               {"kind", "Sandbox"},
                                                               {"name", "hello"},
                                                               {"uid", "uid-of-hello"},
                                                               {"controller", true},
                                                               {"blockOwnerDeletion", false}}}));
  EXPECT_EQ(labelsOf(pod), (std::map<std::string, std::string>{
                               {"cloister.dev/sandbox", "hello"},
                               {"app.kubernetes.io/managed-by", "cloister-operator"},
                           }));
}

// Every control of https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
TEST(Pod, SatisfiesPodSecurityRestricted) {
  const json::value pod = podUnder(aSandbox());
  for (const char* absent :
       {"hostNetwork", "hostPID", "hostIPC", "hostUsers", "initContainers", "securityContext.sysctls"}) {
    EXPECT_TRUE(at(pod, std::string("spec.") + absent).is_null()) << absent;
  }
  EXPECT_EQ(at(pod, "spec.securityContext.runAsNonRoot"), true);
  EXPECT_EQ(at(pod, "spec.securityContext.runAsUser"), 1000);
  EXPECT_EQ(at(pod, "spec.securityContext.runAsGroup"), 1000);
  EXPECT_EQ(at(pod, "spec.securityContext.fsGroup"), 1000);
  EXPECT_EQ(at(pod, "spec.securityContext.seccompProfile.type"), "RuntimeDefault");
  ASSERT_EQ(at(pod, "spec.containers").as_array().size(), 1);
  const json::value container = at(pod, "spec.containers.0");
  EXPECT_EQ(at(container, "securityContext"), (json::value{{"allowPrivilegeEscalation", false},
                                                           {"privileged", false},
                                                           {"capabilities", {{"drop", {"ALL"}}}}}));
  EXPECT_TRUE(at(container, "ports").is_null()) << "a hostPort would need one";
  for (const json::value& volume : at(pod, "spec.volumes").as_array()) {
    EXPECT_FALSE(at(volume, "emptyDir").is_null());
    EXPECT_EQ(volume.as_object().size(), 2) << "a name and an emptyDir";
  }
}

TEST(Pod, GivesNothingOfTheClusterToTheSandbox) {
  const json::value pod = podUnder(aSandbox());
  EXPECT_EQ(at(pod, "spec.automountServiceAccountToken"), false);
  EXPECT_EQ(at(pod, "spec.enableServiceLinks"), false);
  EXPECT_TRUE(at(pod, "spec.serviceAccountName").is_null());
  EXPECT_EQ(at(pod, "spec.hostname"), "sandbox");
  EXPECT_EQ(at(pod, "spec.restartPolicy"), "Never");
  for (const char* absent : {"livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "envFrom"}) {
    EXPECT_TRUE(at(pod, std::string("spec.containers.0.") + absent).is_null()) << absent;
  }
}

TEST(Pod, LimitsEverythingAndRequestsAShare) {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.resources = {.cpu = {"2"}, .memory = {"512Mi"}, .disk = {"1Gi"}, .processes = {}};
  Config config;
  config.requests = {.cpuPercent = 10, .memoryPercent = 100};
  const json::value resources = at(podUnder(sandbox, config), "spec.containers.0.resources");
  EXPECT_EQ(at(resources, "limits.cpu"), "2000m");
  EXPECT_EQ(at(resources, "limits.memory"), "536870912");
  // Root file system, workspace and /tmp, and a margin of 16 MiB for each of the two volumes.
  EXPECT_EQ(json::findString(resources, "limits.ephemeral-storage"),
            std::to_string(3 * (1LL << 30) + (32LL << 20)));
  EXPECT_EQ(at(resources, "requests.cpu"), "200m");
  EXPECT_EQ(at(resources, "requests.memory"), "536870912") << "all of it, to the byte";
  config.requests = {.cpuPercent = 1, .memoryPercent = 50};
  sandbox.spec.resources.cpu = {"10m"};
  const json::value small = at(podUnder(sandbox, config), "spec.containers.0.resources.requests");
  EXPECT_EQ(at(small, "cpu"), "1m") << "never nothing: that would mean no request";
  EXPECT_EQ(at(small, "memory"), "268435456");
}

TEST(Pod, TellsTheNodeHowManyProcessesItMayHave) {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.podMetadata.annotations[std::string(api::processesAnnotation)] = "7";
  const auto annotations = [&] { return at(podUnder(sandbox, {}), "metadata.annotations").as_object(); };
  EXPECT_FALSE(annotations().contains(api::processesAnnotation)) << "the tenant's own";
  sandbox.spec.resources.processes = 12;
  EXPECT_EQ(annotations().at(api::processesAnnotation), "12");
}

TEST(Pod, KeepsWhatItsImageIsCalledWhateverAdmissionMakesOfIt) {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.image = "python:3";
  sandbox.spec.podMetadata.annotations[std::string(api::imageAnnotation)] = "the tenant's own";
  Config config;
  config.imageRegistry = "mirror.example.com";
  EXPECT_EQ(annotationsOf(podUnder(sandbox, config)).at(std::string(api::imageAnnotation)),
            "mirror.example.com/python:3");
}

TEST(Pod, RequestsLittleOfTheDisk) {
  EXPECT_EQ(at(podUnder(aSandbox()), "spec.containers.0.resources.requests.ephemeral-storage"), "16777216");
}

TEST(Pod, RunsWhatTheSandboxSays) {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.image = "python";
  sandbox.spec.command = {"/bin/sh", "-c"};
  sandbox.spec.args = {"true"};
  sandbox.spec.imagePullPolicy = "Always";
  const json::value said = at(podUnder(sandbox), "spec.containers.0");
  EXPECT_EQ(at(said, "command"), (json::array{"/bin/sh", "-c"}));
  EXPECT_EQ(at(said, "args"), json::array{"true"});
  EXPECT_EQ(at(said, "imagePullPolicy"), "Always");
  Config config;
  config.defaults.command = {};
  config.runtimes.gvisor.runtimeClassName = "";
  const json::value silent = podUnder(aSandbox(), config);
  for (const char* absent : {"containers.0.command", "containers.0.args", "containers.0.imagePullPolicy",
                             "runtimeClassName", "priorityClassName"}) {
    EXPECT_EQ(json::find(silent, std::string("spec.") + absent), nullptr) << absent;
  }
}

TEST(Pod, TellsGvisorTheHardSizes) {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.resources.disk = {"2Gi"};
  sandbox.spec.workspace.size = {"1Gi"};
  const json::value pod = podUnder(sandbox);
  EXPECT_EQ(at(pod, "spec.runtimeClassName"), "gvisor");
  EXPECT_EQ(annotationsOf(pod),
            (std::map<std::string, std::string>{
                {"cloister.dev/image", json::findString(pod, "spec.containers.0.image")},
                {"dev.gvisor.flag.overlay2", "root:self,size=2147483648"},
                {"dev.gvisor.spec.mount.tmp.options", "rw,size=1073741824,mode=1777"},
                {"dev.gvisor.spec.mount.tmp.share", "container"},
                {"dev.gvisor.spec.mount.tmp.type", "bind"},
                {"dev.gvisor.spec.mount.workspace.options", "rw,size=1073741824,mode=0755,uid=1000,gid=1000"},
                {"dev.gvisor.spec.mount.workspace.share", "container"},
                {"dev.gvisor.spec.mount.workspace.type", "bind"},
            }));
  // The kubelet counts blocks: its limit lies above gVisor's.
  EXPECT_EQ(json::findString(pod, "spec.volumes.0.emptyDir.sizeLimit"),
            std::to_string((1LL << 30) + (16LL << 20)));
}

TEST(Pod, TellsOtherRuntimesNothing) {
  Config config;
  config.runtimes.runc.allowed = true;
  for (const auto runtime : {api::Runtime::kata, api::Runtime::runc}) {
    api::Sandbox sandbox = aSandbox();
    sandbox.spec.runtime = runtime;
    const json::value pod = podUnder(sandbox, config);
    EXPECT_TRUE(at(pod, "metadata.annotations").is_null());
    EXPECT_EQ(json::findString(pod, "spec.volumes.0.emptyDir.sizeLimit"), std::to_string(1LL << 30));
    EXPECT_EQ(at(pod, "spec.runtimeClassName"), runtime == api::Runtime::kata ? "kata" : "runc");
  }
}

// https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
TEST(Pod, LetsBaselineBeRootAndNothingMore) {
  Config config;
  config.allowBaselineProfile = true;
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.securityProfile = api::SecurityProfile::Baseline;
  const json::value pod = podUnder(sandbox, config);
  EXPECT_EQ(at(pod, "spec.securityContext"), (json::value{{"runAsNonRoot", false},
                                                          {"runAsUser", 0},
                                                          {"runAsGroup", 0},
                                                          {"seccompProfile", {{"type", "RuntimeDefault"}}}}));
  EXPECT_EQ(at(pod, "spec.containers.0.securityContext"), (json::value{{"privileged", false}}));
  EXPECT_EQ(at(pod, "spec.automountServiceAccountToken"), false);
}

TEST(Pod, TakesNoOrdersFromTheTenantsMetadata) {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.podMetadata.labels = {{"cloister.dev/sandbox", "other"},
                                     {"cloister.dev/network", "open"},
                                     {"cloister.dev/pool", "p"},
                                     {"app.kubernetes.io/managed-by", "me"},
                                     {"app", "mine"}};
  sandbox.spec.podMetadata.annotations = {{"dev.gvisor.flag.network", "host"},
                                          {"dev.gvisor.spec.mount.workspace.type", "bind"},
                                          {"io.katacontainers.config.hypervisor.path", "/bin/sh"},
                                          {"cloister.dev/restore", "s"},
                                          {"example.com/ticket", "7"}};
  const json::value pod = podUnder(sandbox);
  EXPECT_EQ(labelsOf(pod),
            (std::map<std::string, std::string>{{"cloister.dev/sandbox", "hello"},
                                                {"app.kubernetes.io/managed-by", "cloister-operator"},
                                                {"app", "mine"}}));
  auto annotations = annotationsOf(pod);
  EXPECT_EQ(annotations.at("example.com/ticket"), "7");
  EXPECT_EQ(annotations.at("dev.gvisor.spec.mount.workspace.type"), "bind");
  for (const char* refused :
       {"dev.gvisor.flag.network", "io.katacontainers.config.hypervisor.path", "cloister.dev/restore"}) {
    EXPECT_FALSE(annotations.contains(refused)) << refused;
  }
}

TEST(Pod, KeepsItsOwnLabelsWhateverTheDefaultsAre) {
  Config config;
  config.defaults.podMetadata.labels = {
      {"cloister.dev/network", "open"}, {"cloister.dev/sandbox", "x"}, {"team", "a"}};
  config.defaults.podMetadata.annotations = {{"dev.gvisor.flag.platform", "kvm"}};
  const json::value pod = podUnder(aSandbox(), config);
  EXPECT_EQ(labelsOf(pod).at("cloister.dev/sandbox"), "hello");
  EXPECT_FALSE(labelsOf(pod).contains("cloister.dev/network"));
  EXPECT_EQ(labelsOf(pod).at("team"), "a");
  EXPECT_EQ(annotationsOf(pod).at("dev.gvisor.flag.platform"), "kvm") << "the administrator may";
  EXPECT_EQ(labelsOf(podUnder(aSandbox(), config, "abc")).at("cloister.dev/network"), "abc");
}

TEST(Pod, HasAHomeUnlessTheTenantSaysAnother) {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.env = {{"PATH", "/x"}, {"EMPTY", ""}};
  EXPECT_EQ(at(podUnder(sandbox), "spec.containers.0.env"),
            (json::array{{{"name", "HOME"}, {"value", "/workspace"}},
                         {{"name", "PATH"}, {"value", "/x"}},
                         {{"name", "EMPTY"}, {"value", ""}}}));
  sandbox.spec.env = {{"HOME", "/tmp"}};
  EXPECT_EQ(at(podUnder(sandbox), "spec.containers.0.env"),
            (json::array{{{"name", "HOME"}, {"value", "/tmp"}}}));
  EXPECT_EQ(at(podUnder(sandbox), "spec.containers.0.workingDir"), "/workspace");
}

TEST(Pod, HasNoNameServerWithoutEgress) {
  api::Sandbox sandbox = aSandbox();
  EXPECT_EQ(at(podUnder(sandbox), "spec.dnsPolicy"), "None");
  EXPECT_EQ(at(podUnder(sandbox), "spec.dnsConfig"), (json::value{{"nameservers", {"127.0.0.1"}}}));
  for (const auto mode : {api::EgressMode::Internet, api::EgressMode::Allow}) {
    sandbox.spec.network.egress.mode = mode;
    EXPECT_TRUE(at(podUnder(sandbox), "spec.dnsPolicy").is_null());
    EXPECT_TRUE(at(podUnder(sandbox), "spec.dnsConfig").is_null());
  }
}

TEST(Pod, CarriesSchedulingAndRegistryFields) {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.imagePullSecrets = {{"s"}};
  sandbox.spec.nodeSelector = {{"arch", "arm64"}};
  sandbox.spec.tolerations = {
      {.key = "a", .operator_ = "Exists", .value = {}, .effect = {}, .tolerationSeconds = 30}};
  sandbox.spec.priorityClassName = "low";
  sandbox.spec.imagePullPolicy = "Always";
  const json::value pod = podUnder(sandbox);
  EXPECT_EQ(at(pod, "spec.imagePullSecrets"), (json::array{{{"name", "s"}}}));
  EXPECT_EQ(at(pod, "spec.nodeSelector"), (json::value{{"arch", "arm64"}}));
  EXPECT_EQ(at(pod, "spec.tolerations"),
            (json::array{{{"key", "a"}, {"operator", "Exists"}, {"tolerationSeconds", 30}}}));
  EXPECT_EQ(at(pod, "spec.priorityClassName"), "low");
  EXPECT_EQ(at(pod, "spec.containers.0.imagePullPolicy"), "Always");
  for (const char* absent : {"imagePullSecrets", "nodeSelector", "tolerations", "priorityClassName"}) {
    EXPECT_TRUE(at(podUnder(aSandbox()), std::string("spec.") + absent).is_null()) << absent;
  }
}

TEST(PodName, ComesFromTheUid) {
  api::Sandbox first = aSandbox();
  api::Sandbox second = aSandbox();
  second.metadata.uid = "another";
  EXPECT_EQ(podName(first), podName(first));
  EXPECT_NE(podName(first), podName(second)) << "a new Sandbox never meets its deleted namesake's pod";
  EXPECT_THAT(podName(first), StartsWith("hello-"));
}

TEST(PodName, FitsTheLongestNameThatTheCrdAllows) {
  const std::string name = podName(aSandbox(std::string(54, 'a')));
  EXPECT_LE(name.size(), 63) << "a label's value and a DNS label";
  EXPECT_THAT(name, Each(testing::AnyOf('-', AllOf(Ge('a'), Le('z')), AllOf(Ge('0'), Le('9')))));
}

TEST(Pod, IsAnnotatedBesideWhatItSays) {
  for (const api::Runtime runtime : {api::Runtime::gvisor, api::Runtime::kata}) {
    api::Sandbox sandbox = aSandbox();
    sandbox.spec.runtime = runtime;
    json::value pod = podUnder(sandbox);
    const size_t before = json::decode<api::Pod>(pod)->metadata.annotations.size();
    annotate(pod, "note", "text");
    EXPECT_EQ(json::decode<api::Pod>(pod)->metadata.annotations.size(), before + 1);
  }
}

}  // namespace
}  // namespace cloister::sandbox
