// Signs a request as S3 asks for it: AWS Signature Version 4, in the Authorization header
// (docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html). Pure.
#pragma once

#include <map>

#include "net/http.h"

namespace cloister::store {

struct Credentials {
  std::string accessKey;
  std::string secretKey;
  std::string sessionToken = {};  // of credentials that expire, else empty
  bool operator==(const Credentials&) const = default;
};

// The parameters of a target, unencoded.
using Query = std::map<std::string, std::string>;

// TEXT with all but letters, digits and -._~ as %XX; slashes stay where KEEPSLASHES.
std::string percentEncode(std::string_view text, bool keepSlashes);
// The target of PATH (unencoded, begins with a slash), as it is signed.
std::string targetOf(std::string_view path, const Query& query);

// Adds the headers of a signature for REGION at NOW, which is good for 15 minutes. HOST is the Host header
// that the transport will send, and the target one of targetOf(): all headers there are get signed.
void sign(net::Request& request, std::string_view host, const Credentials& credentials,
          std::string_view region, Time now);

}  // namespace cloister::store
