// The store as the command line names it: an endpoint, a bucket, and Secrets as the kubelet mounts them.
#pragma once

#include <memory>

#include "net/http_client.h"
#include "node/agent/depot.h"

namespace cloister::node {

struct DepotOptions {
  std::string endpoint;  // a URL; empty: there is no store
  std::string bucket;
  std::string region = "us-east-1";
  std::string prefix;
  std::string addressing = "Path";  // or VirtualHost
  std::string credentials;          // the folder with accessKey, secretKey and, if need be, sessionToken
  std::string keys;                 // the folder of store keys, a file each
  std::string currentKey;           // the name of that for new snapshots
  std::string ca;                   // a file; empty: the system's authorities
};

// Both read the files anew. InvalidInput names the one at fault.
Result<store::Credentials> readCredentials(const std::string& folder);
Result<store::KeyRing> readKeyRing(const std::string& folder, const std::string& current);
// InvalidInput names the option at fault.
Result<store::Place> placeOf(const DepotOptions& options);

class ConnectedDepot {
 public:
  // InvalidInput names what cannot be used of OPTIONS, which name an endpoint. No connection is made yet.
  static Result<std::unique_ptr<ConnectedDepot>> open(boost::asio::any_io_executor executor, Clock& clock,
                                                      Files& files, boost::asio::any_io_executor disk,
                                                      DepotOptions options);
  Depot& depot() { return depot_; }

 private:
  ConnectedDepot(std::unique_ptr<net::Transport> transport, Clock& clock, Files& files,
                 boost::asio::any_io_executor disk, const store::Place& place, const DepotOptions& options);

  std::unique_ptr<net::Transport> transport_;
  store::Bucket bucket_;
  Depot depot_;
};

}  // namespace cloister::node
