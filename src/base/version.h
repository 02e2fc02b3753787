#pragma once

#include <string_view>

namespace cloister {

// This build's version, from the file VERSION: "0.1.0".
std::string_view version();

}  // namespace cloister
