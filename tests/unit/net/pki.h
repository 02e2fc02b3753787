// Certificates for tests, made on the spot.
#pragma once

#include <string>
#include <vector>

namespace cloister::test {

struct Certificate {
  std::string certificatePem;
  std::string keyPem;
};

Certificate makeAuthority(const std::string& name);
// For servers and clients; NAMES as OpenSSL writes them: "DNS:localhost", "IP:127.0.0.1". Valid for a day.
Certificate makeCertificate(const Certificate& authority, const std::string& name,
                            const std::vector<std::string>& names);

}  // namespace cloister::test
