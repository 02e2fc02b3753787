// What the operator tells for metrics.
#include "operator/quota/figures.h"

#include "operator/operator.h"

namespace cloister {

std::map<std::string, int64_t> Operator::queueDepths() const {
  return {{"sandbox", int64_t(sandboxController_.queue().depth())},
          {"networkpolicy", int64_t(policyController_.queue().depth())},
          {"template", int64_t(templateController_.queue().depth())},
          {"pool", int64_t(poolController_.queue().depth())},
          {"quota", int64_t(quotaController_.queue().depth())},
          {"snapshot", int64_t(snapshotController_.queue().depth())}};
}

std::map<runtime::Metrics::Labels, double> Operator::quotaFigures(
    api::QuotaAmounts api::SandboxQuotaStatus::* which) const {
  std::map<runtime::Metrics::Labels, double> all;
  for (const auto& quota : stores_.quotas.all()) {
    for (const auto& [resource, value] : quota::figuresOf(quota->status.*which))
      all[{{"namespace", quota->metadata.namespace_}, {"resource", resource}}] = value;
  }
  return all;
}

std::map<std::string, int64_t> Operator::queuedByNamespace() const {
  std::map<std::string, int64_t> all;
  for (const auto& quota : stores_.quotas.all())
    all[quota->metadata.namespace_] = quota->status.queued.value_or(0);
  return all;
}

std::map<std::string, int64_t> Operator::sandboxesByPhase() const {
  std::map<std::string, int64_t> counts;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<api::Phase>>(
      [&](auto phase) { counts[phase.name] = 0; });
  for (const auto& sandbox : stores_.sandboxes.all()) {
    ++counts[boost::describe::enum_to_string(sandbox->status.phase.value_or(api::Phase::Pending), "")];
  }
  return counts;
}

}  // namespace cloister
