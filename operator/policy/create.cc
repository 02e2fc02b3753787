#include "operator/policy/create.h"

#include "operator/sandbox/reasons.h"
#include "runtime/learn.h"

namespace cloister::policy {
namespace {

// Another Sandbox of the namespace may have been faster.
Task<Result<void>> accept(kube::Client& client, Stores& stores, kube::ObjectKey key) {
  auto present = co_await client.get(kube::networkPolicies, key);
  if (!present) co_return fail(present.error());
  auto policy = json::decode<api::NetworkPolicy>(*present);
  if (!policy) co_return fail(policy.error());
  if (!isIntact(key.name, policy->spec)) {
    co_return fail({.code = Errc::AlreadyExists,
                    .message = "A NetworkPolicy named " + key.name +
                               " exists that says something else than the operator needs. Delete it.",
                    .reason = std::string(sandbox::reason::policyNameTaken)});
  }
  stores.policies.learn(std::move(*policy));
  co_return Result<void>{};
}

}  // namespace

Task<Result<void>> create(kube::Client& client, Stores& stores, CreatePolicy wanted) {
  auto answer = co_await client.create(kube::networkPolicies, wanted.namespace_,
                                       networkPolicy(wanted.namespace_, wanted.name, wanted.spec));
  if (!answer && answer.error().code == Errc::AlreadyExists) {
    co_return co_await accept(client, stores, {wanted.namespace_, wanted.name});
  }
  if (!answer) co_return failWith("creating NetworkPolicy " + wanted.name, answer.error());
  learn(stores.policies, *answer);
  co_return Result<void>{};
}

}  // namespace cloister::policy
