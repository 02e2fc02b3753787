// Where a server is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cloister::net {

struct BaseUrl {
  bool tls = true;
  std::string host;  // a name or an address, without brackets
  uint16_t port = 443;
  std::string prefix = {};  // "/path" that every target is put behind, or empty

  bool operator==(const BaseUrl&) const = default;
};

// "https://10.0.0.1:6443/prefix", also http, IPv6 in brackets, and the scheme's own port. No user, query or
// fragment.
Result<BaseUrl> parseBaseUrl(std::string_view text);

// What goes into the Host header: "[::1]:6443", and without the port when it is the scheme's own.
std::string authority(const BaseUrl& url);

}  // namespace cloister::net
