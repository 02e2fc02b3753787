#include "tests/sim/quotas.h"

#include <algorithm>
#include <limits>

#include "operator/quota/gate.h"
#include "operator/quota/ledger.h"
#include "operator/quota/plan.h"
#include "runtime/store.h"
#include "tests/sim/invariants.h"
#include "tests/sim/network.h"
#include "tests/sim/objects.h"

namespace cloister::sim {
namespace {

using json::findString;
using runtime::versionNumber;

constexpr const char* administrator = "admin";
// No Sandbox of a script needs more (wishes.h), but for those that no quota has room for.
constexpr quota::Amount largestNeed{
    .pods = 1,
    .limits = {.cpuMilli = 1000, .memoryBytes = int64_t(512) << 20, .diskBytes = int64_t(4) << 30}};

test::ObjectId quotaOf(const std::string& namespace_) {
  return {"sandboxquotas", {namespace_, std::string(api::quotaName)}};
}

bool isBoundless(const json::value& sandbox) {
  return findString(sandbox, "spec.workspace.size") == "1Pi";
}

bool isGarbledQuota(const json::value& quota) {
  return findString(quota, "spec.maxLifetime") == garbled;
}

// Without what of it cannot be read.
api::SandboxQuota decode(json::value quota) {
  if (isGarbledQuota(quota)) quota.at("spec").as_object().erase("maxLifetime");
  return *json::decode<api::SandboxQuota>(quota);
}

bool isCounted(const json::value& pod) {
  const std::string phase = findString(pod, "status.phase");
  return isOurs(pod) && phase != "Succeeded" && phase != "Failed";
}

std::string uidOf(const json::value& object) {
  return findString(object, "metadata.uid");
}

auto placeOf(const json::value& object) {
  return std::pair(findString(object, "metadata.creationTimestamp"), uidOf(object));
}

// QUOTA's status says that pods use USED.
bool tells(const api::SandboxQuota& quota, const quota::Amount& used) {
  const api::QuotaAmounts& told = quota.status.used;
  const api::SandboxQuotaSpec& spec = quota.spec;
  return (!spec.running || told.running == used.pods) &&
         (spec.cpu.empty() || told.cpu == quota::cores(used.limits.cpuMilli)) &&
         (spec.memory.empty() || told.memory == quota::bytes(used.limits.memoryBytes)) &&
         (spec.disk.empty() || told.disk == quota::bytes(used.limits.diskBytes));
}

// That say they wait, the first in line first.
std::vector<test::Object> queue(const test::ApiServer& server, const std::string& namespace_) {
  auto sandboxes = server.storage().list("sandboxes", namespace_);
  std::erase_if(sandboxes, [](const test::Object& sandbox) {
    return !isQueued(sandbox->json) || conditionOf(sandbox->json, "Ready", "reason") != "Queued";
  });
  std::ranges::sort(sandboxes, {}, [](const test::Object& sandbox) { return placeOf(sandbox->json); });
  return sandboxes;
}

std::string unsettledQuota(const test::ApiServer& server, const json::value& object) {
  const std::string namespace_ = findString(object, "metadata.namespace");
  const api::SandboxQuota quota = decode(object);
  if (quota.status.observedGeneration != quota.metadata.generation) return "the generation was not observed";
  for (const api::QuotaGrant& grant : quota.status.grants) {
    const test::Object owner = server.storage().get({"sandboxes", {namespace_, grant.sandbox}});
    // Who may start, and finds neither a pool's pod nor room any more, keeps its start: it is counted once.
    const bool starts =
        owner && grant.pod.empty() && !json::find(owner->json, "status.startedAt") && !hasEnded(owner->json);
    if (!starts && (!owner || conditionOf(owner->json, "Ready", "reason") != "PodNameTaken"))
      return "a grant is left";
  }
  if (!quota.status.recent.empty()) return "starts of before are remembered";
  quota::Amount used;
  for (const test::Object& pod : server.storage().list("pods", namespace_)) {
    if (isCounted(pod->json)) used += quota::amountOf(*json::decode<api::Pod>(pod->json));
  }
  for (const api::QuotaGrant& grant : quota.status.grants) used += quota::amountOf(grant);
  if (!tells(quota, used)) return "the status does not count the pods";
  const auto waiting = queue(server, namespace_);
  if (quota.status.queued != int(waiting.size())) return "the status does not count who waits";
  const bool waitsForRoom =
      std::ranges::any_of(waiting, [](const test::Object& one) { return !isBoundless(one->json); });
  if (waitsForRoom && !quota::exceeded(quota.spec, used, largestNeed)) return "there is room";
  for (size_t i = 0; i < waiting.size(); ++i) {
    if (integer(waiting[i]->json, "status.queuePosition") != int64_t(i) + 1) return "a wrong place is told";
  }
  return {};
}

}  // namespace

bool isQueued(const json::value& sandbox) {
  return findString(sandbox, "status.phase") == "Queued";
}

bool isHeldBack(const json::value& pool) {
  for (const char* type : {"Ready", "Progressing"}) {
    const std::string why = conditionOf(pool, type, "reason");
    if (why == "QuotaExceeded" || why == "Queued") return true;
  }
  return false;
}

void makeQuota(test::ApiServer& server, const std::string& namespace_, const Setup& setup) {
  if (setup.quota == 0) return;
  json::object spec{{"running", setup.quota}};
  if (setup.perMinute > 0) spec["creationsPerMinute"] = setup.perMinute;
  server.create(administrator, "sandboxquotas",
                {{"apiVersion", api::apiVersion},
                 {"kind", "SandboxQuota"},
                 {"metadata", {{"name", api::quotaName}, {"namespace", namespace_}}},
                 {"spec", std::move(spec)}});
}

void editQuota(test::ApiServer& server, const std::string& namespace_, const Step& step) {
  if (step.how == "delete") {
    server.remove(administrator, quotaOf(namespace_));
    return;
  }
  server.edit(administrator, quotaOf(namespace_), [&](json::value& quota) {
    json::object& spec = quota.at("spec").as_object();
    const auto limit = [&](const char* field, const auto& most) {
      spec.erase(field);
      if (step.count > 0) spec[field] = most;
    };
    if (step.how == "cpu") return limit("cpu", quota::cores(step.count * int64_t(700)).text);
    if (step.how == "memory") return limit("memory", std::to_string(step.count * 300) + "Mi");
    if (step.how == "disk") return limit("disk", std::to_string(step.count * 2500) + "Mi");
    if (step.how == "hours") return limit("sandboxHoursPerDay", step.count - 1);
    if (step.how == "pods") return limit("running", step.count);
    spec[step.how == "garbled" ? "maxLifetime" : "running"] =
        step.how == "garbled" ? json::value(garbled) : json::value(step.count);
  });
}

void mendQuotas(test::ApiServer& server, bool hours) {
  for (const test::Object& object : server.storage().list("sandboxquotas", "")) {
    server.edit(administrator, quotaOf(findString(object->json, "metadata.namespace")),
                [&](json::value& quota) {
                  json::object& spec = quota.at("spec").as_object();
                  if (isGarbledQuota(quota)) spec.erase("maxLifetime");
                  if (hours) spec.erase("sandboxHoursPerDay");
                });
  }
}

std::string unsettledQuotas(const test::ApiServer& server) {
  for (const test::Object& quota : server.storage().list("sandboxquotas", "")) {
    if (auto what = unsettledQuota(server, quota->json); !what.empty())
      return what + ": quota of " + findString(quota->json, "metadata.namespace");
  }
  for (const test::Object& sandbox : server.storage().list("sandboxes", "")) {
    if (isQueued(sandbox->json) &&
        !server.storage().get(quotaOf(findString(sandbox->json, "metadata.namespace"))))
      return "queued without a quota: " + keyOf(sandbox->json);
  }
  return {};
}

QuotaRules::QuotaRules(const Clock& clock, test::ApiServer& server, bool steady)
    : clock_(clock), server_(server), steady_(steady) {
  server.storage().onChange([this](const test::Change& change) {
    if (change.id.plural == "sandboxquotas") quotaChanged(change);
    const bool created = change.id.plural == "pods" && !change.before;
    if (created && server_.actor().starts_with(operatorPrefix)) podCreated(change.after->json);
  });
}

void QuotaRules::violate(std::string what) {
  if (!violation_) violation_ = std::move(what);
}

void QuotaRules::quotaChanged(const test::Change& change) {
  const std::string& namespace_ = change.id.key.namespace_;
  if (!change.after || !change.before) namespaces_.erase(namespace_);
  if (!change.after) return;
  Namespace& at = namespaces_[namespace_];
  const api::SandboxQuotaSpec spec = decode(change.after->json).spec;
  if (!change.before || !quota::boundsRoom(decode(change.before->json).spec)) at.since = clock_.instant();
  at.most = std::max(at.most, int64_t(spec.running.value_or(std::numeric_limits<int>::max())));
  if (!change.before || !server_.actor().starts_with(operatorPrefix)) return;
  granted(change.before->json, change.after->json);
}

// All of ours that use something, but for those that nobody promised.
quota::Amount QuotaRules::counted(const std::string& namespace_) {
  const std::set<std::string>& exempt = namespaces_[namespace_].exempt;
  quota::Amount used;
  for (const test::Object& pod : server_.storage().list("pods", namespace_)) {
    if (isCounted(pod->json) && !exempt.contains(uidOf(pod->json)))
      used += quota::amountOf(*json::decode<api::Pod>(pod->json));
  }
  return used;
}

// Whatever the writer has seen of the pods, what is there and what is promised fits.
void QuotaRules::granted(const json::value& before, const json::value& after) {
  const api::SandboxQuota old = decode(before);
  const api::SandboxQuota quota = decode(after);
  const std::string& namespace_ = quota.metadata.namespace_;
  quota::Amount used = counted(namespace_);
  int fresh = 0;
  bool more = false;
  bool begins = false;
  for (const api::QuotaGrant& grant : quota.status.grants) {
    // What was promised to a Sandbox that is gone, or for a pod before its present one, nobody carries out.
    const test::Object owner = server_.storage().get({"sandboxes", {namespace_, grant.sandbox}});
    const bool lives = !grant.pool.empty() || (owner && uidOf(owner->json) == grant.uid &&
                                               numberOf(owner->json) <= grant.restart.value_or(0));
    if (lives && !grant.pod.empty() && !server_.storage().get({"pods", {namespace_, grant.pod}}))
      used += quota::amountOf(grant);
    const bool known = std::ranges::find(old.status.grants, grant) != old.status.grants.end();
    if (known || api::isWithdrawn(grant)) continue;
    more |= !grant.pod.empty();
    const auto had = std::ranges::find(old.status.grants, grant.uid, &api::QuotaGrant::uid);
    if (!grant.sandbox.empty() && !grant.restart && had == old.status.grants.end()) ++fresh;
    begins |= !grant.sandbox.empty() && had == old.status.grants.end();
    if (isGarbledQuota(after)) violate("promised by a quota that nobody can read: " + namespace_);
    if (!grant.pod.empty()) checkOrder(after, json::encode(grant));
  }
  const auto limit = quota::exceeded(quota.spec, {}, used);
  if (more && limit) {
    violate("more is promised than there is: " + std::to_string(used.pods) + " in " + namespace_ +
            ", above " + quota::nameOf(*limit));
  }
  const std::optional<api::QuotaHours>& hours = quota.status.hours;
  const std::optional<int> most = quota.spec.sandboxHoursPerDay;
  if (begins && most && (!hours || seconds(hours->seconds) >= std::chrono::hours(*most)))
    violate("a start beyond the hours of a day in " + namespace_);
  checkStarts(after, fresh);
}

// Nobody is passed who waits for room and has said so.
void QuotaRules::checkOrder(const json::value& quota, const json::value& grant) {
  const std::string namespace_ = findString(quota, "metadata.namespace");
  const std::string uid = findString(grant, "uid");
  const test::Object owner = server_.storage().get({"sandboxes", {namespace_, findString(grant, "sandbox")}});
  const auto place = owner ? std::optional(placeOf(owner->json)) : std::nullopt;
  if (findString(grant, "pool").empty() && (!owner || uidOf(owner->json) != uid)) return;
  const api::SandboxQuota present = decode(quota);
  if (quota::exceeded(present.spec, {}, largestNeed)) return;  // who needs too much holds nobody up
  for (const test::Object& waiting : queue(server_, namespace_)) {
    const json::value& sandbox = waiting->json;
    const bool holds = std::ranges::any_of(
        present.status.grants, [&](const api::QuotaGrant& one) { return one.uid == uidOf(sandbox); });
    // One that names a pool may take its pod, for which there is room already. What users changed a moment
    // ago the operator may not know, and what it cannot carry out it does not hold others up for.
    const bool plain =
        json::find(sandbox, "spec.poolRef") == nullptr && !isLeaving(sandbox) && !isBoundless(sandbox) &&
        integer(sandbox, "status.observedGeneration") == integer(sandbox, "metadata.generation");
    // Whoever writes the grant may not know yet what was said while the request was on its way.
    const bool told = versionNumber(findString(sandbox, "metadata.resourceVersion")) <=
                      versionNumber(present.status.seen.sandboxes);
    // By a clock that is behind, the pause before its restart is not over.
    const bool due = steady_ || integer(sandbox, "status.restarts") == 0;
    if (holds || !plain || !told || !due || podsOf(server_, sandbox).size() > 0 || uidOf(sandbox) == uid)
      continue;
    if (place && *place < placeOf(sandbox)) continue;
    violate("passed by in the queue: " + keyOf(sandbox));
  }
}

// For how long QUOTA was on its way at least, by when it says that the last starts were granted.
Duration QuotaRules::slowness(const json::value& quota) const {
  const api::SandboxQuotaStatus& status = decode(quota).status;
  if (status.recent.empty()) return {};
  return std::max(Duration{}, clock_.now() - (status.recent.back().at + quota::creationStep));
}

void QuotaRules::checkStarts(const json::value& quota, int fresh) {
  const int64_t most = integer(quota, "spec.creationsPerMinute");
  // What is carried out late was decided long before, and counted so.
  if (most == 0 || !steady_ || server_.actor().ends_with(lateSuffix)) return;
  std::deque<Instant>& starts = namespaces_[findString(quota, "metadata.namespace")].starts;
  const Instant now = clock_.instant();
  while (!starts.empty() && starts.front() + std::chrono::minutes(1) <= now) starts.pop_front();
  if (fresh > 0) starts.insert(starts.end(), size_t(fresh), now - slowness(quota));
  if (std::ssize(starts) > most)
    violate("too many starts in a minute in " + findString(quota, "metadata.namespace"));
}

void QuotaRules::standsStill(const std::string& process, Duration span) {
  if (span > quota::settlePeriod) stillUntil_[process] = clock_.instant() + span;
}

void QuotaRules::podCreated(const json::value& pod) {
  const std::string namespace_ = findString(pod, "metadata.namespace");
  const test::Object object = server_.storage().get(quotaOf(namespace_));
  if (!object || !isOurs(pod)) return;
  const api::SandboxQuota quota = decode(object->json);
  Namespace& at = namespaces_[namespace_];
  const bool inForce = clock_.instant() >= at.since + underWay;
  if (!quota::boundsRoom(quota.spec)) return;
  const bool promised = std::ranges::any_of(quota.status.grants, [&](const api::QuotaGrant& grant) {
    return grant.pod == findString(pod, "metadata.name");
  });
  const bool late = server_.actor().ends_with(lateSuffix);
  const bool orphan = !isIdle(pod) && !ownerOf(server_, pod);
  if (!promised) at.exempt.insert(uidOf(pod));
  const auto still = stillUntil_.find(server_.actor());
  const bool stoodStill = still != stillUntil_.end() && clock_.instant() < still->second + seconds(1);
  if (!promised && inForce && !late && !orphan && !stoodStill)
    violate("a pod that nobody promised: " + keyOf(pod));
  if (inForce && counted(namespace_).pods > at.most)
    violate("more pods than were ever allowed in " + namespace_);
}

}  // namespace cloister::sim
