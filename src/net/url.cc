#include "net/url.h"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace cloister::net {
namespace {

uint16_t defaultPort(bool tls) {
  return tls ? 443 : 80;
}

std::unexpected<Error> badUrl(std::string_view text, std::string_view why) {
  return fail(Errc::InvalidInput, "\"" + std::string(text) +
                                      "\" is not a URL such as https://10.0.0.1:6443: " + std::string(why));
}

}  // namespace

Result<BaseUrl> parseBaseUrl(std::string_view text) {
  const auto parsed = boost::urls::parse_uri(text);
  if (!parsed) return badUrl(text, parsed.error().message());
  const boost::urls::url_view& url = *parsed;
  if (url.scheme() != "https" && url.scheme() != "http") return badUrl(text, "neither https nor http");
  if (url.host_address().empty()) return badUrl(text, "no host");
  // Escapes are resolved in what host_address() returns: a line end would get into the Host header.
  if (url.encoded_host().contains('%')) return badUrl(text, "the host contains a percent sign");
  if (url.has_userinfo()) return badUrl(text, "it carries a user name");
  if (url.has_query() || url.has_fragment()) return badUrl(text, "it carries a query or a fragment");
  // Boost.URL 1.81 takes what follows a port's digits for a path.
  if (!url.encoded_path().empty() && !url.encoded_path().starts_with('/'))
    return badUrl(text, "the port is not a number");
  if (url.has_port() && url.port_number() == 0) return badUrl(text, "the port is not between 1 and 65535");

  BaseUrl base{.tls = url.scheme() == "https", .host = url.host_address()};
  base.port = url.has_port() ? url.port_number() : defaultPort(base.tls);
  base.prefix = std::string_view(url.encoded_path());
  while (base.prefix.ends_with('/')) base.prefix.pop_back();
  return base;
}

std::string authority(const BaseUrl& url) {
  const std::string host = url.host.contains(':') ? "[" + url.host + "]" : url.host;
  return url.port == defaultPort(url.tls) ? host : host + ":" + std::to_string(url.port);
}

}  // namespace cloister::net
