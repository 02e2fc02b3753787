// What each step of a script does.
#include "tests/sim/steps.h"

#include "operator/sandbox/pod.h"
#include "tests/sim/objects.h"
#include "tests/sim/pools.h"
#include "tests/sim/simulation.h"
#include "tests/sim/suspends.h"
#include "tests/sim/wishes.h"
#include "tests/support/apiserver/patch.h"

namespace cloister::sim {
namespace {

constexpr const char* actorUser = "user";

json::object& specOf(json::value& object) {
  return object.at("spec").as_object();
}

// The name of the Sandbox's pod, whoever has it; empty without a Sandbox.
std::string podNameOf(const test::ApiServer& server, const Step& step) {
  const test::Object sandbox = server.storage().get(sandboxOf(step));
  if (!sandbox) return {};
  const std::string taken = json::findString(sandbox->json, "status.podName");
  if (!taken.empty()) return taken;
  api::Sandbox named;  // its spec may be unreadable
  named.metadata.name = json::findString(sandbox->json, "metadata.name");
  named.metadata.uid = json::findString(sandbox->json, "metadata.uid");
  if (const int64_t restarts = integer(sandbox->json, "status.restarts"); restarts != 0)
    named.status.restarts = restarts;
  return sandbox::podName(named);
}

// The user has taken back what the Sandbox was refused for, if it was PART of its spec.
void relent(json::value& sandbox, std::string_view part) {
  json::value* labels = sandbox.at("metadata").as_object().if_contains("labels");
  if (labels == nullptr) return;
  const json::value* refused = labels->as_object().if_contains(refusedLabel);
  if (refused != nullptr && *refused == json::value(part)) labels->as_object().erase(refusedLabel);
}

const test::ObjectId operatorsLease{"leases", {"cloister-system", "cloister-operator"}};

}  // namespace

void Simulation::carryOut(const Step& step) {
  if (step.what <= What::PinPod) return userStep(step);
  if (step.what <= What::Forge) return poolStep(step);
  if (step.what <= What::Cordon) return nodeStep(step);
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
        json::object lifecycle{{"ttl", formatDuration(step.span)}};
        const std::string end = json::findString(sandbox, "spec.lifecycle.onExpiry");
        if (!end.empty() && labelOf(sandbox, refusedLabel).empty()) lifecycle["onExpiry"] = end;
        specOf(sandbox)["lifecycle"] = std::move(lifecycle);
        relent(sandbox, "lifecycle");
      });
      return;
    case What::SetOnExpiry:
      server_.edit(actorUser, id, [&](json::value& sandbox) {
        json::value& lifecycle = specOf(sandbox)["lifecycle"];
        if (!lifecycle.is_object()) lifecycle.emplace_object();
        lifecycle.get_object()["onExpiry"] = step.how;
      });
      return;
    case What::SetEgress:
      server_.edit(actorUser, id, [&](json::value& sandbox) {
        specOf(sandbox)["network"] = {{"egress", {{"mode", step.how}}}};
        relent(sandbox, "network");
      });
      return;
    case What::SetState:
      server_.edit(actorUser, id, [&](json::value& sandbox) { specOf(sandbox)["desiredState"] = step.how; });
      return;
    case What::SetSchedule:
      server_.edit(actorUser, id, [&](json::value& sandbox) {
        specOf(sandbox).erase("snapshotSchedule");
        if (step.span == Duration()) return;
        specOf(sandbox)["snapshotSchedule"] = {{"every", formatDuration(step.span)}, {"keep", step.count}};
      });
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
      server_.remove(actorUser, pod,
                     step.how == "force" ? json::value{{"gracePeriodSeconds", 0}} : json::value());
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
      return eachPolicy(step, [&](const auto& policy) {
        server_.edit(actorUser, policy, [&](json::value& object) {
          specOf(object)["policyTypes"] = json::array{"Ingress"};
          if (step.how == "rules") specOf(object)["ingress"] = json::array{json::object()};
        });
      });
    case What::DeleteNamespace:
      server_.remove(actorUser, {"namespaces", {"", namespaceOf(step)}});
      return;
    case What::Squat:
      return squat(step);
    case What::Garble:
      return garble(step);
    case What::SquatPolicy:
      return squatPolicy(step);
    case What::Tamper:
      return tamper(step);
    case What::EditQuota:
      editQuota(server_, namespaceOf(step), step);
      if (step.how == "garbled")
        clock_.at(clock_.instant() + step.span, [this] { mendQuotas(server_, false); });
      return;
    case What::EditLease:
      return editLease(step);
    case What::Stranger:
      server_.create(
          actorUser, "pods",
          strangersPod(namespaceOf(step), "stranger-" + std::to_string(server_.storage().revision())));
      return;
    case What::SquatVolume:
      return squatVolume(step);
    case What::TakeSnapshot:
      return takeSnapshot(server_, step);
    case What::DropSnapshot:
      if (!step.how.empty()) return spoilGolden(step);
      server_.remove(actorUser, snapshotOf(step));
      return;
    case What::PinPod:
      return pinPod(pod);
    default:
      return;
  }
}

void Simulation::takeBack() {
  for (const char* plural : {"sandboxes", "pods"}) {
    for (const test::Object& pinned : server_.storage().list(plural, "")) {
      const test::ObjectId id{plural,
                              {json::findString(pinned->json, "metadata.namespace"),
                               json::findString(pinned->json, "metadata.name")}};
      if (id.plural == "sandboxes") {
        correct(id);
        server_.edit(actorUser, id, [](json::value& sandbox) { specOf(sandbox).erase("snapshotSchedule"); });
      }
      unpin(id);
    }
  }
  mendPools();
  mendQuotas(server_, true);
}

void Simulation::unpin(const test::ObjectId& id) {
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

void Simulation::createSandbox(const Step& step) {
  const test::ObjectId id = sandboxOf(step);
  const test::Object home = server_.storage().get({"namespaces", {"", id.key.namespace_}});
  if (home && json::findString(home->json, "status.phase") == "Terminating") return;
  if (server_.storage().get(id)) return;
  if (!home) {
    server_.create(actorUser, "namespaces", {{"metadata", {{"name", id.key.namespace_}}}});
    makePool(server_, id.key.namespace_, script_.setup);
    makeQuota(server_, id.key.namespace_, script_.setup);
  }
  const Wish& wish = wishes()[size_t(step.count) % wishes().size()];
  json::value spec = json::object();
  if (step.how == "pool" || step.how == "template") {
    spec.as_object()[step.how + "Ref"] = {{"name", step.how}};
  } else if (!step.how.empty()) {
    spec.as_object()["image"] = step.how;
  }
  if (!step.restart.empty()) spec.as_object()["restartPolicy"] = step.restart;
  if (step.span != Duration{}) spec.as_object()["lifecycle"] = {{"ttl", formatDuration(step.span)}};
  test::applyMergePatch(spec, *json::parse(wish.spec));
  json::object metadata{{"name", id.key.name}, {"namespace", id.key.namespace_}};
  const std::string_view refused = script_.setup.tailored != 0 ? wish.refusedTailored : wish.refused;
  const bool granted = wish.needsAgents && script_.setup.agents;
  if (!refused.empty() && !granted) metadata["labels"] = {{refusedLabel, refused}};
  server_.create(actorUser, id.plural,
                 {{"apiVersion", api::apiVersion},
                  {"kind", "Sandbox"},
                  {"metadata", std::move(metadata)},
                  {"spec", std::move(spec)}});
}

void Simulation::garble(const Step& step) {
  const test::ObjectId id = sandboxOf(step);
  server_.edit(actorUser, id,
               [](json::value& sandbox) { specOf(sandbox)["resources"] = {{"memory", garbled}}; });
  clock_.at(clock_.instant() + step.span, [this, id] { correct(id); });
}

void Simulation::correct(const test::ObjectId& id) {
  server_.edit(actorUser, id, [](json::value& sandbox) {
    if (!isGarbled(sandbox)) return;
    specOf(sandbox).erase("resources");
    relent(sandbox, "resources");
  });
}

// As another version of the operator might leave it, or somebody's script.
void Simulation::tamper(const Step& step) {
  const bool pools = step.how == "pool";
  const test::ObjectId pool{"sandboxpools", {namespaceOf(step), "pool"}};
  server_.edit(actorUser, pools ? pool : sandboxOf(step), [&](json::value& object) {
    json::value* status = object.as_object().if_contains("status");
    if (status == nullptr) return;
    json::object& fields = status->as_object();
    if (step.how == "bare" || pools) {
      fields.erase("conditions");
    } else if (step.how == "forgetful") {
      fields.erase("history");
    } else if (json::value* conditions = fields.if_contains("conditions")) {
      for (json::value& condition : conditions->as_array())
        condition.as_object()["reason"] = "OfAnotherVersion";
    }
  });
}

void Simulation::squatPolicy(const Step& step) {
  const kube::ObjectKey key{namespaceOf(step), std::string(policy::defaultDenyName)};
  if (server_.storage().get({"networkpolicies", key}) ||
      !server_.storage().get({"namespaces", {"", key.namespace_}}))
    return;
  server_.create(
      actorUser, "networkpolicies",
      {{"metadata", {{"name", key.name}, {"namespace", key.namespace_}, {"labels", {{"of", somebody}}}}},
       {"spec", {{"podSelector", json::object()}}}});
  clock_.at(clock_.instant() + step.span, [this] { freeNames(); });
}

void Simulation::freeNames() {
  for (const char* plural : {"networkpolicies", "persistentvolumeclaims", "sandboxes"}) {
    for (const test::Object& taken : server_.storage().list(plural, "")) {
      if (json::findString(taken->json, "metadata.labels.of") != somebody) continue;
      server_.remove(actorUser, {plural,
                                 {json::findString(taken->json, "metadata.namespace"),
                                  json::findString(taken->json, "metadata.name")}});
    }
  }
}

void Simulation::editLease(const Step& step) {
  if (script_.setup.election) leaseEdited_ = clock_.instant();
  if (step.how == "deleted") {
    server_.remove(actorUser, operatorsLease);
    return;
  }
  server_.edit(actorUser, operatorsLease, [&](json::value& lease) {
    lease.as_object()["spec"] =
        step.how == "bare" ? json::object() : json::object{{"holderIdentity", somebody}};
  });
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
  if (step.what == What::Cordon) return kubelets_.cordon(step.which % Kubelets::nodes, step.span);
  kubelets_.end({"pods", {namespaceOf(step), podNameOf(server_, step)}}, step.how);
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
    case What::NoLease:
      return network_.refuseLease(operatorName(number), step.span);
    case What::Pause:
      if (!replica.process) return;
      replica.process->pauseUntil(clock_.instant() + step.span);
      quotas_.standsStill(replica.process->name(), step.span);
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
