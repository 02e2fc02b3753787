#include "kube/resource.h"

namespace cloister::kube {

std::string apiVersion(const Resource& resource) {
  if (resource.group.empty()) return std::string(resource.version);
  return std::string(resource.group) + "/" + std::string(resource.version);
}

std::string toString(const ObjectKey& key) {
  return key.namespace_.empty() ? key.name : key.namespace_ + "/" + key.name;
}

}  // namespace cloister::kube
