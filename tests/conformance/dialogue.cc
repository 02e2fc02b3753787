#include "dialogue.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "kube/base64.h"
#include "live_cluster.h"
#include "tests/support/apiserver/admission.h"
#include "tests/support/apiserver/api_server.h"
#include "tests/support/sim_clock.h"

namespace cloister::conformance {
namespace {

// What both servers must agree on in an object. Names differ where the namespace's is in them.
std::string essence(const json::value& object) {
  json::object out;
  for (const char* path : {"kind", "reason", "metadata.name", "metadata.generation", "metadata.labels",
                           "metadata.finalizers", "metadata.deletionGracePeriodSeconds", "data", "spec.image",
                           "spec.lifecycle", "spec.holderIdentity", "spec.hard", "status.phase"}) {
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

// What admission says is part of the rules: the operator reads it (operator/sandbox/diagnose.cc).
std::string words(const json::value& status) {
  return json::findString(status, "reason") == "Forbidden" ? " " + json::findString(status, "message") : "";
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
  bool pause() override { return mustHave(cluster_.run(wait(cluster_.clock()))); }

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
  void forget() override {
    compact(mustHave(cluster_.run(cluster_.client().list(kube::configMaps, namespace_, {}))).resourceVersion);
  }
  // The server's token is JSON in Base64, with the alphabet of URLs and without padding.
  std::string aged(const std::string& token) const override {
    std::string text = token;
    std::ranges::replace(text, '-', '+');
    std::ranges::replace(text, '_', '/');
    json::value place = *json::parse(kube::decodeBase64(text).value());
    place.as_object()["rv"] = 1;
    text = kube::encodeBase64(json::print(place));
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    return text.substr(0, text.find('='));
  }

  // etcd's own: the API server does it every five minutes. Source: etcd.io/docs, the gRPC gateway.
  void compact(const std::string& revision) {
    const char* file = std::getenv("CLOISTER_CONFORMANCE_KUBECONFIG");
    const auto folder = std::filesystem::path(file).parent_path();
    LiveCluster etcd(mustHave(kube::loadConfig({.explicitFile = folder / "etcd.kubeconfig"})));
    const auto answer = mustHave(etcd.run(
        etcd.transport().exchange({.method = "POST",
                                   .target = "/v3/kv/compaction",
                                   .headers = {{"Content-Type", "application/json"}},
                                   .body = json::print({{"revision", revision}, {"physical", true}})})));
    if (answer.status != 200) throw std::runtime_error("etcd does not compact: " + answer.body);
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
    server_.admission = [this](const net::Request& request, const test::Target& target) {
      const bool comes = request.method == "POST" && target.id.plural == "pods";
      return comes ? test::refusePod(server_.storage(), target.id.key.namespace_, *json::parse(request.body))
                   : std::nullopt;
    };
    server_.create("admin", "namespaces", {{"kind", "Namespace"}, {"metadata", {{"name", "home-of-rules"}}}});
  }

 private:
  net::Response exchange(net::Request request) override { return server_.serve(request, "user"); }
  std::vector<json::value> events(net::Request request, int count) override {
    const auto admitted = server_.admitWatch(request);
    const auto& watch = std::get<test::WatchStart>(admitted);
    if (watch.revision < server_.storage().oldest()) return {*json::parse(test::expiredLine())};
    std::vector<json::value> out;
    for (const test::Change* change : server_.storage().since(watch.revision)) {
      if (auto line = test::eventLine(watch, *change)) out.push_back(*json::parse(*line));
    }
    out.resize(std::min(out.size(), size_t(count)));
    return out;
  }
  std::string homeNamespace() const override { return "home-of-rules"; }
  bool pause() override { return false; }
  void forget() override { server_.storage().compact(); }
  std::string aged(const std::string& token) const override { return "1" + token.substr(token.find(':')); }

  test::SimClock clock_;
  test::ApiServer server_{clock_};
};

}  // namespace

std::string Dialogue::localized(std::string text) const {
  for (size_t at = text.find("$NS"); at != std::string::npos; at = text.find("$NS"))
    text.replace(at, 3, homeNamespace());
  return text;
}

net::Request Dialogue::request(const std::string& method, const std::string& path,
                               const json::value& body) const {
  net::Request out{.method = method, .target = localized(path), .headers = {{"Accept", "application/json"}}};
  if (body.is_null()) return out;
  const char* type = method != "PATCH" ? "application/json"
                     : body.is_array() ? "application/json-patch+json"
                                       : "application/merge-patch+json";
  out.headers.emplace_back("Content-Type", type);
  out.body = localized(json::print(body));
  return out;
}

json::value Dialogue::send(const std::string& method, const std::string& path, const json::value& body) {
  const net::Response response = exchange(request(method, path, body));
  const auto answer = json::parse(response.body);
  const json::value object = answer ? *answer : json::value(json::object());
  std::string note = method + " " + path.substr(0, path.find("continue=")) + " -> " +
                     std::to_string(response.status) + " " + essence(object) + causes(object) +
                     words(object) + items(object);
  const std::string home = homeNamespace();
  for (size_t at = note.find(home); at != std::string::npos; at = note.find(home))
    note.replace(at, home.size(), "$NS");
  notes_.push_back(std::move(note));
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
  awaitThat(path, [status](const net::Response& response) { return response.status == status; });
}

void Dialogue::await(const std::string& path, const std::string& field, const std::string& text) {
  awaitThat(path, [&](const net::Response& response) {
    const auto object = json::parse(response.body);
    return object && json::findString(*object, field) == text;
  });
}

void Dialogue::awaitThat(const std::string& path, const std::function<bool(const net::Response&)>& reached) {
  for (int tries = 0; !reached(exchange(request("GET", path, nullptr))) && pause(); ++tries) {
    if (tries == 600) throw std::runtime_error(path + " never became what is waited for");
  }
}

std::unique_ptr<Dialogue> realDialogue() {
  return std::make_unique<RealDialogue>();
}
std::unique_ptr<Dialogue> simulatedDialogue() {
  return std::make_unique<SimulatedDialogue>();
}

}  // namespace cloister::conformance
