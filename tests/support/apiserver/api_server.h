// An API server in memory that keeps Kubernetes' rules: versions and conflicts, the status subresource,
// generations, preconditions, graceful deletion, finalizers, paged lists, watches and their windows. What it
// answers is held against a real one (tests/conformance/rules_test.cc).
//
// Not here, because it takes time or another component: the network (tests/sim/network.h), garbage collection
// and namespaces' ends (tests/sim/controllers.h). Source:
// https://kubernetes.io/docs/reference/using-api/api-concepts/
#pragma once

#include <optional>
#include <variant>

#include "base/clock.h"
#include "net/http.h"
#include "tests/support/apiserver/kinds.h"
#include "tests/support/apiserver/selector.h"
#include "tests/support/apiserver/target.h"

namespace cloister::test {

// One request that was not a read, and what came of it.
struct Write {
  std::string actor;
  std::string method;
  Target target;
  int status = 0;
  bool changed = false;  // there is a new revision
};

// A watch that was let in.
struct WatchStart {
  std::string plural;
  std::string namespace_;
  Selector selector;
  uint64_t revision = 0;  // the client has seen everything up to here
  Duration timeout = {};  // the server ends it then
};

class ApiServer {
 public:
  static constexpr size_t largestPage = 500;

  explicit ApiServer(const Clock& clock) : clock_(clock) {}

  // Asked before each write of a request; an answer takes its place.
  using Admission = std::function<std::optional<net::Response>(const net::Request&, const Target&)>;
  Admission admission;
  // Told after each request that was not a read.
  std::function<void(const Write&)> onWrite;
  // Lists tell what was at this revision, as those of a server would whose cache is behind.
  std::optional<uint64_t> listsAt;
  // Fewer objects on a page than the client asks for.
  size_t pageLimit = largestPage;

  net::Response serve(const net::Request& request, const std::string& actor);
  // A request for a watch: what to send, or a refusal.
  std::variant<WatchStart, net::Response> admitWatch(const net::Request& request) const;

  // For the other parts of a cluster, which this file's rules do not hold back.
  //
  // OBJECT as if ACTOR had created it: with a uid, a creation time and its generation.
  Object create(const std::string& actor, const std::string& plural, json::value object);
  // Whatever CHANGE does to the object, its status included. False when there is none, or nothing changed.
  bool edit(const std::string& actor, const ObjectId& id, const std::function<void(json::value&)>& change);
  // As DELETE with OPTIONS would. Answers as it would.
  net::Response remove(const std::string& actor, const ObjectId& id, const json::value& options = nullptr);
  // The end of an object whose deletion was waited with.
  void erase(const std::string& actor, const ObjectId& id);

  // Who makes the change that observers of the storage are told of.
  const std::string& actor() const { return actor_; }
  Storage& storage() { return storage_; }
  const Storage& storage() const { return storage_; }

 private:
  net::Response read(const Target& target) const;
  net::Response list(const Target& target) const;
  net::Response write(const net::Request& request, const Target& target);
  net::Response post(const Target& target, json::value object);
  net::Response put(const Target& target, json::value object);
  net::Response patch(const Target& target, const net::Request& request, const json::value& body);
  net::Response update(const Target& target, const Object& current, json::value next);
  net::Response remove(const ObjectId& id, const json::value& options);
  net::Response removeNow(const KindRules& rules, const ObjectId& id);
  Object store(const ObjectId& id, json::value object);
  std::string newUid();

  const Clock& clock_;
  Storage storage_;
  std::string actor_;
  uint64_t uids_ = 0;
};

// A metav1.Status that says no. CAUSE: of its details, if it has one.
net::Response refusal(int code, const std::string& reason, const std::string& message,
                      const std::string& cause = {});
// The line that a watch sends for CHANGE, or nothing when it does not concern it.
std::optional<std::string> eventLine(const WatchStart& watch, const Change& change);
std::string bookmarkLine(const WatchStart& watch, uint64_t revision);
// What a watch sends whose revision is no longer known.
std::string expiredLine();

}  // namespace cloister::test
