#pragma once

#include <string>

#include "base/result.h"

namespace cloister::kube {

// The whole of FILE, at most 1 MiB. Errc::InvalidInput names it and says why it cannot be read.
Result<std::string> readFile(const std::string& file);

}  // namespace cloister::kube
