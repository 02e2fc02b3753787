// What a real API server's admission holds a new pod against: the namespace's quotas, and its RuntimeClass.
#pragma once

#include <optional>

#include "net/http.h"
#include "tests/support/apiserver/storage.h"

namespace cloister::test {

// Why POD is not taken into NAMESPACE, if it is not. Of a ResourceQuota this knows "pods" and
// "limits.RESOURCE", for all pods or those of some PriorityClasses.
std::optional<net::Response> refusePod(const Storage& storage, const std::string& namespace_,
                                       const json::value& pod);

}  // namespace cloister::test
