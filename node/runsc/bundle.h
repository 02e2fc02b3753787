// What a bundle's config.json tells of its container. Pure. Source: the OCI runtime specification, and the
// annotations of containerd's CRI (pkg/cri/annotations).
#pragma once

#include <optional>
#include <string_view>

#include "api/sandbox.h"
#include "node/protocol.h"

namespace cloister::node {

struct Bundle {
  // To ask before the container is started: all but its id and bundle. None when there is nothing to ask: the
  // pod does not say that it is to be restored or held.
  std::optional<StartRequest> question = {};
  std::string root = {};         // the id of the root container of its pod; empty when that is not told
  bool mayStartUnasked = false;  // its pod begins from a golden snapshot, and starts as any other where there
                                 // is nobody to ask
  bool mayBeHeld = false;        // api::holdAnnotation
};

// Of one that is of no use, or larger than largestFile, it tells nothing: runsc itself will tell.
// containerd's have some 30 KiB, and no Pod is that large, however its JSON is escaped.
Bundle readBundle(std::string_view config);
// Of the container ID, which is in the same pod as, or is, the one of BUNDLE.
std::string bundleBeside(const std::string& bundle, const std::string& id);

// CONFIG with the limit on processes that its pod asks for. None when there is nothing to limit, or CONFIG is
// of no use; InvalidInput when the pod's annotation is no such number.
Result<std::optional<std::string>> withProcessLimit(std::string_view config);

}  // namespace cloister::node
