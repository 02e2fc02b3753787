#include "dialogue.h"

#include <stdexcept>

#include "live_cluster.h"
#include "tests/support/apiserver/api_server.h"
#include "tests/support/sim_clock.h"

namespace cloister::conformance {
namespace {

// What both servers must agree on in an object. Names differ where the namespace's is in them.
std::string essence(const json::value& object) {
  json::object out;
  for (const char* path : {"kind", "reason", "metadata.name", "metadata.generation", "metadata.labels",
                           "metadata.finalizers", "metadata.deletionGracePeriodSeconds", "data", "spec.image",
                           "spec.lifecycle", "spec.holderIdentity", "status.phase"}) {
    const json::value* found = json::find(object, path);
    const bool empty = found == nullptr || found->is_null() || *found == json::value(json::object());
    if (!empty) out[path] = *found;
  }
  // Its own labels alone: a namespace is labelled by the server.
  if (json::findString(object, "kind") == "Namespace")
    out.erase("metadata.name"), out.erase("metadata.labels");
  // Kinds of lists are named after their items.
  if (json::findString(object, "kind").ends_with("List")) out["kind"] = "List";
  out["leaving"] = json::find(object, "metadata.deletionTimestamp") != nullptr;
  return json::printSorted(out);
}

std::string causes(const json::value& status) {
  const json::value* list = json::find(status, "details.causes");
  if (list == nullptr || !list->is_array()) return {};
  for (const json::value& cause : list->get_array()) {
    if (json::findString(cause, "reason") == "NamespaceTerminating") return " NamespaceTerminating";
  }
  return {};
}

std::string items(const json::value& list) {
  const json::value* found = json::find(list, "items");
  if (found == nullptr || !found->is_array()) return {};
  std::string out = json::findString(list, "metadata.continue").empty() ? " last:" : " more:";
  for (const json::value& item : found->get_array()) out += " " + json::findString(item, "metadata.name");
  return out;
}

class RealDialogue final : public Dialogue {
 public:
  RealDialogue() : namespace_(cluster_.makeNamespace()) {}

 private:
  net::Response exchange(net::Request request) override {
    return mustHave(cluster_.run(cluster_.transport().exchange(std::move(request))));
  }
  std::vector<json::value> events(net::Request request, int count) override {
    return mustHave(cluster_.run(read(cluster_.transport(), std::move(request), count)));
  }
  std::string homeNamespace() const override { return namespace_; }
  void pause() override { cluster_.run(wait(cluster_.clock())); }

  static Task<Result<std::vector<json::value>>> read(net::Transport& transport, net::Request request,
                                                     int count) {
    auto opened = co_await transport.open(std::move(request));
    if (!opened) co_return fail(opened.error());
    std::vector<json::value> out;
    std::string text = opened->head.body;
    while (opened->stream && int(out.size()) < count) {
      auto piece = co_await opened->stream->read(seconds(10));
      if (!piece) break;
      text += *piece;
      for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
        out.push_back(*json::parse(text.substr(0, end)));
        text.erase(0, end + 1);
      }
    }
    co_return out;
  }
  static Task<Result<bool>> wait(Clock& clock) {
    co_await clock.sleep(milliseconds(50));
    co_return true;
  }

  LiveCluster cluster_;
  std::string namespace_;
};

class SimulatedDialogue final : public Dialogue {
 public:
  SimulatedDialogue() {
    server_.create("admin", "namespaces", {{"kind", "Namespace"}, {"metadata", {{"name", "home"}}}});
  }

 private:
  net::Response exchange(net::Request request) override { return server_.serve(request, "user"); }
  std::vector<json::value> events(net::Request request, int count) override {
    const auto admitted = server_.admitWatch(request);
    const auto& watch = std::get<test::WatchStart>(admitted);
    std::vector<json::value> out;
    for (const test::Change* change : server_.storage().since(watch.revision)) {
      if (auto line = test::eventLine(watch, *change)) out.push_back(*json::parse(*line));
    }
    out.resize(std::min(out.size(), size_t(count)));
    return out;
  }
  std::string homeNamespace() const override { return "home"; }
  void pause() override { throw std::runtime_error("nothing takes time here"); }

  test::SimClock clock_;
  test::ApiServer server_{clock_};
};

}  // namespace

net::Request Dialogue::request(const std::string& method, const std::string& path,
                               const json::value& body) const {
  net::Request out{.method = method, .target = path, .headers = {{"Accept", "application/json"}}};
  if (const size_t at = out.target.find("$NS"); at != std::string::npos)
    out.target.replace(at, 3, homeNamespace());
  if (body.is_null()) return out;
  const char* type = method != "PATCH" ? "application/json"
                     : body.is_array() ? "application/json-patch+json"
                                       : "application/merge-patch+json";
  out.headers.emplace_back("Content-Type", type);
  out.body = json::print(body);
  return out;
}

json::value Dialogue::send(const std::string& method, const std::string& path, const json::value& body) {
  const net::Response response = exchange(request(method, path, body));
  const auto answer = json::parse(response.body);
  const json::value object = answer ? *answer : json::value(json::object());
  notes_.push_back(method + " " + path.substr(0, path.find("continue=")) + " -> " +
                   std::to_string(response.status) + " " + essence(object) + causes(object) + items(object));
  return object;
}

void Dialogue::watch(const std::string& path, const std::string& resourceVersion, int count) {
  const std::string query =
      (path.contains('?') ? "&" : "?") + std::string("watch=true&timeoutSeconds=20&resourceVersion=");
  std::string seen;
  for (const json::value& event : events(request("GET", path + query + resourceVersion, nullptr), count)) {
    seen += " " + json::findString(event, "type") + ":" + json::findString(event, "object.metadata.name") +
            json::findString(event, "object.reason");
  }
  notes_.push_back("WATCH " + path + "\n    ->" + seen);
}

void Dialogue::await(const std::string& path, int status) {
  for (int tries = 0; exchange(request("GET", path, nullptr)).status != status; ++tries) {
    if (tries == 600) throw std::runtime_error(path + " never answered " + std::to_string(status));
    pause();
  }
}

std::unique_ptr<Dialogue> realDialogue() {
  return std::make_unique<RealDialogue>();
}
std::unique_ptr<Dialogue> simulatedDialogue() {
  return std::make_unique<SimulatedDialogue>();
}

}  // namespace cloister::conformance
