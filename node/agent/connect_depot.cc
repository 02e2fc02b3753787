#include "node/agent/connect_depot.h"

#include <filesystem>

#include <boost/algorithm/string/trim.hpp>

#include "kube/file.h"

namespace cloister::node {
namespace {

namespace fs = std::filesystem;

// A piece of a file that is fetched has 8 MiB, and no list has more.
constexpr size_t largestAnswer = size_t(16) << 20;

Result<std::string> readTrimmed(const std::string& path) {
  auto text = kube::readFile(path);
  if (text) boost::algorithm::trim(*text);
  return text;
}

Result<std::shared_ptr<const net::Tls>> tlsFor(const DepotOptions& options, bool wanted) {
  if (!wanted) return std::shared_ptr<const net::Tls>();
  net::TlsOptions tls;
  if (!options.ca.empty()) {
    auto pem = kube::readFile(options.ca);
    if (!pem) return fail(pem.error());
    tls.caPem = std::move(*pem);
  }
  return net::makeTls(tls);
}

// To URL, with the authorities of OPTIONS.
Result<std::unique_ptr<net::Transport>> connect(boost::asio::any_io_executor executor, net::BaseUrl url,
                                                const DepotOptions& options) {
  auto tls = tlsFor(options, url.tls);
  if (!tls) return failWith("--store-ca", tls.error());
  return std::make_unique<net::HttpClient>(std::move(executor), std::move(url), std::move(*tls),
                                           net::HttpClient::Options{.largestBody = largestAnswer});
}

// A Secret's credentials, or a token: one of them.
Result<void> checkLogin(const DepotOptions& options) {
  if (options.token.empty()) {
    if (!options.role.empty() || !options.sts.empty())
      return fail(Errc::InvalidInput, "--store-token: --store-role and --store-sts are nothing without it");
    auto good = readCredentials(options.credentials);
    return good ? Result<void>{} : failWith("--store-credentials", good.error());
  }
  if (!options.credentials.empty())
    return fail(Errc::InvalidInput, "--store-token: give it or --store-credentials, not both");
  if (auto url = stsOf(options); !url) return fail(url.error());
  auto token = readTrimmed(options.token);
  return token ? Result<void>{} : failWith("--store-token", token.error());
}

}  // namespace

Result<store::Credentials> readCredentials(const std::string& folder) {
  const auto accessKey = readTrimmed(folder + "/accessKey");
  if (!accessKey) return fail(accessKey.error());
  const auto secretKey = readTrimmed(folder + "/secretKey");
  if (!secretKey) return fail(secretKey.error());
  if (accessKey->empty() || secretKey->empty())
    return fail(Errc::InvalidInput, folder + ": accessKey and secretKey must not be empty");
  store::Credentials out{.accessKey = *accessKey, .secretKey = *secretKey};
  std::error_code error;
  if (!fs::exists(folder + "/sessionToken", error)) return out;
  auto token = readTrimmed(folder + "/sessionToken");
  if (!token) return fail(token.error());
  out.sessionToken = std::move(*token);
  return out;
}

Result<store::KeyRing> readKeyRing(const std::string& folder, const std::string& current) {
  std::map<std::string, std::string> files;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with('.')) continue;  // the kubelet's own
    auto text = kube::readFile(at->path().string());
    if (!text) return fail(text.error());
    files[name] = std::move(*text);
  }
  if (error) return fail(Errc::InvalidInput, "cannot list " + folder + ": " + error.message());
  auto ring = store::parseKeys(files, current);
  if (!ring) return failWith(folder, ring.error());
  return ring;
}

Result<store::Place> placeOf(const DepotOptions& options) {
  auto endpoint = net::parseBaseUrl(options.endpoint);
  if (!endpoint) return failWith("--store-endpoint", endpoint.error());
  if (options.addressing != "Path" && options.addressing != "VirtualHost")
    return fail(Errc::InvalidInput,
                "--store-addressing: Path or VirtualHost, not \"" + options.addressing + "\"");
  store::Place place{.endpoint = std::move(*endpoint),
                     .bucket = options.bucket,
                     .region = options.region,
                     .virtualHost = options.addressing == "VirtualHost"};
  if (const auto url = store::urlOf(place); !url) return failWith("--store-bucket", url.error());
  return place;
}

Result<net::BaseUrl> stsOf(const DepotOptions& options) {
  if (!options.sts.empty()) {
    auto url = net::parseBaseUrl(options.sts);
    return url ? url : failWith("--store-sts", url.error());
  }
  if (options.role.empty()) {
    return fail(Errc::InvalidInput,
                "--store-role: AWS gives credentials for a role; name it, or another service by --store-sts");
  }
  return net::parseBaseUrl("https://sts." + options.region + ".amazonaws.com");
}

Result<std::unique_ptr<ConnectedDepot>> ConnectedDepot::open(boost::asio::any_io_executor executor,
                                                             Clock& clock, Files& files,
                                                             boost::asio::any_io_executor disk,
                                                             DepotOptions options) {
  const auto place = placeOf(options);
  if (!place) return fail(place.error());
  if (auto good = checkLogin(options); !good) return fail(good.error());
  if (auto good = readKeyRing(options.keys, options.currentKey); !good)
    return failWith("--store-keys", good.error());
  auto transport = connect(executor, *store::urlOf(*place), options);
  if (!transport) return fail(transport.error());
  std::unique_ptr<net::Transport> sts;
  if (!options.token.empty()) {
    auto connected = connect(executor, *stsOf(options), options);
    if (!connected) return fail(connected.error());
    sts = std::move(*connected);
  }
  if (!options.prefix.empty() && !options.prefix.ends_with('/')) options.prefix += '/';
  return std::unique_ptr<ConnectedDepot>(new ConnectedDepot(std::move(*transport), std::move(sts), clock,
                                                            files, std::move(disk), *place, options));
}

ConnectedDepot::ConnectedDepot(std::unique_ptr<net::Transport> transport, std::unique_ptr<net::Transport> sts,
                               Clock& clock, Files& files, boost::asio::any_io_executor disk,
                               const store::Place& place, const DepotOptions& options)
    : transport_(std::move(transport)),
      sts_(std::move(sts)),
      identity_(sts_ ? std::optional<store::WebIdentity>(std::in_place, *sts_, clock, options.role,
                                                         [path = options.token] { return readTrimmed(path); })
                     : std::nullopt),
      bucket_(*transport_, clock, place, loginOf(options), {}),
      depot_({.bucket = bucket_,
              .files = files,
              .disk = std::move(disk),
              .keyRing = [folder = options.keys,
                          current = options.currentKey] { return readKeyRing(folder, current); },
              .prefix = options.prefix}) {}

store::Bucket::Login ConnectedDepot::loginOf(const DepotOptions& options) {
  if (identity_) return [this] { return identity_->login(); };
  return store::atOnce([folder = options.credentials] { return readCredentials(folder); });
}

}  // namespace cloister::node
