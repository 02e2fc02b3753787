#include "operator/policy/reconciler.h"

#include "operator/template/effective.h"

namespace cloister::policy {
namespace {

// What POD may have been made for: its Sandbox's own rules, its template's, or both as one.
std::vector<api::SandboxNetwork> networksOf(const Stores& stores, const api::Pod& pod) {
  std::vector<api::SandboxNetwork> networks;
  const auto sandbox = stores.sandboxes.get(sandboxKeyOf(pod));
  const auto revision =
      stores.revisions.get({pod.metadata.namespace_, api::labelOf(pod.metadata, api::revisionLabel)});
  if (sandbox != nullptr) networks.push_back(sandbox->spec.network);
  if (revision != nullptr) networks.push_back(revision->data.sandbox.network);
  if (sandbox == nullptr || revision == nullptr) return networks;
  networks.push_back(templates::effective(sandbox->spec, revision->data).network);
  return networks;
}

// What the policy KEY should hold, told by a pod that relies on it: the name proves it.
std::optional<json::object> wantedSpec(const Parts& parts, const kube::ObjectKey& key) {
  if (key.name == defaultDenyName) return defaultDenySpec();
  for (const auto& pod : parts.stores.podsUnder(key)) {
    for (const api::SandboxNetwork& network : networksOf(parts.stores, *pod)) {
      NetworkProfile profile = networkProfile(network, parts.config.network);
      if (policyName(profile.name) == key.name) return std::move(profile.spec);
    }
  }
  return std::nullopt;
}

json::value replaceSpec(const api::NetworkPolicy& policy, const json::object& spec) {
  return json::array{
      {{"op", "test"}, {"path", "/metadata/resourceVersion"}, {"value", policy.metadata.resourceVersion}},
      {{"op", "replace"}, {"path", "/spec"}, {"value", spec}}};
}

// Whatever has the name and not our label: one that lost it, or that somebody made in our place. Left alone,
// it would be no fence, so it is made ours; the name has our prefix.
json::value takeOver(const json::object& spec) {
  return json::array{
      {{"op", "add"}, {"path", "/metadata/labels"}, {"value", {{api::managedByLabel, api::managedBy}}}},
      {{"op", "replace"}, {"path", "/spec"}, {"value", spec}}};
}

Task<Result<json::value>> create(kube::Client& client, kube::ObjectKey key, json::object spec) {
  auto answer = co_await client.create(kube::networkPolicies, key.namespace_,
                                       networkPolicy(key.namespace_, key.name, spec));
  if (answer || answer.error().code != Errc::AlreadyExists) co_return answer;
  co_return co_await client.patch(kube::networkPolicies, key, takeOver(spec),
                                  {.type = kube::PatchType::Json});
}

bool asksFor(const kube::ObjectKey& key, const api::SandboxNetwork& network, const Parts& parts) {
  const NetworkProfile profile = networkProfile(network, parts.config.network);
  return !profile.name.empty() && policyName(profile.name) == key.name;
}

// A Sandbox that may get a pod yet asks for KEY, or the template of one or of a pool does.
bool isAwaited(const Parts& parts, const kube::ObjectKey& key) {
  const Stores& stores = parts.stores;
  const auto templateAsks = [&](const std::string& name) {
    const auto from = stores.templates.get({key.namespace_, name});
    return from != nullptr && asksFor(key, from->spec.sandbox.network, parts);
  };
  const auto sandboxAsks = [&](const auto& sandbox) {
    const api::SandboxSpec& spec = sandbox->spec;
    return asksFor(key, spec.network, parts) || (spec.templateRef && templateAsks(spec.templateRef->name));
  };
  const auto poolAsks = [&](const auto& pool) {
    return pool->metadata.namespace_ == key.namespace_ && templateAsks(pool->spec.templateRef.name);
  };
  return std::ranges::any_of(stores.waitingIn(key.namespace_), sandboxAsks) ||
         std::ranges::any_of(stores.pools.all(), poolAsks);
}

}  // namespace

Observed Reconciler::observe(const kube::ObjectKey& key) {
  Observed seen{.name = key.name, .policy = parts_.stores.policies.get(key)};
  seen.used = parts_.stores.hasPodsUnder(key);
  seen.awaited = !seen.used && isAwaited(parts_, key);
  // Each claim of a pool's pod comes by here: what is as it should be costs nothing.
  if (seen.policy == nullptr || !isIntact(key.name, seen.policy->spec)) seen.wanted = wantedSpec(parts_, key);
  if (seen.used || seen.awaited || seen.policy == nullptr) {
    unusedSince_.erase(key);
  } else {
    const Instant now = parts_.clock.instant();
    seen.unusedFor = now - unusedSince_.try_emplace(key, now).first->second;
  }
  return seen;
}

Task<Result<void>> Reconciler::apply(Step step, kube::ObjectKey key, Observed observed) {
  Result<json::value> answer;
  switch (step) {
    case Step::Nothing:
      co_return Result<void>{};
    case Step::Create:
      answer = co_await create(parts_.client, key, std::move(*observed.wanted));
      break;
    case Step::Repair:
      answer = co_await parts_.client.patch(kube::networkPolicies, key,
                                            replaceSpec(*observed.policy, *observed.wanted),
                                            {.type = kube::PatchType::Json});
      break;
    case Step::Delete: {
      const api::ObjectMeta& meta = observed.policy->metadata;
      answer = co_await parts_.client.remove(kube::networkPolicies, key,
                                             {.uid = meta.uid, .resourceVersion = meta.resourceVersion});
      break;
    }
  }
  // What we watched is gone: the watch tells so, and it is looked at again.
  const bool gone = !answer && answer.error().code == Errc::NotFound && step != Step::Create;
  if (!answer && !gone) co_return failWith("keeping NetworkPolicy " + key.name, answer.error());
  if (answer && step != Step::Delete) {
    if (auto policy = json::decode<api::NetworkPolicy>(*answer))
      parts_.stores.policies.learn(std::move(*policy));
  }
  co_return Result<void>{};
}

Task<Result<runtime::Outcome>> Reconciler::reconcile(kube::ObjectKey key, uint64_t) {
  Observed observed = observe(key);
  const Plan next = plan(observed, parts_.clock.now());
  auto done = co_await apply(next.step, key, std::move(observed));
  if (!done) co_return fail(done.error());
  co_return runtime::Outcome{.again = next.again};
}

}  // namespace cloister::policy
