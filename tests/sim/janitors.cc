#include "tests/sim/cluster.h"

namespace cloister::sim {
namespace {

constexpr const char* collector = "gc";

struct OwnerKind {
  std::string_view kind;
  std::string_view plural;
};
constexpr OwnerKind ownerKinds[] = {{"Sandbox", "sandboxes"},
                                    {"SandboxPool", "sandboxpools"},
                                    {"SandboxTemplate", "sandboxtemplates"},
                                    {"SandboxQuota", "sandboxquotas"}};

test::ObjectId idOf(const std::string& plural, const json::value& object) {
  return {plural,
          {json::findString(object, "metadata.namespace"), json::findString(object, "metadata.name")}};
}

bool hasFinalizer(const json::value& object, std::string_view name) {
  const json::value* list = json::find(object, "metadata.finalizers");
  return list != nullptr && std::ranges::find(list->as_array(), json::value(name)) != list->as_array().end();
}

const json::array* ownersOf(const json::value& object) {
  const json::value* list = json::find(object, "metadata.ownerReferences");
  return list != nullptr && list->is_array() && !list->get_array().empty() ? &list->get_array() : nullptr;
}

}  // namespace

Janitors::Janitors(test::SimClock& clock, test::ApiServer& server, uint64_t seed)
    : clock_(clock), server_(server), dice_(seed, 3) {
  server_.storage().onChange([this](const test::Change& change) { changed(change); });
}

void Janitors::changed(const test::Change& change) {
  const bool created = !change.before && ownersOf(change.after->json) != nullptr;
  const bool ownerGone =
      std::ranges::find(ownerKinds, change.id.plural, &OwnerKind::plural) != std::end(ownerKinds) &&
      !change.after;
  if (created || ownerGone) soonSweep();
  if (!change.after || json::find(change.after->json, "metadata.deletionTimestamp") == nullptr) return;
  const Instant soon = clock_.instant() + dice_.between(milliseconds(50), milliseconds(1500));
  if (change.id.plural == "namespaces") {
    clock_.at(soon, [this, name = change.id.key.name] { empty(name); });
  } else if (hasFinalizer(change.after->json, "orphan")) {
    clock_.at(soon, [this, owner = change.after] { orphan(owner); });
  } else if (hasFinalizer(change.after->json, "foregroundDeletion")) {
    soonSweep();
  }
}

void Janitors::soonSweep() {
  if (std::exchange(sweeping_, true)) return;
  clock_.at(clock_.instant() + dice_.between(milliseconds(50), milliseconds(3000)), [this] {
    sweeping_ = false;
    sweep();
  });
}

// An owner in the foreground of its deletion counts as gone for its dependents.
bool Janitors::hasOwner(const json::value& dependent) const {
  for (const json::value& reference : *ownersOf(dependent)) {
    const auto known = std::ranges::find(ownerKinds, json::findString(reference, "kind"), &OwnerKind::kind);
    if (known == std::end(ownerKinds)) return true;
    const test::Object owner = server_.storage().get(
        {std::string(known->plural),
         {json::findString(dependent, "metadata.namespace"), json::findString(reference, "name")}});
    const bool there = owner && owner->json.at("metadata").at("uid") == reference.at("uid");
    if (there && !hasFinalizer(owner->json, "foregroundDeletion")) return true;
  }
  return false;
}

void Janitors::sweep() {
  for (const char* plural : {"pods", "controllerrevisions", "persistentvolumeclaims", "resourcequotas",
                             "sandboxsnapshots", "sandboxes"}) {
    for (const test::Object& dependent : server_.storage().list(plural, "")) {
      if (ownersOf(dependent->json) == nullptr || hasOwner(dependent->json)) continue;
      server_.remove(collector, idOf(plural, dependent->json),
                     {{"preconditions", {{"uid", dependent->json.at("metadata").at("uid")}}}});
    }
  }
  for (const OwnerKind& kind : ownerKinds) {
    for (const test::Object& owner : server_.storage().list(std::string(kind.plural), "")) {
      if (!hasFinalizer(owner->json, "foregroundDeletion")) continue;
      if (hasDependents(owner->json)) {
        soonSweep();
      } else {
        server_.edit(collector, idOf(std::string(kind.plural), owner->json),
                     [](json::value& object) { object.at("metadata").as_object().erase("finalizers"); });
      }
    }
  }
}

bool Janitors::hasDependents(const json::value& owner) const {
  for (const char* plural : {"pods", "controllerrevisions"}) {
    for (const test::Object& dependent :
         server_.storage().list(plural, json::findString(owner, "metadata.namespace"))) {
      if (json::findString(dependent->json, "metadata.ownerReferences.0.uid") ==
          json::findString(owner, "metadata.uid"))
        return true;
    }
  }
  return false;
}

void Janitors::orphan(const test::Object& owner) {
  const std::string uid = json::findString(owner->json, "metadata.uid");
  for (const test::Object& pod :
       server_.storage().list("pods", json::findString(owner->json, "metadata.namespace"))) {
    if (json::findString(pod->json, "metadata.ownerReferences.0.uid") != uid) continue;
    server_.edit(collector, idOf("pods", pod->json),
                 [](json::value& object) { object.at("metadata").as_object().erase("ownerReferences"); });
  }
  const test::ObjectId id = idOf("sandboxes", owner->json);
  const test::Object present = server_.storage().get(id);
  if (!present || json::findString(present->json, "metadata.uid") != uid) return;
  server_.edit(collector, id,
               [](json::value& object) { object.at("metadata").as_object().erase("finalizers"); });
}

void Janitors::empty(const std::string& namespace_) {
  bool left = false;
  for (const char* plural : {"sandboxquotas", "sandboxes", "sandboxpools", "sandboxtemplates",
                             "controllerrevisions", "pods", "persistentvolumeclaims", "networkpolicies",
                             "events", "leases", "resourcequotas", "sandboxsnapshots"}) {
    for (const test::Object& object : server_.storage().list(plural, namespace_)) {
      server_.remove("namespaces", idOf(plural, object->json));
    }
    left |= !server_.storage().list(plural, namespace_).empty();
  }
  const test::ObjectId id{"namespaces", {"", namespace_}};
  if (!left && server_.storage().get(id)) return server_.erase("namespaces", id);
  if (left) clock_.at(clock_.instant() + seconds(1), [this, namespace_] { empty(namespace_); });
}

}  // namespace cloister::sim
