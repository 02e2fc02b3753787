#include "live_world.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "json/yaml.h"

namespace cloister::conformance {
namespace {

using generated::Answer;
using generated::Object;

constexpr Duration settleBound = seconds(40);
// Enough for a loop without pause; the simulation waits for the slow ones.
constexpr Duration restTime = milliseconds(700);

const std::string ours = "/apis/cloister.dev/v1alpha1";

Config configFor(const std::string& namespace_) {
  Config config;
  config.watchNamespaces = {namespace_};
  config.leaderElection.enabled = false;
  return config;
}

json::value sandbox(json::object metadata, const json::value& spec) {
  return {{"apiVersion", "cloister.dev/v1alpha1"},
          {"kind", "Sandbox"},
          {"metadata", std::move(metadata)},
          {"spec", spec}};
}

bool isReady(const json::value& pod) {
  const json::value* conditions = json::find(pod, "status.conditions");
  return conditions != nullptr && std::ranges::any_of(conditions->as_array(), [](const json::value& one) {
           return json::findString(one, "type") == "Ready";
         });
}

json::value running() {
  const std::string now = formatTime(std::chrono::floor<Duration>(std::chrono::system_clock::now()));
  const auto condition = [&](const char* type) {
    return json::value{{"type", type}, {"status", "True"}, {"lastTransitionTime", now}};
  };
  return {
      {"status", {{"phase", "Running"}, {"conditions", {condition("PodScheduled"), condition("Ready")}}}}};
}

json::value readCrd(const std::filesystem::path& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  return mustHave(json::parseYaml(text.str(), file.string())).root;
}

}  // namespace

Task<Result<net::Response>> CountingTransport::exchange(net::Request request) {
  if (request.method != "GET") ++writes_;
  co_return co_await inner_.exchange(std::move(request));
}

Task<Result<net::Opened>> CountingTransport::open(net::Request request) {
  co_return co_await inner_.open(std::move(request));
}

LiveWorld::LiveWorld(const std::string& crds)
    : namespace_(cluster_.makeNamespace()),
      config_(configFor(namespace_)),
      transport_(cluster_.transport()),
      client_(transport_, cluster_.clock()),
      operator_({.client = client_,
                 .clock = cluster_.clock(),
                 .config = config_,
                 .metrics = metrics_,
                 .identity = "operator",
                 .namespace_ = namespace_}),
      tasks_(cluster_.context().get_executor()) {
  for (const auto& file : std::filesystem::directory_iterator(crds)) {
    const json::value crd = readCrd(file);
    send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd);
    await(ours + "/namespaces/" + namespace_ + "/" + json::findString(crd, "spec.names.plural"));
  }
  await("/api/v1/namespaces/" + namespace_ + "/serviceaccounts/default");
  for (const char* name : {"gvisor", "kata"}) {
    provide("/apis/node.k8s.io/v1/runtimeclasses", {{"apiVersion", "node.k8s.io/v1"},
                                                    {"kind", "RuntimeClass"},
                                                    {"metadata", {{"name", name}}},
                                                    {"handler", name}});
  }
  provide("/apis/scheduling.k8s.io/v1/priorityclasses", {{"apiVersion", "scheduling.k8s.io/v1"},
                                                         {"kind", "PriorityClass"},
                                                         {"metadata", {{"name", "sandboxes"}}},
                                                         {"value", 1}});
  operator_.start(tasks_);
  cluster_.waitUntil([this] { return operator_.current(); });
}

LiveWorld::~LiveWorld() {
  cluster_.stop(tasks_);
  for (const std::string& path : provided_) send("DELETE", path);
}

Answer LiveWorld::send(const std::string& method, const std::string& path, const json::value& body) {
  net::Request request{.method = method, .target = path, .headers = {{"Accept", "application/json"}}};
  if (!body.is_null()) {
    const char* type = method != "PATCH" ? "application/json"
                       : body.is_array() ? "application/json-patch+json"
                                         : "application/merge-patch+json";
    request.headers.emplace_back("Content-Type", type);
    request.body = json::print(body);
  }
  const net::Response response = mustHave(cluster_.run(cluster_.transport().exchange(std::move(request))));
  const auto parsed = json::parse(response.body);
  return {.accepted = response.status < 300,
          .status = response.status,
          .body = parsed ? *parsed : json::value(json::object())};
}

// The server has a new kind, or a namespace's service account, only after a while.
void LiveWorld::await(const std::string& path) {
  if (!waitUntil([&] { return send("GET", path).accepted; })) throw std::runtime_error(path + " never came");
}

void LiveWorld::provide(const std::string& path, json::value object) {
  const std::string name = json::findString(object, "metadata.name");
  const Answer answer = send("POST", path, object);
  if (answer.accepted) provided_.push_back(path + "/" + name);
}

Answer LiveWorld::apply(const std::string& name, const json::value& spec) {
  const std::string all = ours + "/namespaces/" + namespace_ + "/sandboxes";
  const json::value patch = json::array{{{"op", "add"}, {"path", "/spec"}, {"value", spec}}};
  Answer answer = send("PATCH", all + "/" + name, patch);
  return answer.status != 404 ? answer : send("POST", all, sandbox({{"name", name}}, spec));
}

Answer LiveWorld::tryOut(const json::value& spec) {
  return send("POST", ours + "/namespaces/" + namespace_ + "/sandboxes?dryRun=All",
              sandbox({{"generateName", "try-"}}, spec));
}

void LiveWorld::remove(const std::string& name) {
  send("DELETE", ours + "/namespaces/" + namespace_ + "/sandboxes/" + name,
       {{"propagationPolicy", "Background"}});
}

std::vector<Object> LiveWorld::list(const std::string& plural) {
  const std::string group = plural == "pods"        ? "/api/v1"
                            : plural == "sandboxes" ? ours
                                                    : "/apis/networking.k8s.io/v1";
  const auto answer =
      std::make_shared<json::value>(send("GET", group + "/namespaces/" + namespace_ + "/" + plural).body);
  std::vector<Object> out;
  for (const json::value& item : answer->at("items").as_array()) out.emplace_back(answer, &item);
  return out;
}

void LiveWorld::playKubelet() {
  const std::string pods = "/api/v1/namespaces/" + namespace_ + "/pods/";
  for (const Object& pod : list("pods")) {
    if (!isReady(*pod)) send("PATCH", pods + json::findString(*pod, "metadata.name") + "/status", running());
  }
}

bool LiveWorld::waitUntil(const std::function<bool()>& reached) {
  for (const Instant end = cluster_.clock().instant() + settleBound; !reached();) {
    if (cluster_.clock().instant() >= end) return false;
    cluster_.wait(milliseconds(50));
    playKubelet();
  }
  return true;
}

bool LiveWorld::rest() {
  Instant quietSince = cluster_.clock().instant();
  size_t before = transport_.writes();
  return waitUntil([&] {
    if (std::exchange(before, transport_.writes()) != transport_.writes())
      quietSince = cluster_.clock().instant();
    return cluster_.clock().instant() - quietSince >= restTime;
  });
}

}  // namespace cloister::conformance
