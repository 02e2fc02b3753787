#include "tests/sim/images.h"

#include <algorithm>

#include "tests/sim/objects.h"

namespace cloister::sim {
namespace {

constexpr std::string_view missingHandler =
    "failed to get sandbox runtime: no runtime for \"runsc\" is configured";
constexpr std::string_view missingBinary = "OCI runtime binary not installed: runsc";
constexpr std::string_view missingCrio = "failed to find runtime handler runsc from runtime list";

constexpr Image all[] = {
    {"runs"},
    {"slow"},
    {"unready"},     // its pod is Ready some time after it runs
    {"sidecar"},     // another container of its pod, put in by admission, runs first
    {"overtaking"},  // ... runs later
    {"unlisted"},    // ... is all that the kubelet tells of at first
    {"unschedulable"},
    {"gated"},    // somebody holds it back from the scheduler
    {"refused"},  // by the node
    {.name = "completes", .end = "completed"},
    {.name = "crashes", .end = "crashed"},
    {.name = "outlived", .end = "completed"},  // another container of its pod ends later
    {.name = "mourns", .end = "wordy"},
    {.name = "unstartable", .end = "startError"},
    {.name = "unrunnable", .end = "cannotRun"},
    {.name = "unpullable", .starts = false, .waiting = "ImagePullBackOff", .words = "Back-off pulling image"},
    {.name = "misnamed", .starts = false, .waiting = "InvalidImageName"},
    {.name = "misconfigured", .starts = false, .waiting = "CreateContainerConfigError", .words = " \n"},
    {.name = "no-handler",
     .starts = false,
     .eventType = "Warning",
     .eventReason = "FailedCreatePodSandBox",
     .eventMessage = missingHandler},
    {.name = "no-binary",
     .starts = false,
     .eventType = "Warning",
     .eventReason = "FailedCreatePodSandBox",
     .eventMessage = missingBinary},
    {.name = "no-runtime",
     .starts = false,
     .eventType = "Warning",
     .eventReason = "FailedCreatePodSandBox",
     .eventMessage = missingCrio},
    {.name = "no-address",
     .starts = false,
     .eventType = "Warning",
     .eventReason = "FailedCreatePodSandBox",
     .eventMessage = "failed to set up its network"},
    {.name = "no-network",
     .starts = false,
     .eventType = "Warning",
     .eventReason = "NetworkNotReady",
     .eventMessage = "network is not ready"},
    {.name = "warned",
     .starts = false,
     .eventType = "Warning",
     .eventReason = "DNSConfigForming",
     .eventMessage = "Search Line limits were exceeded"},
    {.name = "waited-for",
     .starts = false,
     .eventType = "Warning",
     .eventReason = "FailedScheduling",
     .eventMessage = "0/3 nodes were available"},
    {.name = "pulled",
     .starts = false,
     .eventType = "Normal",
     .eventReason = "Pulling",
     .eventMessage = "Pulling image"},
    {.name = "noted",
     .starts = false,
     .eventType = "Normal",
     .eventReason = "SuccessfulAttachVolume",
     .eventMessage = "attached"},
};

// More than fits into a condition, and cut within a letter.
constexpr std::string_view lament =
#define TEN "üüüüüüüüüü"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
    HUNDRED HUNDRED HUNDRED HUNDRED "x\n";
#undef HUNDRED
#undef TEN

constexpr End ends[] = {
    {"completed", "Succeeded", 0, "Completed"},
    {"crashed", "Failed", 1, "Error"},
    {"wordy", "Failed", 1, "Error", lament},
    {"oom", "Failed", 137, "OOMKilled"},
    {"startError", "Failed", 128, "StartError", "exec: \"nothing\": not found", true},
    {"cannotRun", "Failed", 127, "ContainerCannotRun", "", true},
    {"evicted", "Failed", 137, "Error", "", false, "TerminationByKubelet"},
    {"tainted", "Failed", 137, "Error", "", false, "DeletionByTaintManager"},
    {"collected", "Failed", 137, "Error", "", false, "DeletionByPodGC"},
    {"preempted", "Failed", 137, "Error", "", false, "PreemptionByScheduler"},
};

}  // namespace

std::span<const Image> images() {
  return all;
}

// What ends, or is refused, does so three times at most: what is restarted comes to rest.
const Image& imageOf(const json::value& pod) {
  std::string name = json::findString(pod, "spec.containers.0.image");
  name.resize(std::min(name.find('@'), name.size()));
  name.erase(0, name.rfind('/') + 1);
  const auto* found = std::ranges::find(all, name, &Image::name);
  if (found == std::end(all)) return all[0];
  const bool fails = !found->end.empty() || found->name == "refused";
  return fails && restartOf(pod) >= 2 ? all[0] : *found;
}

std::string imageIdOf(const json::value& pod) {
  const std::string image = json::findString(pod, "spec.containers.0.image");
  return image.contains('@') ? image : image + "@sha256:0";
}

const End* findEnd(std::string_view how) {
  const auto* found = std::ranges::find(ends, how, &End::how);
  return found == std::end(ends) ? nullptr : found;
}

}  // namespace cloister::sim
