// TLS as a client: whom we trust and who we are.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace boost::asio::ssl {
class context;
}

namespace cloister::net {

struct TlsOptions {
  std::string caPem = {};           // one or more certificates; empty: the system's
  std::string certificatePem = {};  // ours, with its chain; empty: none
  std::string keyPem = {};          // not encrypted
  std::string serverName = {};      // asked for and verified instead of the URL's host
  bool verify = true;

  bool operator==(const TlsOptions&) const = default;
};

struct Tls {
  std::shared_ptr<boost::asio::ssl::context> context;
  std::string serverName;
  bool verify = true;
};

// TLS 1.2 at least. InvalidInput, and which of the three texts it is, when one cannot be used.
Result<std::shared_ptr<const Tls>> makeTls(const TlsOptions& options);

}  // namespace cloister::net
