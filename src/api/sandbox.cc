#include "api/sandbox.h"

namespace cloister::api {

bool isFrozen(const Pod& pod) {
  const std::string wish = annotationOf(pod.metadata, freezeAnnotation);
  const PodCondition* answer = findPodCondition(pod, frozenCondition);
  return !wish.empty() && answer != nullptr && answer->status == "True" && answer->message == wish;
}

}  // namespace cloister::api
