// The pool controller: keeps the pods of a pool, one key per pool.
#pragma once

#include "kube/client.h"
#include "operator/pool/plan.h"
#include "operator/pool/status.h"
#include "operator/stores.h"
#include "runtime/controller.h"
#include "runtime/pace.h"

namespace cloister::pool {

// All of it outlives the controller.
struct Parts {
  kube::Client& client;
  Clock& clock;
  const Config& config;
  Stores& stores;
  // Tells people: an Event on the pool.
  std::function<void(const api::SandboxPool&, const sandbox::Report&)> report;
};

class Reconciler {
 public:
  // Counts alone are written no sooner than this after they changed, so that claims do not cost a write each.
  static constexpr Duration countsPeriod = seconds(2);

  explicit Reconciler(Parts parts, uint64_t seed = 0) : parts_(std::move(parts)), statusPace_({}, seed) {}

  Task<Result<runtime::Outcome>> reconcile(kube::ObjectKey key, uint64_t id);

 private:
  // What is remembered of a pool: how fast to go, and what is cheaper to know than to find out again.
  struct Memory {
    Instant nextRound = Instant::min();
    std::optional<Instant> countsDifferSince = {};
    std::set<std::string> foreign = {};           // names of slots that pods of somebody else have
    std::set<std::string> unanswered = {};        // names of slots whose creation failed, or seems to have
    std::map<std::string, Instant> unready = {};  // since when pods are known not to be Ready, by uid
    std::map<std::string, Instant> claims = {};   // when pods that are taken were asked for, by uid
    // The design that POOL made of TEMPLATE.
    std::shared_ptr<const api::SandboxPool> pool = {};
    std::shared_ptr<const api::SandboxTemplate> template_ = {};
    std::expected<Design, sandbox::Refusal> design = {};
  };

  Observed observe(const kube::ObjectKey& key);
  void observeDesign(Observed& observed, Memory& memory) const;
  void noteClaims(Observed& observed, Memory& memory) const;
  void noteUnready(Observed& observed, Memory& memory) const;
  void noteWants(const Observed& observed, Plan& next);
  Task<std::optional<Error>> carryOut(kube::ObjectKey key, std::vector<Action> actions);
  Task<Result<runtime::Outcome>> tell(kube::ObjectKey key, Observed observed, Account told,
                                      std::optional<Time> again);

  Parts parts_;
  std::map<kube::ObjectKey, Memory> memory_;
  runtime::Pace statusPace_;
};

// One action for POOL. Objects that the API server answers with go into the stores. AlreadyExists with reason
// PodNameTaken: a pod of somebody else has the slot's name.
Task<Result<void>> apply(Parts& parts, std::shared_ptr<const api::SandboxPool> pool, Action action);

}  // namespace cloister::pool
