#include "tests/unit/operator/reconciler_server.h"

#include <algorithm>

#include "runtime/salvage.h"

namespace cloister::test {
namespace {

// What cannot be read is known by what is left of it, as by the informers.
template <class T>
T read(const json::value& object) {
  auto whole = json::decode<T>(object);
  if constexpr (runtime::CanBeUnreadable<T>) {
    if (!whole) return runtime::salvage<T>(object, nullptr, whole.error().message);
  }
  return std::move(*whole);
}

// Those of OBJECTS that LABELS selects.
template <class T>
std::vector<T> select(const std::vector<json::value>& objects, std::string_view labels) {
  const Selector selector(labels, "");
  std::vector<T> selected;
  for (const json::value& object : objects) {
    if (selector.matches(object)) selected.push_back(read<T>(object));
  }
  return selected;
}

}  // namespace

ReconcilerServer::ReconcilerServer(Clock& clock, ScriptedTransport& transport) : server_(clock) {
  server_.create("admin", "namespaces", {{"metadata", {{"name", "team"}}}});
  server_.admission = [this](const net::Request& request, const Target&) {
    return admission ? admission(request) : std::nullopt;
  };
  server_.onWrite = [this](const Write& write) {
    if (write.changed) writes_.push_back(write.method + " " + write.target.text());
  };
  for (const char* method : {"GET", "POST", "PATCH", "DELETE"}) {
    transport.on(method, "/", [this](const net::Request& request) { return serve(request); });
  }
}

net::Response ReconcilerServer::serve(const net::Request& request) {
  net::Response response = server_.serve(request, "operator");
  // A kubelet that takes no time.
  const auto target = parseTarget(request.target);
  if (request.method == "DELETE" && response.status == 200 && target->id.plural == "pods")
    erase("pods", target->id.key);
  if (afterwards) afterwards(request);
  return response;
}

void ReconcilerServer::put(const std::string& plural, json::value object) {
  const kube::ObjectKey key{json::findString(object, "metadata.namespace"),
                            json::findString(object, "metadata.name")};
  server_.storage().put({plural, key}, std::move(object));
}

void ReconcilerServer::erase(const std::string& plural, const kube::ObjectKey& key) {
  if (server_.storage().get({plural, key})) server_.storage().erase({plural, key});
}

json::value ReconcilerServer::get(const std::string& plural, const kube::ObjectKey& key) const {
  const Object found = server_.storage().get({plural, key});
  return found ? found->json : json::value();
}

std::vector<json::value> ReconcilerServer::all(const std::string& plural) const {
  std::vector<json::value> found;
  for (const Object& object : server_.storage().list(plural, "")) found.push_back(object->json);
  return found;
}

size_t ReconcilerServer::count(const std::string& write) const {
  return size_t(std::ranges::count(writes_, write));
}

void ReconcilerServer::sync(Stores& stores) const {
  const std::string version = std::to_string(server_.storage().revision());
  const std::string managed = std::string(api::managedByLabel);
  stores.sandboxes.replace("", select<api::Sandbox>(all("sandboxes"), ""), version);
  stores.pods.replace("", select<api::Pod>(all("pods"), std::string(api::sandboxLabel) + "," + managed),
                      version);
  stores.templates.replace("", select<api::SandboxTemplate>(all("sandboxtemplates"), ""), version);
  stores.pools.replace("", select<api::SandboxPool>(all("sandboxpools"), ""), version);
  stores.revisions.replace("", select<api::ControllerRevision>(all("controllerrevisions"), managed), version);
  stores.quotas.replace("", select<api::SandboxQuota>(all("sandboxquotas"), ""), version);
  stores.resourceQuotas.replace("", select<api::ResourceQuota>(all("resourcequotas"), managed), version);
  stores.snapshots.replace("", select<api::SandboxSnapshot>(all("sandboxsnapshots"), ""), version);
  stores.nodes.replace("", select<api::Node>(all("nodes"), ""), version);
  stores.policies.replace("", select<api::NetworkPolicy>(all("networkpolicies"), managed), version);
}

}  // namespace cloister::test
