#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cloister::kube {

// RFC 4648's standard alphabet, padded.
std::string encodeBase64(std::string_view bytes);
// Padding may be absent, line breaks may be present; none for anything else.
std::optional<std::string> decodeBase64(std::string_view text);

}  // namespace cloister::kube
