// What happens at a certain change of an object.
#include "tests/sim/objects.h"
#include "tests/sim/simulation.h"

namespace cloister::sim {
namespace {

// Longer than a pod's start takes, step by step.
constexpr Duration gapTime = seconds(3);
constexpr Duration lagTime = seconds(8);
// A restart takes up to 5 s.
constexpr Duration staleTime = seconds(8);

bool isCounted(const std::string& plural) {
  return plural != "leases" && plural != "events" && plural != "nodes";
}

}  // namespace

// What follows from a change happens after everybody was told of it.
void Simulation::onChange(const test::Change& change) {
  if (!isCounted(change.id.plural)) return;
  ++changes_;
  for (size_t i = 0; i < replicas_.size(); ++i) {
    Replica& replica = replicas_[i];
    if (replica.changesLeft == 0 || --replica.changesLeft > 0) continue;
    clock_.at(clock_.instant(), [this, i, what = replica.atChange, revision = change.revision] {
      trace_.add("script", what);
      happenAtChange(i, what, revision);
    });
  }
}

void Simulation::happenAtChange(size_t number, const std::string& what, uint64_t revision) {
  if (what == "crash") endReplica(number, false);
  if (what == "gap" || what == "swapUnseen") gap();
  if (what == "lag") lag();
  if (what == "stale") restartStale(number, revision - 1);
  if (what == "swap" || what == "swapUnseen") swap();
}

// Watches that begin again find their history gone.
void Simulation::gap() {
  network_.blind(gapTime);
  clock_.at(clock_.instant() + gapTime, [this] { server_.storage().compact(); });
}

void Simulation::lag() {
  network_.lag("", lagTime);
  clock_.at(clock_.instant() + lagTime, [this] { network_.noLag(); });
}

// Our client never asks for old lists (it gives no resourceVersion), so no healthy server gives them.
void Simulation::restartStale(size_t number, uint64_t revision) {
  endReplica(number, false);
  server_.listsAt = revision;
  pools_.expectOldViews();
  goldens_.expectOldViews();
  invariants_.expectOldViews();
  lag();
  clock_.at(clock_.instant() + staleTime, [this] { server_.listsAt.reset(); });
}

void Simulation::swap() {
  const test::ObjectId id{"sandboxes", {"team-0", "s0"}};
  const test::Object before = server_.storage().get(id);
  const test::Object home = server_.storage().get({"namespaces", {"", id.key.namespace_}});
  if (!before || isLeaving(before->json) || isLeaving(home->json)) return;
  server_.remove("user", id, {{"propagationPolicy", "Background"}});
  if (server_.storage().get(id)) return;
  json::object metadata{{"name", id.key.name}, {"namespace", id.key.namespace_}};
  if (const json::value* labels = json::find(before->json, "metadata.labels")) metadata["labels"] = *labels;
  server_.create("user", id.plural,
                 {{"apiVersion", api::apiVersion},
                  {"kind", "Sandbox"},
                  {"metadata", std::move(metadata)},
                  {"spec", before->json.at("spec")}});
}

std::string Simulation::describeEnd() const {
  std::string text;
  for (const auto& sandbox : server_.storage().list("sandboxes", "")) {
    text += keyOf(sandbox->json) + " " + json::findString(sandbox->json, "status.phase") + " " +
            conditionOf(sandbox->json, "Ready", "status") + " " +
            conditionOf(sandbox->json, "Ready", "reason") + " " +
            std::to_string(integer(sandbox->json, "status.restarts")) + "\n";
  }
  std::multiset<std::string> pods;  // whatever their names
  for (const auto& pod : server_.storage().list("pods", "")) {
    pods.insert("pod of " + json::findString(pod->json, "metadata.ownerReferences.0.name") + " " +
                json::findString(pod->json, "status.phase") + " " + labelOf(pod->json, api::networkLabel) +
                "\n");
  }
  for (const std::string& pod : pods) text += pod;
  for (const auto& policy : server_.storage().list("networkpolicies", "")) text += keyOf(policy->json) + "\n";
  for (const auto& snapshot : server_.storage().list("sandboxsnapshots", "")) {
    // A builder's name depends on its template's uid.
    const std::string of =
        isOfTemplate(snapshot->json) ? "a builder" : json::findString(snapshot->json, "spec.sandboxRef.name");
    text += "snapshot of " + of + " " + json::findString(snapshot->json, "status.phase") + " " +
            json::findString(snapshot->json, "metadata.ownerReferences.0.name") + "\n";
  }
  return text;
}

}  // namespace cloister::sim
