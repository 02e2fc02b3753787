// What users do with templates and pools, and what others do with what looks like theirs.
#include "operator/pool/design.h"
#include "operator/sandbox/volume.h"
#include "tests/sim/objects.h"
#include "tests/sim/pools.h"
#include "tests/sim/simulation.h"
#include "tests/sim/steps.h"
#include "tests/sim/ways.h"
#include "tests/support/apiserver/patch.h"

namespace cloister::sim {
namespace {

constexpr const char* actorUser = "user";
constexpr const char* actorStranger = "stranger";
constexpr Duration retryPeriod = seconds(1);

test::ObjectId poolOf(const std::string& namespace_) {
  return {"sandboxpools", {namespace_, "pool"}};
}

test::ObjectId templateOf(const std::string& namespace_) {
  return {"sandboxtemplates", {namespace_, "template"}};
}

bool isTurn(const Step& step) {
  return step.what == What::TurnPool || step.what == What::TurnTemplate;
}

// The name of the pool's slot NUMBER; empty without a pool.
std::string slotOf(const test::ApiServer& server, const std::string& namespace_, const std::string& number) {
  const test::Object pool = server.storage().get(poolOf(namespace_));
  if (!pool) return {};
  api::SandboxPool named;  // its spec may be unreadable
  named.metadata.name = json::findString(pool->json, "metadata.name");
  named.metadata.uid = json::findString(pool->json, "metadata.uid");
  return pool::slotPrefix(named) + number;
}

json::array ownedBy(const char* kind, const std::string& name, const std::string& uid) {
  return {
      {{"apiVersion", api::apiVersion}, {"kind", kind}, {"name", name}, {"uid", uid}, {"controller", true}}};
}

}  // namespace

void Simulation::poolStep(const Step& step) {
  const std::string namespace_ = namespaceOf(step);
  switch (step.what) {
    case What::ScalePool:
      server_.edit(actorUser, poolOf(namespace_), [&](json::value& pool) {
        json::object& spec = pool.at("spec").as_object();
        if (step.how == "hold" || step.how == "release") {
          spec["hold"] = step.how == "hold";
        } else if (!spec.contains("minIdle"))
          spec["replicas"] = step.count;
      });
      return;
    case What::EditTemplate:
      server_.edit(actorUser, templateOf(namespace_), [&](json::value& edited) {
        json::object& spec = edited.at("spec").as_object();
        if (step.how == "golden") {
          spec["golden"] = goldenSpec(step.count);
        } else if (step.how == "cold") {
          spec.erase("golden");
        } else {
          spec.at("sandbox").as_object()["image"] = step.how;
        }
      });
      return;
    case What::TurnPool:
    case What::TurnTemplate:
      turn(step, wayOf(step).patch);
      return clock_.at(clock_.instant() + step.span, [this, step] { turn(step, wayOf(step).undo); });
    case What::DropPool:
    case What::DropTemplate:
      server_.remove(actorUser, step.what == What::DropPool ? poolOf(namespace_) : templateOf(namespace_),
                     {{"propagationPolicy", step.how}});
      return clock_.at(clock_.instant() + step.span, [this, namespace_] { remakePool(namespace_); });
    case What::SquatSlot: {
      const std::string name = slotOf(server_, namespace_, std::to_string(step.count));
      if (name.empty() || server_.storage().get({"pods", {namespace_, name}})) return;
      server_.create(actorStranger, "pods", strangersPod(namespace_, name));
      return;
    }
    case What::Forge:
      return forge(step);
    default:
      return;
  }
}

void Simulation::turn(const Step& step, std::string_view patch) {
  if (patch.empty()) return;
  const std::string namespace_ = namespaceOf(step);
  server_.edit(actorUser, step.what == What::TurnPool ? poolOf(namespace_) : templateOf(namespace_),
               [&](json::value& object) { test::applyMergePatch(object.at("spec"), *json::parse(patch)); });
}

// As soon as those of before have gone.
void Simulation::remakePool(const std::string& namespace_) {
  const test::Object home = server_.storage().get({"namespaces", {"", namespace_}});
  if (!home || json::findString(home->json, "status.phase") == "Terminating") return;
  makePool(server_, namespace_, script_.setup);
  for (const test::ObjectId& id : {poolOf(namespace_), templateOf(namespace_)}) {
    const test::Object made = server_.storage().get(id);
    if (made && isLeaving(made->json))
      return clock_.at(clock_.instant() + retryPeriod, [this, namespace_] { remakePool(namespace_); });
  }
}

// What nobody leaves as it is, is as it was.
void Simulation::mendPools() {
  for (const Step& step : script_.steps) {
    if (isTurn(step)) turn(step, wayOf(step).undo);
    if (step.what == What::DropPool || step.what == What::DropTemplate) remakePool(namespaceOf(step));
  }
}

// Something that looks like a pool's pod, or a template's revision, in one respect or another.
void Simulation::forge(const Step& step) {
  const std::string namespace_ = namespaceOf(step);
  if (step.how == "revision") {
    json::object metadata{{"name", "template-" + std::to_string(server_.storage().revision())},
                          {"namespace", namespace_},
                          {"labels", {{api::managedByLabel, api::managedBy}}}};
    const test::Object from = server_.storage().get(templateOf(namespace_));
    if (step.count % 2 != 0 && from)
      metadata["ownerReferences"] =
          ownedBy("SandboxTemplate", "template", json::findString(from->json, "metadata.uid"));
    server_.create(
        actorStranger, "controllerrevisions",
        {{"metadata", std::move(metadata)}, {"data", {{"sandbox", {{"image", "mine"}}}}}, {"revision", 1}});
    return;
  }
  const std::string name = slotOf(server_, namespace_, step.how);
  if (name.empty() || server_.storage().get({"pods", {namespace_, name}})) return;
  json::value pod = strangersPod(namespace_, name);
  json::object& metadata = pod.at("metadata").as_object();
  json::object labels{{api::managedByLabel, api::managedBy}, {api::sandboxLabel, ""}};
  if (step.count != 1) labels[api::poolLabel] = "pool";
  metadata["labels"] = std::move(labels);
  if (step.count == 2) metadata["ownerReferences"] = ownedBy("Job", "pool", "uid-of-a-job");
  if (step.count == 3) metadata["ownerReferences"] = ownedBy("SandboxPool", "another", "uid-of-another");
  server_.create(actorStranger, "pods", std::move(pod));
}

// The name of the volume that the Sandbox is about to get.
void Simulation::squatVolume(const Step& step) {
  const std::string namespace_ = namespaceOf(step);
  const test::Object sandbox = server_.storage().get(sandboxOf(step));
  if (!sandbox) return;
  api::Sandbox named;  // its spec may be unreadable
  named.metadata.name = json::findString(sandbox->json, "metadata.name");
  named.metadata.uid = json::findString(sandbox->json, "metadata.uid");
  const std::string name = sandbox::volumeName(named);
  if (server_.storage().get({"persistentvolumeclaims", {namespace_, name}})) return;
  json::object metadata{{"name", name}, {"namespace", namespace_}, {"labels", {{"of", somebody}}}};
  if (step.how == "owned") metadata["ownerReferences"] = ownedBy("Job", "job", "uid-of-a-job");
  server_.create(actorStranger, "persistentvolumeclaims",
                 {{"metadata", std::move(metadata)}, {"spec", {{"storageClassName", "slow"}}}});
  clock_.at(clock_.instant() + step.span, [this] { freeNames(); });
}

// A finalizer on the Sandbox's pod, until the faults end.
void Simulation::pinPod(const test::ObjectId& pod) {
  server_.edit(actorUser, pod, [](json::value& object) {
    if (!isLeaving(object)) object.at("metadata").as_object()["finalizers"] = json::array{pin};
  });
}

}  // namespace cloister::sim
