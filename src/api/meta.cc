#include "api/meta.h"

#include <algorithm>

namespace cloister::api {

namespace {

std::string valueOf(const std::map<std::string, std::string>& values, std::string_view key) {
  const auto found = values.find(std::string(key));
  return found == values.end() ? std::string() : found->second;
}

}  // namespace

std::string labelOf(const ObjectMeta& meta, std::string_view label) {
  return valueOf(meta.labels, label);
}

std::string annotationOf(const ObjectMeta& meta, std::string_view annotation) {
  return valueOf(meta.annotations, annotation);
}

const OwnerReference* controllerOf(const ObjectMeta& meta) {
  auto found = std::ranges::find_if(
      meta.ownerReferences, [](const OwnerReference& owner) { return owner.controller.value_or(false); });
  return found == meta.ownerReferences.end() ? nullptr : &*found;
}

const Condition* findCondition(const std::vector<Condition>& conditions, std::string_view type) {
  auto found = std::ranges::find(conditions, type, &Condition::type);
  return found == conditions.end() ? nullptr : &*found;
}

void setCondition(std::vector<Condition>& conditions, Condition next, Time now) {
  auto found = std::ranges::find(conditions, next.type, &Condition::type);
  if (found == conditions.end()) {
    next.lastTransitionTime = now;
    conditions.push_back(std::move(next));
    return;
  }
  next.lastTransitionTime = found->status == next.status ? found->lastTransitionTime : now;
  *found = std::move(next);
}

}  // namespace cloister::api
