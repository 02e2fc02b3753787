#include "api/sandbox.h"

#include <charconv>

namespace cloister::api {

int64_t restartOf(const Pod& pod) {
  const std::string text = labelOf(pod.metadata, restartLabel);
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

bool isMadeToBeHeld(const Pod& pod) {
  return !annotationOf(pod.metadata, holdAnnotation).empty();
}

bool isHeld(const Pod& pod) {
  const PodCondition* said = findPodCondition(pod, heldCondition);
  return said != nullptr && said->status == "True";
}

bool hasBegunFromHeld(const Pod& pod) {
  const PodCondition* said = findPodCondition(pod, heldCondition);
  return said != nullptr && said->status == "False";
}

std::string freezeWish(const Pod& pod) {
  return annotationOf(pod.metadata, freezeAnnotation);
}

bool saysFrozen(const Pod& pod) {
  const PodCondition* answer = findPodCondition(pod, frozenCondition);
  return answer != nullptr && answer->status == "True";
}

bool isSandbox(const OwnerReference& owner) {
  return owner.kind == "Sandbox" && owner.apiVersion == apiVersion;
}

bool isTemplate(const OwnerReference& owner) {
  return owner.kind == "SandboxTemplate" && owner.apiVersion == apiVersion;
}

bool isFrozen(const Pod& pod) {
  const std::string wish = freezeWish(pod);
  return !wish.empty() && saysFrozen(pod) && findPodCondition(pod, frozenCondition)->message == wish;
}

}  // namespace cloister::api
