// How much the operator asks of the API server, Leases and watches aside.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "net/http.h"
#include "tests/support/apiserver/api_server.h"

namespace cloister::sim {

class Traffic {
 public:
  // Writes of one process to one version of an object that are refused since it had read an older one: what
  // is there is read then, however much watches lag. The rest are readings that fail.
  static constexpr int refusedBound = 3;
  // Requests of one process, of one kind and on one object, in a minute in which nothing happens: none, but
  // for the retries where a stranger's pod has the name, and for reading every ten seconds at most what the
  // events say of a start that does not come on, and once more where the clock turns out to be set.
  static constexpr int steadyBound = 8;

  explicit Traffic(const test::ApiServer& server) : server_(server) {}

  // A request of PROCESS was answered with STATUS, and it hears of it.
  void served(const std::string& process, const net::Request& request, int status);

  // The first violation.
  const std::optional<std::string>& violation() const { return violation_; }
  // Forgets the requests counted so far.
  void countAnew() { requests_.clear(); }
  // The most since then of one kind on one object, and which.
  std::pair<std::string, int> mostRequests() const;

 private:
  const test::ApiServer& server_;
  std::map<std::string, int> refused_;  // by process, object and version
  std::optional<std::string> violation_;
  std::map<std::string, int> requests_;  // by process, method and object
};

}  // namespace cloister::sim
