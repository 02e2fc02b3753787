#include "tests/sim/golden.h"

#include "tests/sim/invariants.h"
#include "tests/sim/network.h"
#include "tests/sim/objects.h"
#include "tests/sim/quotas.h"
#include "tests/sim/suspends.h"

namespace cloister::sim {
namespace {

using json::findString;

std::string uidOf(const json::value& object) {
  return findString(object, "metadata.uid");
}

std::string ownerUid(const json::value& object) {
  return findString(object, "metadata.ownerReferences.0.uid");
}

// The template that OBJECT is the operator's own for, or null.
test::Object templateOf(const test::ApiServer& server, const json::value& object) {
  test::Object found = server.storage().get(
      {"sandboxtemplates",
       {findString(object, "metadata.namespace"), findString(object, "metadata.ownerReferences.0.name")}});
  return found && uidOf(found->json) == ownerUid(object) ? found : nullptr;
}

// Of the containers of a template's pods all are the same but for these.
json::value comparable(const json::value& pod) {
  json::value container = pod.at("spec").at("containers").at(0);
  for (const char* name : {"image", "imagePullPolicy", "startupProbe"}) container.as_object().erase(name);
  return container;
}

// What users have put into ENV, by the names that they give here (wishes.h), as the operator has some of its
// own.
json::array ownEnv(const json::value* env) {
  json::array out;
  if (env == nullptr) return out;
  for (const json::value& one : env->as_array()) {
    if (findString(one, "name").size() == 1) out.push_back(one);
  }
  return out;
}

// SANDBOX is the operator's own, and says what the operator has written and nothing else.
bool isAsMade(const json::value& sandbox) {
  return isOfTemplate(sandbox) && integer(sandbox, "metadata.generation") <= 1 &&
         sandbox.at("spec").as_object().size() == 1 && json::find(sandbox, "spec.templateRef") != nullptr;
}

bool asksForGolden(const json::value& pod) {
  return annotationOf(pod, api::restoreAnnotation).starts_with(api::goldenPrefix);
}

// Some Sandbox that has not begun names SNAPSHOT.
bool isAwaited(const test::ApiServer& server, const json::value& snapshot) {
  const auto sandboxes = server.storage().list("sandboxes", findString(snapshot, "metadata.namespace"));
  return std::ranges::any_of(sandboxes, [&](const test::Object& sandbox) {
    return findString(sandbox->json, "status.golden.snapshotName") == findString(snapshot, "metadata.name") &&
           json::find(sandbox->json, "status.startedAt") == nullptr && !hasEnded(sandbox->json);
  });
}

// Its builder waits for room. Whoever made it too early had still seen the builder before.
bool isToBeTaken(const test::ApiServer& server, const json::value& snapshot) {
  const test::Object builder = server.storage().get(
      {"sandboxes", {findString(snapshot, "metadata.namespace"), findString(snapshot, "metadata.name")}});
  return findString(snapshot, "status.podUID").empty() && builder && isQueued(builder->json);
}

}  // namespace

json::value goldenSpec(int number) {
  return {{"readyCommand", json::array{"test", "-e", "/warm-" + std::to_string(number)}}, {"timeout", "30s"}};
}

bool isOfTemplate(const json::value& object) {
  return findString(object, "metadata.ownerReferences.0.kind") == "SandboxTemplate" &&
         labelOf(object, api::managedByLabel) == api::managedBy;
}

bool isToBeginFromGolden(const json::value& pod) {
  return asksForGolden(pod) && !usableSince(pod);
}

bool isGivenUp(const json::value& sandbox, const std::string& uid) {
  return findString(sandbox, "status.golden.failedPodUID") == uid;
}

GoldenRules::GoldenRules(const Clock& clock, test::ApiServer& server) : clock_(clock), server_(server) {
  server_.storage().onChange([this](const test::Change& change) {
    if (change.id.plural == "sandboxsnapshots") snapshotChanged(change);
    if (!server_.actor().starts_with(operatorPrefix) || !change.after) return;
    const json::value& after = change.after->json;
    if (change.id.plural == "sandboxes" && !change.before) builderCreated(after);
    if (change.id.plural == "pods" && !change.before) podCreated(after);
    if (!change.before) return;
    const json::value& before = change.before->json;
    if (change.id.plural == "sandboxes") sandboxTold(before, after);
    if (change.id.plural == "sandboxtemplates") templateTold(before, after);
    if (change.id.plural == "pods") podTaken(before, after);
  });
}

void GoldenRules::violate(std::string what) {
  if (!violation_) violation_ = std::move(what);
}

void GoldenRules::expectOldViews() {
  oldViewsUntil_ = clock_.instant() + underWay;
}

// But for who leads as well, or was shown what was before, and for what is carried out late.
void GoldenRules::builderCreated(const json::value& builder) {
  if (!isAsMade(builder)) return violate("the operator made a Sandbox that is no builder: " + keyOf(builder));
  if (server_.actor().ends_with(lateSuffix)) return;
  const std::string& process = server_.actor();
  const std::string replica = process.substr(0, process.find('.') + 1);
  std::vector<Creator>& creators = creators_[ownerUid(builder)];
  const bool old = clock_.instant() < oldViewsUntil_;
  const bool another = std::ranges::any_of(creators, [&](const Creator& creator) {
    const bool knows = old ? creator.process == process : creator.process.starts_with(replica);
    return !knows && clock_.instant() < creator.at + underWay;
  });
  creators.push_back({process, clock_.instant()});
  if (another) return;
  for (const auto& other : server_.storage().list("sandboxes", findString(builder, "metadata.namespace"))) {
    // What somebody has changed is no builder any more.
    if (isAsMade(other->json) && ownerUid(other->json) == ownerUid(builder) &&
        uidOf(other->json) != uidOf(builder) && !isLeaving(other->json))
      violate("two builders of one template: " + keyOf(builder));
  }
}

// A builder's is its own, and all that the template says.
void GoldenRules::podCreated(const json::value& pod) {
  const test::Object sandbox = ownerOf(server_, pod);
  if (!sandbox || !isOfTemplate(sandbox->json)) return;
  if (!labelOf(pod, api::poolLabel).empty()) violate("a builder's pod is in a pool: " + keyOf(pod));
  if (asksForGolden(pod)) violate("a builder begins from a golden snapshot: " + keyOf(pod));
  const test::Object revision = server_.storage().get(
      {"controllerrevisions", {findString(pod, "metadata.namespace"), labelOf(pod, api::revisionLabel)}});
  if (!revision || !isAsMade(sandbox->json)) return;
  if (ownEnv(json::find(revision->json, "data.sandbox.env")) !=
      ownEnv(json::find(pod, "spec.containers.0.env")))
    violate("a builder has an environment that is not its template's: " + keyOf(pod));
}

void GoldenRules::podTaken(const json::value& before, const json::value& after) {
  if (!isIdle(before) || isIdle(after)) return;
  const test::Object sandbox = ownerOf(server_, after);
  if (sandbox && isOfTemplate(sandbox->json)) violate("a builder has taken a pool's pod: " + keyOf(after));
}

void GoldenRules::snapshotChanged(const test::Change& change) {
  if (!change.after) return;
  const json::value& snapshot = change.after->json;
  const std::string of = findString(snapshot, "status.podUID");
  if (!of.empty() && !contents_.contains(uidOf(snapshot))) {
    for (const test::Object& pod :
         server_.storage().list("pods", findString(snapshot, "metadata.namespace"))) {
      if (uidOf(pod->json) != of) continue;
      const test::Object sandbox = ownerOf(server_, pod->json);
      contents_[uidOf(snapshot)] = {.revision = labelOf(pod->json, api::revisionLabel),
                                    .container = comparable(pod->json),
                                    .asMade = sandbox && isAsMade(sandbox->json)};
    }
  }
  if (findString(snapshot, "status.phase") == "Ready") ready_.insert(uidOf(snapshot));
}

// Whoever begins from one has what the builder had.
void GoldenRules::restored(const json::value& pod) {
  const test::Object sandbox = ownerOf(server_, pod);
  if (!sandbox || !restoresFrom(sandbox->json).empty() || !suspendedAs(sandbox->json).empty()) return;
  const std::string uid = findString(sandbox->json, "status.golden.snapshotUID");
  const auto content = contents_.find(uid);
  const test::Object snapshot = server_.storage().get(
      {"sandboxsnapshots",
       {findString(pod, "metadata.namespace"), findString(sandbox->json, "status.golden.snapshotName")}});
  if (!snapshot || uidOf(snapshot->json) != uid || content == contents_.end())
    return violate("begins from what is not there: pod " + keyOf(pod));
  if (findString(snapshot->json, "status.phase") != "Ready")
    violate("begins from what is not Ready: pod " + keyOf(pod));
  const auto& [revision, container, asMade] = content->second;
  if (!asMade) violate("begins from what somebody has changed: pod " + keyOf(pod));
  // A restart is of the revision that its Sandbox was made from; what makes the same pod is as good.
  const bool sameRevision = revision == labelOf(pod, api::revisionLabel) || restartOf(pod) > 0;
  if (!sameRevision || container != comparable(pod))
    violate("begins from what its template does not say: pod " + keyOf(pod));
}

void GoldenRules::sandboxTold(const json::value& before, const json::value& after) {
  if (hasEnded(before) || findString(after, "status.phase") != "Failed") return;
  for (const test::Object& pod : podsOf(server_, after)) {
    if (uidOf(pod->json) != findString(after, "status.podUID") || !isToBeginFromGolden(pod->json)) continue;
    const std::string state = "status.containerStatuses.0.state.";
    if (findString(pod->json, state + "terminated.reason") == "StartError" ||
        !findString(pod->json, state + "waiting.reason").empty())
      violate("it ended for the golden snapshot's sake: " + keyOf(after));
  }
}

void GoldenRules::templateTold(const json::value& before, const json::value& after) {
  const std::string uid = findString(after, "status.golden.snapshotUID");
  if (uid.empty() || uid == findString(before, "status.golden.snapshotUID")) return;
  const auto content = contents_.find(uid);
  if (content == contents_.end() || !ready_.contains(uid))
    return violate("a template names what was never Ready: " + keyOf(after));
  if (!content->second.asMade) violate("a template names what somebody has changed: " + keyOf(after));
}

std::string GoldenRules::unsettledTemplate(const json::value& template_) const {
  const std::string told = conditionOf(template_, "GoldenReady", "status");
  const std::string name = findString(template_, "status.golden.snapshotName");
  if (json::find(template_, "spec.golden") == nullptr)
    return told.empty() && name.empty() ? "" : "a golden snapshot is told that is not wanted";
  const test::Object snapshot =
      server_.storage().get({"sandboxsnapshots", {findString(template_, "metadata.namespace"), name}});
  if (told != "True") {
    // Its quota has no room for it.
    for (const auto& builder :
         server_.storage().list("sandboxes", findString(template_, "metadata.namespace"))) {
      if (isOfTemplate(builder->json) && ownerUid(builder->json) == uidOf(template_) &&
          isQueued(builder->json) && conditionOf(template_, "GoldenReady", "reason") == "Building")
        return "";
    }
    return "there is no golden snapshot (" + conditionOf(template_, "GoldenReady", "reason") + ")";
  }
  if (!snapshot || uidOf(snapshot->json) != findString(template_, "status.golden.snapshotUID") ||
      findString(snapshot->json, "status.phase") != "Ready")
    return "what it names is not Ready";
  if (contents_.at(uidOf(snapshot->json)).revision != findString(template_, "status.revision"))
    return "what it names is not what it says";
  return {};
}

std::string GoldenRules::unsettled() const {
  for (const auto& object : server_.storage().list("sandboxtemplates", "")) {
    if (isLeaving(object->json)) return "about to go: template " + keyOf(object->json);
    if (auto what = unsettledTemplate(object->json); !what.empty())
      return what + ": template " + keyOf(object->json);
  }
  for (const auto& builder : server_.storage().list("sandboxes", "")) {
    if (isAsMade(builder->json) && (!templateOf(server_, builder->json) || !isQueued(builder->json)))
      return "a builder that nobody needs: " + keyOf(builder->json);
  }
  for (const auto& snapshot : server_.storage().list("sandboxsnapshots", "")) {
    if (!isOfTemplate(snapshot->json)) continue;
    const test::Object from = templateOf(server_, snapshot->json);
    const bool named = from && findString(from->json, "status.golden.snapshotUID") == uidOf(snapshot->json);
    if (!from || (!named && !isAwaited(server_, snapshot->json) && !isToBeTaken(server_, snapshot->json)))
      return "a golden snapshot that nobody needs: " + keyOf(snapshot->json);
  }
  return {};
}

}  // namespace cloister::sim
