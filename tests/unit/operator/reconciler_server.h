// The simulated API server (tests/support/apiserver) behind a ScriptedTransport, as reconciler tests use it:
// they play everybody else in the cluster, and its watches.
#pragma once

#include "operator/stores.h"
#include "tests/support/apiserver/api_server.h"
#include "tests/support/scripted_transport.h"

namespace cloister::test {

class ReconcilerServer {
 public:
  ReconcilerServer(Clock& clock, ScriptedTransport& transport);

  // Asked before each write; an answer takes its place.
  std::function<std::optional<net::Response>(const net::Request&)> admission;
  // Told after each call, of whatever kind, before its answer goes out.
  std::function<void(const net::Request&)> afterwards;

  // OBJECT, of PLURAL, as if somebody else had created or changed it.
  void put(const std::string& plural, json::value object);
  void erase(const std::string& plural, const kube::ObjectKey& key);
  // Null when there is none.
  json::value get(const std::string& plural, const kube::ObjectKey& key) const;
  std::vector<json::value> all(const std::string& plural) const;

  // The writes that changed something, as "POST pods", "PATCH sandboxes/status", "DELETE pods".
  const std::vector<std::string>& writes() const { return writes_; }
  size_t count(const std::string& write) const;
  // What the operator's watches, with their selectors, would have brought by now.
  void sync(Stores& stores) const;

 private:
  net::Response serve(const net::Request& request);

  ApiServer server_;
  std::vector<std::string> writes_;
};

}  // namespace cloister::test
