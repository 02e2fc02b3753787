#include "tests/sim/invariants.h"

#include "operator/policy/plan.h"
#include "tests/sim/golden.h"
#include "tests/sim/network.h"
#include "tests/sim/objects.h"
#include "tests/sim/suspends.h"

namespace cloister::sim {
namespace {

using json::findString;

// The pod of the present number has been Ready.
bool hasBegun(const json::value& sandbox) {
  const std::string phase = findString(sandbox, "status.phase");
  const bool begun = phase == "Running" || phase == "Paused" || phase == "Suspended";
  if (numberOf(sandbox) != 0) return begun;
  return json::find(sandbox, "status.startedAt") != nullptr;
}

// The status names another one, which has begun, or was held and may have.
bool isSecond(const test::ApiServer& server, const json::value& sandbox, const json::value& pod) {
  const std::string first = findString(sandbox, "status.podUID");
  if (first.empty() || first == findString(pod, "metadata.uid")) return false;
  return hasBegun(sandbox) || std::ranges::any_of(podsOf(server, sandbox), [&](const test::Object& other) {
           return findString(other->json, "metadata.uid") == first && isMadeToBeHeld(other->json);
         });
}

json::array historyOf(const json::value& sandbox) {
  const json::value* history = json::find(sandbox, "status.history");
  return history == nullptr ? json::array() : history->as_array();
}

}  // namespace

Invariants::Invariants(const Clock& clock, test::ApiServer& server, const Config& config)
    : clock_(clock), server_(server), config_(config) {
  server_.onWrite = [this](const test::Write& write) { wrote(write); };
  server_.storage().onChange([this](const test::Change& change) { changed(change); });
}

void Invariants::violate(std::string what) {
  if (!violation_) violation_ = std::move(what);
}

void Invariants::wrote(const test::Write& write) {
  // Leases say that somebody leads, and when policies and revisions go is judged elsewhere.
  const std::string& plural = write.target.id.plural;
  const bool removal = plural == "networkpolicies" || plural == "controllerrevisions";
  if (plural == "leases" || (removal && write.method == "DELETE")) return;
  ++writes_;
  if (write.changed) ++changes_;
  if (write.target.id.plural == "sandboxes" && write.status == 200 && !write.changed) {
    violate("a write that changes nothing: " + write.target.text() + " of " + toString(write.target.id.key));
  }
}

void Invariants::changed(const test::Change& change) {
  if (change.id.plural == "pods") podChanged(change);
  if (change.id.plural == "sandboxes") sandboxChanged(change);
  if (change.id.plural == "networkpolicies") policyChanged(change);
  if (change.id.plural == "nodes") noteNode(change);
  livingChanged_ |= change.id.plural == "pods" || change.id.plural == "sandboxes";
}

// When its time began: at its first Ready, or, if it ended before that, when its container did. The container
// of what was held ran before it began.
void Invariants::noteStart(const json::value& pod) {
  const test::Object sandbox = ownerOf(server_, pod);
  if (!sandbox) return;
  const std::string owner = findString(sandbox->json, "metadata.uid");
  const Time created = *parseTime(findString(sandbox->json, "metadata.creationTimestamp"));
  const auto ran = parseTime(findString(pod, "status.containerStatuses.0.state.terminated.startedAt"));
  if (const auto since = usableSince(pod)) {
    firstReady_.try_emplace(owner, std::max(created, *since));
  } else if (ran && !isMadeToBeHeld(pod)) {
    firstReady_.try_emplace(owner, std::max(created, *ran));
  }
}

void Invariants::podChanged(const test::Change& change) {
  noteUse(change);
  const bool byOperator = server_.actor().starts_with(operatorPrefix);
  if (change.after) noteStart(change.after->json);
  if (byOperator && change.before && !isOurs(change.before->json))
    violate("a stranger's pod was touched: " + keyOf(change.before->json));
  if (byOperator && change.before && (!change.after || isLeaving(change.after->json)))
    checkDeletedPod(change.before->json);
  if (change.before) return;
  if (byOperator) podCreated(change.after->json);
}

void Invariants::podCreated(const json::value& pod) {
  const test::Object owner = ownerOf(server_, pod);
  if (!owner) return;
  checkAlone(owner->json, pod);
  const int64_t number = numberOf(owner->json);
  if (restartOf(pod) > number) violate("a restart that nobody has decided: " + keyOf(owner->json));
  if (restartOf(pod) == number && !hasBegun(owner->json) && (number == 0 || !hasEnded(owner->json))) {
    const json::array history = historyOf(owner->json);
    if (number == 0 || history.empty() || !clocksAgree) return;
    // The first of the delays; unit tests have the others.
    if (clock_.now() < *parseTime(findString(history[0], "endedAt")) + seconds(10))
      violate("restarted before its time: " + keyOf(owner->json));
    return;
  }
  again_.insert(findString(pod, "metadata.uid"));
  // Another replica that believes it leads cannot know, nor who gave up the request that told it before that
  // was carried out: the second pod goes at once.
  const auto teller = startedBy_.find(findString(owner->json, "metadata.uid"));
  const bool knew = teller != startedBy_.end() && server_.actor().starts_with(teller->second);
  if (knew && !server_.actor().ends_with(lateSuffix))
    violate("started a second time behind its owner's back: " + keyOf(owner->json));
}

// But for pods that were to have ended by now, on nodes that do not tell: somewhat late, and by the clocks of
// who decides.
bool Invariants::isLost(const json::value& pod) const {
  const auto away = nodeAway_.find(findString(pod, "spec.nodeName"));
  if (away == nodeAway_.end() || clock_.instant() - underWay > away->second) return false;
  return isLeaving(pod) &&
         *parseTime(findString(pod, "metadata.deletionTimestamp")) <= clockOf(server_.actor());
}

void Invariants::noteNode(const test::Change& change) {
  const bool away = conditionOf(change.after->json, "Ready", "status") != "True";
  const auto before = nodeAway_.find(change.id.key.name);
  if (away) {
    nodeAway_[change.id.key.name] = Instant::max();
  } else if (before != nodeAway_.end() && before->second == Instant::max()) {
    before->second = clock_.instant();
  }
}

// No restart begins beside what may still run of an earlier one; PoolRules has the pods of one restart. What
// is carried out late may meet another world, and so may who meets what was made so.
void Invariants::checkAlone(const json::value& sandbox, const json::value& pod) {
  if (server_.actor().ends_with(lateSuffix)) return;
  for (const test::Object& other : podsOf(server_, sandbox)) {
    const std::string uid = findString(other->json, "metadata.uid");
    const bool former =
        restartOf(other->json) < restartOf(pod) && !again_.contains(uid) && !late_.contains(uid);
    if (former && !isLost(other->json)) violate("restarted beside a former pod: " + keyOf(sandbox));
  }
}

// The count grows by one at a time, and with it the history; by what the policy says.
void Invariants::checkRestart(const json::value& before, const json::value& after) {
  const int64_t was = integer(before, "status.restarts");
  const int64_t is = integer(after, "status.restarts");
  json::array earlier = historyOf(before);
  json::array later = historyOf(after);
  if (is == was) {
    if (earlier != later) violate("the history was rewritten: " + keyOf(after));
    return;
  }
  if (is != was + 1 || later.empty()) return violate("its restarts were counted wrongly: " + keyOf(after));
  later.erase(later.begin());
  if (earlier.size() == 8) earlier.pop_back();
  if (earlier != later) violate("the history was rewritten: " + keyOf(after));
  const std::string policy = findString(after, "spec.restartPolicy");
  const bool completed = integer(historyOf(after)[0], "exitCode") == 0 &&
                         findString(historyOf(after)[0], "reason") == "Completed";
  // What could not continue from where it is kept tries again.
  const bool kept = isResuming(before) && isResuming(after);
  if (!kept && policy != "Always" && (policy != "OnFailure" || completed))
    violate("restarted against its policy: " + keyOf(after));
}

// A policy that has been unused for less than its grace is needed again soon, maybe.
void Invariants::policyChanged(const test::Change& change) {
  if (!change.before) policyUsed_[change.id] = clock_.instant();
  if (change.after || !server_.actor().starts_with(operatorPrefix)) return;
  const bool inUse =
      std::ranges::any_of(server_.storage().list("pods", change.id.key.namespace_),
                          [&](const test::Object& pod) { return reliesOn(pod->json, change.id.key.name); });
  if (inUse || clock_.instant() < policyUsed_.at(change.id) + policy::unusedGrace)
    violate("a network policy went before its time: " + toString(change.id));
}

// But for pods that a late request makes: they may come and go unseen.
void Invariants::noteUse(const test::Change& change) {
  const std::string uid = findString((change.after ? change.after : change.before)->json, "metadata.uid");
  if (!change.before && server_.actor().ends_with(lateSuffix)) late_.insert(uid);
  if (late_.contains(uid)) return;
  for (const test::Object& pod : {change.before, change.after}) {
    const std::string profile = pod ? labelOf(pod->json, api::networkLabel) : "";
    if (profile.empty() || !isOurs(pod->json)) continue;
    policyUsed_[{"networkpolicies", {change.id.key.namespace_, policy::policyName(profile)}}] =
        clock_.instant();
  }
}

void Invariants::checkDeletedPod(const json::value& pod) {
  const test::Object owner = ownerOf(server_, pod);
  const std::string uid = findString(pod, "metadata.uid");
  const std::string ran = owner ? findString(owner->json, "status.podUID") : "";
  const bool saved = owner && findString(owner->json, "status.phase") == "Suspended";
  const bool former = owner && (saved || restartOf(pod) < numberOf(owner->json));
  const bool replaced = owner && isGivenUp(owner->json, uid) && isToBeginFromGolden(pod);
  const bool second = former || replaced || again_.contains(uid) || (!ran.empty() && ran != uid);
  if (owner && !second && !isLeaving(owner->json) && !hasEnded(owner->json) &&
      clockOf(server_.actor()) < earliestEnd(owner->json))
    violate("the pod of a living Sandbox was deleted: " + keyOf(pod));
}

// What was to be kept is deleted only once its memory is in a snapshot that is nobody's, or where there was
// none.
void Invariants::checkKept(const json::value& sandbox) {
  if (!isKept(sandbox)) return;
  if (findString(sandbox, "spec.lifecycle.onExpiry") == "Suspend")
    return violate("deleted in place of being suspended: " + keyOf(sandbox));
  const bool suspended = findString(sandbox, "status.phase") == "Suspended";
  const bool failed = json::find(sandbox, "status.suspension") != nullptr && !suspended;
  if (failed || (hasBegun(sandbox) && !hasEnded(sandbox) && !suspended))
    return violate("deleted unsaved: " + keyOf(sandbox));
  if (suspended && !isReleased(server_, sandbox))
    violate("deleted with what it was kept in: " + keyOf(sandbox));
}

// For whoever writes now, and by more than SLACK.
bool Invariants::isBeforeItsEnd(const json::value& sandbox, Duration slack) const {
  const Time end = earliestEnd(sandbox);
  return clockOf(server_.actor()) + slack < end && !(isKept(sandbox) && wasOver(sandbox, end));
}

void Invariants::sandboxChanged(const test::Change& change) {
  if (!change.before || !server_.actor().starts_with(operatorPrefix)) return;
  const json::value& before = change.before->json;
  if (!isLeaving(before) && (!change.after || isLeaving(change.after->json))) checkKept(before);
  if (!change.after) {
    if (!isOfTemplate(before) && isBeforeItsEnd(before, {}))
      violate("deleted before its time: " + keyOf(before));
    return;
  }
  const json::value& after = change.after->json;
  const std::string saved = findString(after, "status.suspension.snapshotName");
  const bool saves = !saved.empty() && saved != findString(before, "status.suspension.snapshotName");
  // What stands still has reached its end with that second.
  if (saves && !isToSuspend(before) && isBeforeItsEnd(before, seconds(1)))
    violate("suspended before its time: " + keyOf(before));
  const int64_t observed = integer(after, "status.observedGeneration");
  if (observed < integer(before, "status.observedGeneration"))
    violate("the status went back to an older generation: " + keyOf(after));
  if (observed > integer(after, "metadata.generation"))
    violate("the status is of a generation that never was: " + keyOf(after));
  const std::string started = findString(before, "status.startedAt");
  if (!started.empty() && started != findString(after, "status.startedAt"))
    violate("startedAt was changed: " + keyOf(after));
  const std::string& replica = server_.actor();
  checkRestart(before, after);
  const bool began = !hasBegun(before) && hasBegun(after);
  const bool again = numberOf(before) != numberOf(after);
  if ((began || again) && !replica.ends_with(lateSuffix))
    startedBy_[findString(after, "metadata.uid")] = replica.substr(0, replica.find('.') + 1);
  if (hasEnded(before) && !hasEnded(after)) violate("it came back from its end: " + keyOf(after));
}

// ... if the operator alone knows that it was Ready for a while, or if its template's revision is lost: then
// what its status told counts, which is in whole seconds.
Time Invariants::earliestEnd(const json::value& sandbox) const {
  Time expiry = expiryOf(server_, config_, sandbox);
  // It may have lacked its revision when this was decided: then what it was told counts, in whole seconds.
  if (json::find(sandbox, "status.templateRevision") != nullptr) expiry = std::chrono::floor<seconds>(expiry);
  const auto ready = firstReady_.find(findString(sandbox, "metadata.uid"));
  if (ready == firstReady_.end()) return expiry;
  // What stands still as told may go on by now: then its ttl does, before that is told.
  if (std::ranges::any_of(podsOf(server_, sandbox), [](const auto& pod) { return isFrozen(pod->json); }))
    return expiry;
  const auto ttl = parseDuration(findString(sandbox, "spec.lifecycle.ttl"));
  return std::min(expiry, ready->second + ttl.value_or(config_.lifecycle.defaultTtl) + pausedFor(sandbox));
}

void Invariants::listLiving() {
  living_.clear();
  for (const auto& object : server_.storage().list("pods", "")) {
    const json::value& pod = object->json;
    if (!isOurs(pod) || isLeaving(pod) || isIdle(pod)) continue;
    Living found{.uid = findString(pod, "metadata.uid"), .key = keyOf(pod), .bound = strayBound};
    const test::Object owner = ownerOf(server_, pod);
    if (!owner) {
      found.how = "runs without a Sandbox";
    } else if (hasEnded(owner->json) && !hasEnded(pod)) {
      found.how = "runs although its Sandbox has ended";
    } else if (again_.contains(found.uid) || isSecond(server_, owner->json, pod)) {
      found.how = "runs for the second time";
    } else if (restartOf(pod) < numberOf(owner->json) && !hasEnded(pod)) {
      found.how = "runs beside its Sandbox's restart";
    } else {
      found.expiry = expiryOf(server_, config_, owner->json);
      const bool asked = isKept(owner->json) && !annotationOf(pod, api::freezeAnnotation).empty();
      if (asked && isStopped(pod)) continue;
      found.bound = asked ? freezeBound : expiryBound;
      // A moved end counts anew, even one that was over when it was moved.
      found.how = asked ? "to be saved, since " + formatTime(*found.expiry) : "to go at once";
      // So does the node's word that it could not stop it.
      if (asked && conditionOf(pod, api::frozenCondition, "reason") == api::frozenFailed)
        found.how += ", unstoppable";
    }
    living_.push_back(std::move(found));
  }
}

void Invariants::tick(Duration step, std::optional<Time> leader) {
  if (std::exchange(livingChanged_, false)) listLiving();
  std::map<std::string, Duration> overdue;
  for (const Living& pod : living_) {
    if (pod.expiry && leader && *leader <= *pod.expiry) continue;
    // For what it is to go now: it may have been overdue for something else before.
    Duration& late = overdue[pod.uid + pod.how];
    late = overdue_[pod.uid + pod.how] + (leader ? step : Duration{});
    // What was overdue for the whole of the first step cannot be told: it does not count.
    if (late <= pod.bound + step) continue;
    violate((pod.expiry ? "runs after its expiry, and is " + pod.how : pod.how) + ": " + pod.key);
  }
  overdue_ = std::move(overdue);
}

}  // namespace cloister::sim
