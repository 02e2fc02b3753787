// Texts are those of Kubernetes 1.36 and containerd 2.x, word for word.
#include "operator/sandbox/diagnose.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/sandbox/reasons.h"
#include "tests/unit/operator/examples.h"

namespace cloister::sandbox {
namespace {

using api::Phase;
using test::aSandbox;
using test::disrupted;
using test::ended;
using test::evicted;
using test::leaving;
using test::podOf;
using test::ready;
using test::refusedByNode;
using test::scheduled;
using test::unready;
using test::unschedulable;
using test::waiting;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

Diagnosis diagnosisOf(const api::Pod& pod, const std::vector<PodEvent>& events = {},
                      std::optional<bool> nodeReady = {}) {
  return diagnosePod(pod, events, nodeReady);
}

api::Pod aPod() {
  return podOf(aSandbox());
}

void expectPending(const Diagnosis& diagnosis, std::string_view reason, const std::string& words) {
  EXPECT_EQ(diagnosis.phase, Phase::Pending);
  EXPECT_EQ(diagnosis.reason, reason) << diagnosis.message;
  EXPECT_TRUE(diagnosis.problem);
  EXPECT_FALSE(diagnosis.ready);
  EXPECT_THAT(diagnosis.message, HasSubstr(words));
}
void expectFailed(const Diagnosis& diagnosis, std::string_view reason, const std::string& words) {
  EXPECT_EQ(diagnosis.phase, Phase::Failed);
  EXPECT_EQ(diagnosis.reason, reason) << diagnosis.message;
  EXPECT_TRUE(diagnosis.problem);
  EXPECT_FALSE(diagnosis.ready);
  EXPECT_THAT(diagnosis.message, HasSubstr(words));
}

TEST(Diagnose, SaysOfAHealthyStartOnlyHowFarItIs) {
  for (const api::Pod& pod : {aPod(), scheduled(aPod()), waiting(aPod(), "ContainerCreating", ""),
                              waiting(aPod(), "PodInitializing", "")}) {
    const Diagnosis diagnosis = diagnosisOf(pod);
    EXPECT_EQ(diagnosis.phase, Phase::Pending);
    EXPECT_EQ(diagnosis.reason, reason::starting);
    EXPECT_FALSE(diagnosis.problem);
  }
  EXPECT_EQ(diagnosisOf(aPod()).message, "Waiting for a node.");
  api::Pod beside = scheduled(aPod());
  beside.status.containerStatuses = {
      {.name = "mesh",
       .ready = true,
       .state = {.waiting = {}, .running = api::ContainerStateRunning{}, .terminated = {}}}};
  EXPECT_EQ(diagnosisOf(beside).reason, reason::starting) << "what an admission put beside it runs already";
}

TEST(Diagnose, SaysRunning) {
  const Diagnosis diagnosis = diagnosisOf(ready(aPod()));
  EXPECT_EQ(diagnosis.phase, Phase::Running);
  EXPECT_EQ(diagnosis.reason, reason::running);
  EXPECT_TRUE(diagnosis.ready);
  EXPECT_FALSE(diagnosis.problem);
}

TEST(Diagnose, SaysWhyNoNodeTakesIt) {
  expectPending(
      diagnosisOf(unschedulable(
          aPod(),
          "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient memory. no new claims "
          "to "
          "deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.")),
      reason::unschedulable, "2 Insufficient memory");
}

TEST(Diagnose, KnowsThatNoNodeTakesItOnlyFromTheScheduler) {
  api::Pod gated = unschedulable(aPod(), "Scheduling is blocked due to non-empty scheduling gates");
  gated.status.conditions[0].reason = "SchedulingGated";
  EXPECT_EQ(diagnosisOf(gated).reason, reason::starting);
  api::Pod taken = unschedulable(aPod(), "0/1 nodes are available");
  taken.status.conditions[0].status = "True";
  EXPECT_EQ(diagnosisOf(taken).reason, reason::starting);
}

TEST(Diagnose, SaysWhatIsWrongWithTheImage) {
  EXPECT_EQ(diagnosisOf(waiting(aPod(), "ErrImagePull", "")).message,
            "Check spec.image, imagePullSecrets and the registry.");
  expectPending(
      diagnosisOf(waiting(aPod(), "ErrImagePull",
                          "failed to pull and unpack image \"docker.io/library/nosuch:1\": failed to resolve "
                          "reference \"docker.io/library/nosuch:1\": docker.io/library/nosuch:1: not found")),
      reason::imagePullFailed, "nosuch:1: not found. Check spec.image");
  expectPending(diagnosisOf(waiting(aPod(), "ImagePullBackOff",
                                    "Back-off pulling image \"nosuch:1\": ErrImagePull: ... not found")),
                reason::imagePullFailed, "Back-off pulling image");
  expectPending(diagnosisOf(waiting(aPod(), "ErrImageNeverPull",
                                    "Container image \"nosuch:1\" is not present with pull policy of Never")),
                reason::imageMissing, "imagePullPolicy is Never");
  expectPending(
      diagnosisOf(waiting(aPod(), "InvalidImageName",
                          "Failed to apply default image tag \"A:b:c\": couldn't parse image name \"A:b:c\": "
                          "invalid reference format: repository name must be lowercase")),
      reason::invalidImageName, "invalid reference format");
}

TEST(Diagnose, SaysWhyTheContainerDoesNotStart) {
  for (const char* waitingReason :
       {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}) {
    expectPending(
        diagnosisOf(waiting(aPod(), waitingReason, "container has runAsNonRoot and image will run as root")),
        reason::startFailed, "image will run as root.");
  }
  expectFailed(diagnosisOf(ended(
                   aPod(), 128, "StartError",
                   "failed to create containerd task: OCI runtime start failed: exec: \"/nope\": not found")),
               reason::startFailed, "\"/nope\": not found");
  expectFailed(diagnosisOf(ended(aPod(), 127, "ContainerCannotRun", "no such file")), reason::startFailed,
               "no such file. Check spec.command and spec.image.");
  expectFailed(diagnosisOf(ended(aPod(), 128, "StartError")), reason::startFailed,
               "could not be started: exit code 128. Check spec.command and spec.image.");
  api::Pod begun = aPod();
  begun.metadata.annotations[std::string(api::restoreAnnotation)] = "saved";
  expectFailed(
      diagnosisOf(ended(begun, 128, "StartError", "invalid tar header")), reason::startFailed,
      "invalid tar header. Check spec.command, spec.image and the SandboxSnapshot \"saved\"; if that "
      "is damaged, "
      "begin from another one.");
}

PodEvent noRuntime() {
  return {"Warning", "FailedCreatePodSandBox",
          "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox runtime: no "
          "runtime for "
          "\"kata\" is configured"};
}
PodEvent noNetwork(const std::string& id) {
  return {"Warning", "FailedCreatePodSandBox",
          "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for "
          "sandbox \"" +
              id + "\": plugin type=\"ptp\" failed (add): no IP addresses available"};
}

TEST(Diagnose, SaysThatTheNodeLacksTheRuntime) {
  api::Pod pod = scheduled(aPod());
  pod.spec.runtimeClassName = "kata";
  expectPending(
      diagnosisOf(pod, {{"Normal", "Scheduled", "Successfully assigned team/x to node-1"}, noRuntime()}),
      reason::runtimeMissingOnNode, "RuntimeClass kata");
  expectPending(
      diagnosisOf(
          pod, {{"Warning", "FailedCreatePodSandBox",
                 "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to start sandbox "
                 "\"1f\": failed to create containerd task: failed to start shim: failed to resolve runtime "
                 "path: runtime \"io.containerd.kata.v2\" binary not installed "
                 "\"containerd-shim-kata-v2\": file does not exist"}}),
      reason::runtimeMissingOnNode, "node-1");
  expectPending(diagnosisOf(pod, {noRuntime(),
                                  {"Normal", "SandboxChanged",
                                   "Pod sandbox changed, it will be killed and re-created."}}),
                reason::runtimeMissingOnNode, "node-1");
  expectPending(diagnosisOf(pod, {{"Warning", "FailedCreatePodSandBox",
                                   "failed to find runtime handler kata from runtime list map[runc:0xc0]"}}),
                reason::runtimeMissingOnNode, "node-1");
}

TEST(Diagnose, SaysWhatKeepsTheNodeFromSettingThePodUp) {
  PodEvent mount = noRuntime();
  mount.reason = "FailedMount";
  expectPending(diagnosisOf(scheduled(aPod()), {mount}), reason::startFailed, "(FailedMount)");
  expectPending(diagnosisOf(waiting(aPod(), "ContainerCreating", ""), {noNetwork("a1")}), reason::startFailed,
                "no IP addresses available");
  expectPending(diagnosisOf(scheduled(aPod()),
                            {{"Warning", "FailedMount", "MountVolume.SetUp failed for volume \"x\""}}),
                reason::startFailed, "(FailedMount)");
  expectPending(diagnosisOf(scheduled(aPod()), {{"Warning", "NetworkNotReady",
                                                 "network is not ready: cni config uninitialized"}}),
                reason::startFailed, "cni config uninitialized");
}

TEST(Diagnose, ForgetsTroubleThatIsOver) {
  const PodEvent unschedulable{"Warning", "FailedScheduling", "0/1 nodes are available: 1 Insufficient cpu."};
  const PodEvent assigned{"Normal", "Scheduled", "Successfully assigned team/x to node-1"};
  const PodEvent pulling{"Normal", "Pulling", "Pulling image \"python:3.12\""};
  EXPECT_EQ(diagnosisOf(scheduled(aPod()), {unschedulable, assigned}).reason, reason::starting);
  EXPECT_EQ(diagnosisOf(scheduled(aPod()), {unschedulable}).reason, reason::starting)
      << "the node has it by now";
  EXPECT_EQ(diagnosisOf(scheduled(aPod()), {assigned, noNetwork("a1"), pulling}).reason, reason::starting);
  EXPECT_EQ(diagnosisOf(scheduled(aPod()), {assigned, noNetwork("a1"), noRuntime()}).reason,
            reason::runtimeMissingOnNode)
      << "the newest word counts";
}

TEST(Diagnose, TakesNoOtherEventsForTrouble) {
  for (const PodEvent& event : {PodEvent{"Warning", "DNSConfigForming", "Nameserver limits were exceeded"},
                                PodEvent{"Normal", "FailedOver", "a volume's controller"}}) {
    EXPECT_EQ(diagnosisOf(scheduled(aPod()), {event}).reason, reason::starting) << event.reason;
  }
}

TEST(Diagnose, SaysHowItEnded) {
  const Diagnosis completed = diagnosisOf(ended(aPod(), 0, "Completed"));
  EXPECT_EQ(completed.phase, Phase::Succeeded);
  EXPECT_EQ(completed.reason, reason::completed);
  EXPECT_EQ(completed.exitCode, 0);
  EXPECT_FALSE(completed.problem);
  const Diagnosis crashed = diagnosisOf(ended(aPod(), 3, "Error", "Traceback: boom\n"));
  expectFailed(crashed, reason::crashed, "exit code 3");
  EXPECT_THAT(crashed.message, EndsWith("Its last words: Traceback: boom"));
  EXPECT_EQ(crashed.exitCode, 3);
  const Diagnosis killed = diagnosisOf(ended(aPod(), 137, "OOMKilled"));
  expectFailed(killed, reason::oomKilled, "resources.memory");
  EXPECT_EQ(killed.exitCode, 137);
}

TEST(Diagnose, SaysWhyTheNodeEvictedIt) {
  for (const char* words : {"Usage of EmptyDir volume \"workspace\" exceeds the limit \"1Gi\". ",
                            "Pod ephemeral local storage usage exceeds the total limit of containers 3Gi. ",
                            "The node was low on resource: memory. Threshold quantity: 100Mi, available: "
                            "52Mi. Container sandbox was using "
                            "600Mi, request is 512Mi, has larger consumption of memory. "}) {
    expectFailed(diagnosisOf(evicted(aPod(), words)), reason::evicted,
                 std::string(excerpt(words)) + " Ask for");
  }
}

TEST(Diagnose, SaysWhatItHadToMakeRoomFor) {
  expectFailed(diagnosisOf(disrupted(ready(aPod()), "PreemptionByScheduler",
                                     "default-scheduler: preempting to accommodate a higher priority pod")),
               reason::evicted, "higher priority pod. Create the Sandbox again.");
  expectFailed(diagnosisOf(disrupted(ready(aPod()), "EvictionByEvictionAPI", "Eviction API: evicting")),
               reason::evicted, "EvictionByEvictionAPI");
  expectFailed(diagnosisOf(disrupted(ready(aPod()), "TerminationByKubelet",
                                     "Pod was terminated in response to imminent node shutdown.")),
               reason::evicted, "imminent node shutdown. Create");
}

TEST(Diagnose, ForgetsADisruptionThatWasCalledOff) {
  api::Pod spared = disrupted(ready(aPod()), "PreemptionByScheduler", "preempting");
  spared.status.conditions.back().status = "False";
  EXPECT_EQ(diagnosisOf(spared).reason, reason::running);
}

TEST(Diagnose, SaysThatItsNodeIsLost) {
  expectFailed(diagnosisOf(disrupted(leaving(unready(ready(aPod()))), "DeletionByTaintManager",
                                     "Taint manager: deleting due to NoExecute taint")),
               reason::nodeLost, "NoExecute taint.");
  expectFailed(diagnosisOf(disrupted(leaving(unready(ready(aPod()))), "DeletionByPodGC",
                                     "PodGC: node no longer exists")),
               reason::nodeLost, "node-1");
  const api::Pod silent = unready(ready(aPod()));
  ASSERT_TRUE(needsNodeState(silent));
  const Diagnosis lost = diagnosisOf(silent, {}, false);
  EXPECT_EQ(lost.phase, Phase::Running) << "it may still run there";
  EXPECT_EQ(lost.reason, reason::nodeLost);
  EXPECT_TRUE(lost.problem);
  EXPECT_FALSE(lost.ready);
  EXPECT_EQ(diagnosisOf(silent, {}, true).reason, reason::starting);
  EXPECT_EQ(diagnosisOf(silent).reason, reason::starting) << "where nodes can't be read";
}

TEST(Diagnose, SaysThatTheNodeRefusedThePod) {
  expectFailed(diagnosisOf(refusedByNode(
                   aPod(), "OutOfcpu",
                   "Pod was rejected: Node didn't have enough resource: cpu, requested: 1000, used: "
                   "3500, capacity: 4000")),
               reason::startFailed, "(OutOfcpu)");
}

TEST(Diagnose, SaysThatSomebodyDeletesThePodHoweverItsContainerEnds) {
  for (const api::Pod& pod : {leaving(ready(aPod())), leaving(ended(aPod(), 137, "Error")),
                              leaving(ended(aPod(), 0, "Completed"))}) {
    expectFailed(diagnosisOf(pod), reason::podLost, pod.metadata.name);
  }
}

TEST(Diagnose, BoundsWhatOthersSay) {
  std::string endless;
  while (endless.size() < 100'000) endless += "é";
  for (const std::string& words : {endless, endless + "x"}) {
    for (const Diagnosis& diagnosis :
         {diagnosisOf(unschedulable(aPod(), words)), diagnosisOf(waiting(aPod(), "ErrImagePull", words)),
          diagnosisOf(ended(aPod(), 1, "Error", words)), diagnosisOf(evicted(aPod(), words)),
          diagnosisOf(scheduled(aPod()), {{"Warning", "FailedMount", words}}),
          *diagnoseCreateFailure({.code = Errc::Forbidden, .message = words}, "gvisor")}) {
      EXPECT_LE(diagnosis.message.size(), 1024);
      EXPECT_TRUE(json::parse(json::print(json::value(diagnosis.message)))) << "cut within a character";
    }
  }
}

Diagnosis refused(Errc code, const std::string& message) {
  return *diagnoseCreateFailure({.code = code, .message = message}, "kata");
}

TEST(DiagnoseCreateFailure, KnowsQuotas) {
  expectPending(
      refused(Errc::Forbidden,
              "pods \"hello-x\" is forbidden: exceeded quota: compute, requested: limits.memory=512Mi, used: "
              "limits.memory=4Gi, limited: limits.memory=4Gi"),
      reason::quotaExceeded, "limited: limits.memory=4Gi. It is tried again");
  expectPending(
      refused(Errc::Forbidden,
              "pods \"hello-x\" is forbidden: failed quota: compute: must specify limits.cpu for: sandbox"),
      reason::quotaExceeded, "must specify");
  expectPending(refused(Errc::Forbidden,
                        "pods \"hello-x\" is forbidden: status unknown for quota: compute, resources: pods"),
                reason::quotaExceeded, "status unknown");
}

TEST(DiagnoseCreateFailure, KnowsAMissingRuntimeClass) {
  expectPending(refused(Errc::Forbidden,
                        "pods \"hello-x\" is forbidden: pod rejected: RuntimeClass \"kata\" not found"),
                reason::runtimeClassMissing, "RuntimeClass \"kata\"");
  for (const char* other :
       {"RuntimeClass \"kata\" is not for this namespace", "PriorityClass \"x\" not found"}) {
    EXPECT_EQ(refused(Errc::Forbidden, other).reason, reason::admissionRefused) << other;
  }
}

TEST(DiagnoseCreateFailure, KnowsAdmission) {
  expectPending(
      refused(Errc::Forbidden,
              "pods \"hello-x\" is forbidden: violates PodSecurity \"restricted:latest\": "
              "allowPrivilegeEscalation "
              "!= false (container \"sandbox\" must set securityContext.allowPrivilegeEscalation=false)"),
      reason::admissionRefused, "violates PodSecurity");
  expectPending(
      refused(Errc::Forbidden, "pods \"hello-x\" is forbidden: no PriorityClass with name nosuch was found"),
      reason::admissionRefused, "no PriorityClass");
  expectPending(
      refused(
          Errc::Forbidden,
          "pods \"hello-x\" is forbidden: maximum memory usage per Container is 256Mi, but limit is 512Mi"),
      reason::admissionRefused, "maximum memory usage");
}

TEST(DiagnoseCreateFailure, KnowsWhatTheServerFindsInvalid) {
  expectPending(
      refused(Errc::InvalidInput, "Pod \"hello-x\" is invalid: spec.tolerations[0].operator: Invalid value"),
      reason::createFailed, "spec.tolerations[0].operator");
}

TEST(DiagnoseCreateFailure, KnowsATakenName) {
  expectPending(refused(Errc::AlreadyExists, "A pod named hello-x exists and belongs to somebody else."),
                reason::podNameTaken, "Delete that pod");
}

TEST(DiagnoseCreateFailure, SaysNothingOfWhatPasses) {
  for (const Errc code :
       {Errc::Unavailable, Errc::Timeout, Errc::TooManyRequests, Errc::NotFound, Errc::Conflict}) {
    EXPECT_FALSE(diagnoseCreateFailure({.code = code, .message = "x"}, "gvisor")) << name(code);
  }
  EXPECT_FALSE(diagnoseCreateFailure(
      {.code = Errc::Forbidden,
       .message = "pods \"hello-x\" is forbidden: unable to create new content in namespace "
                  "team because it is being terminated",
       .reason = "NamespaceTerminating"},
      "gvisor"));
}

}  // namespace
}  // namespace cloister::sandbox
