// What each step of a script does.
#include "operator/sandbox/pod.h"
#include "tests/sim/simulation.h"

namespace cloister::sim {
namespace {

constexpr const char* actorUser = "user";

constexpr const char* pin = "example.com/pin";

std::string namespaceOf(const Step& step) {
  return "team-" + std::to_string(step.which % 2);
}

test::ObjectId sandboxOf(const Step& step) {
  return {"sandboxes", {namespaceOf(step), "s" + std::to_string(step.which)}};
}

json::object& specOf(json::value& object) {
  return object.at("spec").as_object();
}

// The name of the Sandbox's pod, whoever has it; empty without a Sandbox.
std::string podNameOf(const test::ApiServer& server, const Step& step) {
  const test::Object sandbox = server.storage().get(sandboxOf(step));
  if (!sandbox) return {};
  return sandbox::podName(*json::decode<api::Sandbox>(sandbox->json));
}

json::value strangersPod(const std::string& namespace_, const std::string& name) {
  return {{"metadata", {{"name", name}, {"namespace", namespace_}}},
          {"spec", {{"containers", json::array{{{"name", "main"}, {"image", "runs"}}}}}}};
}

net::Response forbidden(const std::string& why) {
  return test::refusal(403, "Forbidden", "pods \"x\" is forbidden: " + why);
}

}  // namespace

void Simulation::carryOut(const Step& step) {
  if (step.what <= What::Stranger) return userStep(step);
  if (step.what <= What::LoseNode) return nodeStep(step);
  if (step.what <= What::Compact) return serverStep(step);
  if (step.what <= What::Repeat) return networkStep(step);
  if (step.what <= What::Handover) return operatorStep(step);
  clockStep(step);
}

void Simulation::userStep(const Step& step) {
  const test::ObjectId id = sandboxOf(step);
  const test::ObjectId pod{"pods", {namespaceOf(step), podNameOf(server_, step)}};
  switch (step.what) {
    case What::Create:
      return createSandbox(step);
    case What::SetTtl:
      server_.edit(actorUser, id, [&](json::value& sandbox) {
        specOf(sandbox)["lifecycle"] = {{"ttl", formatDuration(step.span)}};
      });
      return;
    case What::SetEgress:
      server_.edit(actorUser, id, [&](json::value& sandbox) {
        specOf(sandbox)["network"] = {{"egress", {{"mode", step.how}}}};
      });
      return;
    case What::SetState:
      server_.edit(actorUser, id, [&](json::value& sandbox) { specOf(sandbox)["desiredState"] = step.how; });
      return;
    case What::Pin:
      server_.edit(actorUser, id, [](json::value& sandbox) {
        sandbox.at("metadata").as_object()["finalizers"] = json::array{pin};
      });
      return;
    case What::Delete:
      server_.remove(actorUser, id, {{"propagationPolicy", step.how}});
      return;
    case What::DeletePod:
      server_.remove(actorUser, pod);
      return;
    case What::StripLabel:
      server_.edit(actorUser, pod, [](json::value& object) {
        json::value* labels = object.at("metadata").as_object().if_contains("labels");
        if (labels != nullptr) labels->as_object().erase(api::networkLabel);
      });
      return;
    case What::DropPolicies:
      return eachPolicy(step, [this](const auto& policy) { server_.remove(actorUser, policy); });
    case What::BendPolicies:
      return eachPolicy(step, [this](const auto& policy) {
        server_.edit(actorUser, policy,
                     [](json::value& object) { specOf(object)["policyTypes"] = json::array{"Egress"}; });
      });
    case What::DeleteNamespace:
      server_.remove(actorUser, {"namespaces", {"", namespaceOf(step)}});
      return;
    case What::Squat:
      return squat(step);
    case What::Stranger:
      server_.create(
          actorUser, "pods",
          strangersPod(namespaceOf(step), "stranger-" + std::to_string(server_.storage().revision())));
      return;
    default:
      return;
  }
}

void Simulation::unpin() {
  for (const test::Object& sandbox : server_.storage().list("sandboxes", "")) {
    const test::ObjectId id{"sandboxes",
                            {json::findString(sandbox->json, "metadata.namespace"),
                             json::findString(sandbox->json, "metadata.name")}};
    server_.edit(actorUser, id, [](json::value& object) {
      json::value* list = object.at("metadata").as_object().if_contains("finalizers");
      if (list == nullptr) return;
      json::array left;
      for (const json::value& finalizer : list->as_array()) {
        if (finalizer != json::value(pin)) left.push_back(finalizer);
      }
      *list = std::move(left);
    });
  }
}

void Simulation::createSandbox(const Step& step) {
  const test::ObjectId id = sandboxOf(step);
  const test::Object home = server_.storage().get({"namespaces", {"", id.key.namespace_}});
  if (home && json::findString(home->json, "status.phase") == "Terminating") return;
  if (server_.storage().get(id)) return;
  if (!home) server_.create(actorUser, "namespaces", {{"metadata", {{"name", id.key.namespace_}}}});
  json::object spec{{"image", step.how}};
  if (step.span != Duration{}) spec["lifecycle"] = {{"ttl", formatDuration(step.span)}};
  if (step.count != 0) spec["network"] = {{"egress", {{"mode", "Internet"}}}};
  server_.create(actorUser, id.plural,
                 {{"apiVersion", api::apiVersion},
                  {"kind", "Sandbox"},
                  {"metadata", {{"name", id.key.name}, {"namespace", id.key.namespace_}}},
                  {"spec", std::move(spec)}});
}

void Simulation::squat(const Step& step) {
  const std::string name = podNameOf(server_, step);
  if (name.empty() || server_.storage().get({"pods", {namespaceOf(step), name}})) return;
  server_.create(actorUser, "pods", strangersPod(namespaceOf(step), name));
}

void Simulation::eachPolicy(const Step& step, const std::function<void(const test::ObjectId&)>& what) {
  for (const test::Object& policy : server_.storage().list("networkpolicies", namespaceOf(step))) {
    what({"networkpolicies", {namespaceOf(step), json::findString(policy->json, "metadata.name")}});
  }
}

void Simulation::nodeStep(const Step& step) {
  if (step.what == What::LoseNode) return kubelets_.lose(step.which % Kubelets::nodes, step.span);
  kubelets_.end({"pods", {namespaceOf(step), podNameOf(server_, step)}}, step.how);
}

void Simulation::serverStep(const Step& step) {
  const Instant end = clock_.instant() + step.span;
  if (step.what == What::Quota) quotaUntil_ = end;
  if (step.what == What::NoRuntimeClass) noRuntimeUntil_ = end;
  if (step.what == What::Compact) server_.storage().compact();
}

std::optional<net::Response> Simulation::admit(const net::Request& request,
                                               const test::Target& target) const {
  if (request.method != "POST" || target.id.plural != "pods") return std::nullopt;
  if (clock_.instant() < quotaUntil_) return forbidden("exceeded quota: pods");
  if (clock_.instant() < noRuntimeUntil_) return forbidden("pod rejected: RuntimeClass \"gvisor\" not found");
  return std::nullopt;
}

void Simulation::networkStep(const Step& step) {
  switch (step.what) {
    case What::Fail: {
      Fate fate = Fate::Refused;
      boost::describe::enum_from_string(step.how.c_str(), fate);
      return network_.fail(fate, step.count);
    }
    case What::Outage:
      network_.outage(true);
      return clock_.at(clock_.instant() + step.span, [this] { network_.outage(false); });
    case What::CutWatches:
      return network_.cut();
    case What::LagWatches:
      traffic_.watchesLag();
      network_.lag(step.how, step.span);
      return clock_.at(clock_.instant() + seconds(step.count), [this] { network_.noLag(); });
    case What::Repeat:
      return network_.repeat();
    default:
      return;
  }
}

void Simulation::operatorStep(const Step& step) {
  const size_t number = size_t(step.which) % replicas_.size();
  Replica& replica = replicas_[number];
  switch (step.what) {
    case What::Crash:
      return endReplica(number, false);
    case What::Handover:
      return endReplica(number, true);
    case What::AtWrite:
      replica.writesLeft = step.count;
      replica.atWrite = step.how;
      return;
    case What::AtChange:
      replica.changesLeft = step.count;
      replica.atChange = step.how;
      return;
    case What::Pause:
      if (replica.process) replica.process->pauseUntil(clock_.instant() + step.span);
      return;
    default:
      return;
  }
}

void Simulation::clockStep(const Step& step) {
  if (step.what == What::Skew) {
    replicas_[size_t(step.which) % replicas_.size()].wall.setOff(step.how == "behind" ? -step.span
                                                                                      : step.span);
    return;
  }
  for (Replica& replica : replicas_) replica.wall.aboutToJump();
  clock_.jumpWallClock(step.how == "back" ? -step.span : step.span);
}

}  // namespace cloister::sim
