// Whether one sandbox of this node is to be stopped or let go on. Pure.
//
// The operator asks by an annotation on the pod (api::freezeAnnotation); the answer is a condition in the
// pod's status. What holds in between is what runsc tells.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/sandbox.h"
#include "node/agent/runsc.h"

namespace cloister::node {

// As runsc has it now.
struct RunningSandbox {
  std::string rootId;
  std::vector<std::string> containers;  // ids of the others that run
  bool isPaused = false;
};
// That of the pod of POD_UID, or none.
std::optional<RunningSandbox> findSandbox(const std::vector<RunningContainer>& all,
                                          const std::string& podUID);

// POD's sandbox is to be looked at. UNCLEAR: an agent before this one may have left it otherwise than POD
// tells.
bool needsLook(const api::Pod& pod, bool unclear);

// End: of a pod that is being deleted. A sandbox that stands still answers no signal, so it has to go on; but
// it must not do anything more, which would be lost where its memory has been saved.
BOOST_DEFINE_FIXED_ENUM_CLASS(FreezeStep, int, None, Pause, Resume, End)
FreezeStep nextStep(const api::Pod& pod, const RunningSandbox& sandbox);

// What POD's status shall tell after that step, which FAILURE ended; none if it does so already. Its
// lastTransitionTime is NOW, in whole seconds.
std::optional<api::PodCondition> nextAnswer(const api::Pod& pod, const std::optional<Error>& failure,
                                            Time now);

}  // namespace cloister::node
