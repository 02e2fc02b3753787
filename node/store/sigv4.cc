#include "node/store/sigv4.h"

#include <algorithm>

#include <boost/algorithm/string/case_conv.hpp>
#include <boost/algorithm/string/trim.hpp>

#include "base/hash.h"
#include "node/store/cipher.h"

namespace cloister::store {
namespace {

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";

bool isUnreserved(char byte) {
  return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
         byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

// Lower-case names in order, with trimmed values.
std::map<std::string, std::string> canonicalHeaders(const net::Request& request, std::string_view host) {
  std::map<std::string, std::string> out{{"host", std::string(host)}};
  for (const auto& [name, value] : request.headers)
    out[boost::algorithm::to_lower_copy(name)] = boost::algorithm::trim_copy(value);
  return out;
}

std::string signingKey(const Credentials& credentials, std::string_view date, std::string_view region) {
  std::string key = "AWS4" + credentials.secretKey;
  for (const std::string_view part : {date, region, std::string_view("s3"), std::string_view("aws4_request")})
    key = hmacSha256(key, part);
  return key;
}

}  // namespace

std::string percentEncode(std::string_view text, bool keepSlashes) {
  std::string out;
  for (const char byte : text) {
    if (isUnreserved(byte) || (keepSlashes && byte == '/')) {
      out += byte;
    } else {
      out += "%" + boost::algorithm::to_upper_copy(hexOf({&byte, 1}));
    }
  }
  return out;
}

std::string targetOf(std::string_view path, const Query& query) {
  // They are signed in the order of their encoded names.
  std::map<std::string, std::string> encoded;
  for (const auto& [name, value] : query) encoded[percentEncode(name, false)] = percentEncode(value, false);
  std::string out = percentEncode(path, true);
  char before = '?';
  for (const auto& [name, value] : encoded) {
    out += before + name + "=" + value;
    before = '&';
  }
  return out;
}

void sign(net::Request& request, std::string_view host, const Credentials& credentials,
          std::string_view region, Time now) {
  std::string at = formatTime(now);
  std::erase_if(at, [](char byte) { return byte == '-' || byte == ':'; });
  const std::string date = at.substr(0, 8);
  const std::string bodySum = sha256Hex(request.body);
  request.headers.emplace_back("x-amz-content-sha256", bodySum);
  request.headers.emplace_back("x-amz-date", at);
  if (!credentials.sessionToken.empty())
    request.headers.emplace_back("x-amz-security-token", credentials.sessionToken);

  const size_t mark = std::min(request.target.find('?'), request.target.size());
  const std::string query = request.target.substr(std::min(mark + 1, request.target.size()));
  std::string canonical = request.method + "\n" + request.target.substr(0, mark) + "\n" + query + "\n";
  std::string names;
  for (const auto& [name, value] : canonicalHeaders(request, host)) {
    canonical += name + ":" + value + "\n";
    names += (names.empty() ? "" : ";") + name;
  }
  canonical += "\n" + names + "\n" + bodySum;

  const std::string scope = date + "/" + std::string(region) + "/s3/aws4_request";
  const std::string text = std::string(algorithm) + "\n" + at + "\n" + scope + "\n" + sha256Hex(canonical);
  const std::string signature = hexOf(hmacSha256(signingKey(credentials, date, region), text));
  request.headers.emplace_back("Authorization", std::string(algorithm) +
                                                    " Credential=" + credentials.accessKey + "/" + scope +
                                                    ",SignedHeaders=" + names + ",Signature=" + signature);
}

}  // namespace cloister::store
