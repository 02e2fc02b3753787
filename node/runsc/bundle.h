// What a bundle's config.json tells of its container. Pure. Source: the OCI runtime specification, and the
// annotations of containerd's CRI (pkg/cri/annotations).
#pragma once

#include <optional>
#include <string_view>

#include "api/sandbox.h"
#include "node/protocol.h"

namespace cloister::node {

// Larger ones are not read; containerd's have some 30 KiB. No Pod is that large, however its JSON is escaped.
inline constexpr size_t largestConfig = 16 << 20;

// The question to ask before the container is started: all but its id and bundle. None when there is nothing
// to ask: the pod does not say that it is to be restored or held, or CONFIG is of no use, which runsc itself
// will tell.
std::optional<StartRequest> questionOf(std::string_view config);

// CONFIG is of a pod that begins from a golden snapshot, and starts as any other where there is nobody to
// ask.
bool mayStartUnasked(std::string_view config);
// CONFIG is of a pod that may be held (api::holdAnnotation).
bool mayBeHeld(std::string_view config);
// The id of the root container of its pod; empty when it tells none.
std::string rootOf(std::string_view config);
// Of the container ID, which is in the same pod as, or is, the one of BUNDLE.
std::string bundleBeside(const std::string& bundle, const std::string& id);

// CONFIG with the limit on processes that its pod asks for. None when there is nothing to limit, or CONFIG is
// of no use; InvalidInput when the pod's annotation is no such number.
Result<std::optional<std::string>> withProcessLimit(std::string_view config);

}  // namespace cloister::node
