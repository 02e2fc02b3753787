// The API server's verbs over a Transport. Objects travel as JSON; nothing is retried here: the queue's
// backoff is.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "json/codec.h"
#include "kube/resource.h"
#include "net/http.h"

namespace cloister::kube {

struct ListOptions {
  std::string labelSelector = {};
  std::string fieldSelector = {};
  int limit = 500;                   // objects a page; 0 for all at once
  std::string continueToken = {};    // from the page before
  std::string resourceVersion = {};  // "0": from the server's cache, which may be behind
};

struct ListPage {
  json::array items;
  std::string resourceVersion;
  std::string continueToken;  // empty on the last page
};

struct WatchOptions {
  std::string labelSelector = {};
  std::string fieldSelector = {};
  std::string resourceVersion;
  Duration timeout = std::chrono::minutes(5);  // the server ends the watch then
};

struct WatchEvent {
  enum class Type { Added, Modified, Deleted, Bookmark };
  Type type = Type::Bookmark;
  json::value object;
};

// A watch under way. Destroying it closes its connection.
class Watch {
 public:
  virtual ~Watch() = default;
  // The next event. ERROR events are errors; an expired resourceVersion is Errc::Gone. Errc::Unavailable at
  // the end of the watch, Errc::Timeout when nothing comes for IDLE.
  virtual Task<Result<WatchEvent>> next(Duration idle) = 0;
};

// Strategic: a merge that knows the lists of Kubernetes' own kinds which are keyed, as a pod's conditions
// are; not for other kinds.
enum class PatchType { Json, Merge, Strategic, Apply };

struct PatchOptions {
  PatchType type = PatchType::Merge;
  std::string fieldManager = {};  // required with Apply
  bool force = false;             // with Apply: take fields that another manager owns
  std::string subresource = {};   // "status"
  bool dryRun = false;
};

struct DeleteOptions {
  std::string uid = {};              // precondition, when given
  std::string resourceVersion = {};  // precondition, when given
  std::optional<int> gracePeriodSeconds = {};
  std::string propagation = {};  // "Background", "Foreground", "Orphan"; empty is the server's default
};

// One finished call, for metrics and logs.
struct CallRecord {
  std::string_view verb;  // get list watch create update patch delete
  std::string_view resource;
  int status = 0;  // HTTP status, 0 when there was no answer
  Duration took = {};
};

class Client {
 public:
  Client(net::Transport& transport, Clock& clock) : transport_(transport), clock_(clock) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void onCall(std::function<void(const CallRecord&)> observer) { observer_ = std::move(observer); }

  Task<Result<json::value>> get(Resource resource, ObjectKey key);
  // NAMESPACE empty: in all namespaces.
  Task<Result<ListPage>> list(Resource resource, std::string namespace_, ListOptions options);
  Task<Result<std::unique_ptr<Watch>>> watch(Resource resource, std::string namespace_, WatchOptions options);
  Task<Result<json::value>> create(Resource resource, std::string namespace_, json::value object);
  Task<Result<json::value>> replace(Resource resource, ObjectKey key, json::value object,
                                    std::string subresource = {});
  // A JSON patch that does not fit the object as it is (a "test" fails, a path is not there) is
  // Errc::Conflict.
  Task<Result<json::value>> patch(Resource resource, ObjectKey key, json::value body, PatchOptions options);
  // The object as it was left, or a Status.
  Task<Result<json::value>> remove(Resource resource, ObjectKey key, DeleteOptions options);

 private:
  Task<Result<json::value>> call(std::string_view verb, Resource resource, net::Request request);
  Task<Result<net::Response>> exchange(std::string_view verb, Resource resource, net::Request request);
  void record(std::string_view verb, const Resource& resource, int status, Instant begun);

  net::Transport& transport_;
  Clock& clock_;
  std::function<void(const CallRecord&)> observer_;
};

}  // namespace cloister::kube
