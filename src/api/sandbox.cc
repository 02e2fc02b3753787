#include "api/sandbox.h"

namespace cloister::api {

std::string freezeWish(const Pod& pod) {
  return annotationOf(pod.metadata, freezeAnnotation);
}

bool saysFrozen(const Pod& pod) {
  const PodCondition* answer = findPodCondition(pod, frozenCondition);
  return answer != nullptr && answer->status == "True";
}

bool isFrozen(const Pod& pod) {
  const std::string wish = freezeWish(pod);
  return !wish.empty() && saysFrozen(pod) && findPodCondition(pod, frozenCondition)->message == wish;
}

}  // namespace cloister::api
