// What all Kubernetes objects share. Source: k8s.io/apimachinery/pkg/apis/meta/v1.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "json/codec.h"
#include "kube/resource.h"

namespace cloister::api {

struct OwnerReference {
  std::string apiVersion;
  std::string kind;
  std::string name;
  std::string uid;
  std::optional<bool> controller;
  std::optional<bool> blockOwnerDeletion;
  bool operator==(const OwnerReference&) const = default;
};
BOOST_DESCRIBE_STRUCT(OwnerReference, (), (apiVersion, kind, name, uid, controller, blockOwnerDeletion))

// managedFields and finalizers of others are not decoded: nothing here reads them, and they are most of an
// object's size.
struct ObjectMeta {
  std::string name;
  std::string namespace_;
  std::string uid;
  std::string resourceVersion;
  int64_t generation = 0;
  Time creationTimestamp;
  std::optional<Time> deletionTimestamp;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::vector<OwnerReference> ownerReferences;
  bool operator==(const ObjectMeta&) const = default;
};
BOOST_DESCRIBE_STRUCT(ObjectMeta, (),
                      (name, namespace_, uid, resourceVersion, generation, creationTimestamp,
                       deletionTimestamp, labels, annotations, ownerReferences))

inline kube::ObjectKey keyOf(const ObjectMeta& meta) {
  return {meta.namespace_, meta.name};
}

// The value of LABEL, or empty.
std::string labelOf(const ObjectMeta& meta, std::string_view label);

// The value of ANNOTATION, or empty.
std::string annotationOf(const ObjectMeta& meta, std::string_view annotation);

// The owner with controller: true, or null.
const OwnerReference* controllerOf(const ObjectMeta& meta);

// metav1.Condition. Kept in the order of their first appearance.
struct Condition {
  std::string type;
  std::string status;  // "True", "False", "Unknown"
  std::optional<int64_t> observedGeneration;
  std::optional<Time> lastTransitionTime;
  std::string reason;
  std::string message;
  bool operator==(const Condition&) const = default;
};
BOOST_DESCRIBE_STRUCT(Condition, (), (type, status, observedGeneration, lastTransitionTime, reason, message))

const Condition* findCondition(const std::vector<Condition>& conditions, std::string_view type);
// Adds or replaces the condition of NEXT's type; lastTransitionTime moves to NOW only when the status
// changes.
void setCondition(std::vector<Condition>& conditions, Condition next, Time now);

}  // namespace cloister::api
