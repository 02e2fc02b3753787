// What a request's path and query ask for. Source:
// https://kubernetes.io/docs/reference/using-api/api-concepts/#standard-api-terminology
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "tests/support/apiserver/storage.h"

namespace cloister::test {

struct Target {
  std::string group;
  std::string version;
  ObjectId id;  // the name is empty for a collection
  std::string subresource;
  std::map<std::string, std::string> query;

  // The value of a parameter, or empty.
  std::string parameter(const std::string& name) const;
  // "pods" or "sandboxes/status"
  std::string text() const { return id.plural + (subresource.empty() ? "" : "/" + subresource); }
};

// TARGET: "/api/v1/namespaces/N/pods/NAME/status?a=b", "/apis/GROUP/V/...". Null when it is none.
std::shared_ptr<const Target> parseTarget(std::string_view target);

}  // namespace cloister::test
