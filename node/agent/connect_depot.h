// The store as the command line names it: an endpoint, a bucket, and Secrets as the kubelet mounts them.
#pragma once

#include <memory>

#include "net/http_client.h"
#include "node/agent/depot.h"
#include "node/store/web_identity.h"

namespace cloister::node {

struct DepotOptions {
  std::string endpoint;  // a URL; empty: there is no store
  std::string bucket;
  std::string region = "us-east-1";
  std::string prefix;
  std::string addressing = "Path";  // or VirtualHost
  std::string credentials;          // the folder with accessKey, secretKey and, if need be, sessionToken
  std::string token = {};           // in place of that: the file of a token, which stands for ...
  std::string role = {};   // ... this role (an ARN; empty where the service finds it by the token) ...
  std::string sts = {};    // ... at this URL; empty: AWS's of the region
  std::string keys;        // the folder of store keys, a file each
  std::string currentKey;  // the name of that for new snapshots
  std::string ca;          // a file; empty: the system's authorities
};

// Both read the files anew. InvalidInput names the one at fault.
Result<store::Credentials> readCredentials(const std::string& folder);
Result<store::KeyRing> readKeyRing(const std::string& folder, const std::string& current);
// InvalidInput names the option at fault.
Result<store::Place> placeOf(const DepotOptions& options);
// Of the service that gives credentials for the token, if there is one.
Result<net::BaseUrl> stsOf(const DepotOptions& options);

class ConnectedDepot {
 public:
  // InvalidInput names what cannot be used of OPTIONS, which name an endpoint. No connection is made yet.
  static Result<std::unique_ptr<ConnectedDepot>> open(boost::asio::any_io_executor executor, Clock& clock,
                                                      Files& files, boost::asio::any_io_executor disk,
                                                      DepotOptions options);
  Depot& depot() { return depot_; }

 private:
  ConnectedDepot(std::unique_ptr<net::Transport> transport, std::unique_ptr<net::Transport> sts, Clock& clock,
                 Files& files, boost::asio::any_io_executor disk, const store::Place& place,
                 const DepotOptions& options);
  store::Bucket::Login loginOf(const DepotOptions& options);

  std::unique_ptr<net::Transport> transport_;
  std::unique_ptr<net::Transport> sts_;  // null, as identity_: there is a Secret with credentials
  std::optional<store::WebIdentity> identity_;
  store::Bucket bucket_;
  Depot depot_;
};

}  // namespace cloister::node
