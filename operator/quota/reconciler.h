// The quota controller: answers all that wait in a namespace with one write, one key per SandboxQuota.
#pragma once

#include "operator/parts.h"
#include "operator/quota/guard.h"
#include "operator/quota/plan.h"
#include "runtime/controller.h"
#include "runtime/pace.h"

namespace cloister::quota {

// Requests are collected for so long before they are answered together.
inline constexpr Duration batchPeriod = milliseconds(25);

class Reconciler {
 public:
  // What nobody waits for (how much is used, say) is written no sooner than this after the last write, and
  // places in the queue are told no more often.
  static constexpr Duration newsPeriod = seconds(10);
  // ... that a promise was kept, no sooner than this after it.
  static constexpr Duration dropPeriod = seconds(1);

  // Called with the key of a Sandbox, or of a SandboxPool, that has another answer.
  using Wake = std::function<void(const kube::ObjectKey&)>;
  Reconciler(Parts parts, Wake wakeSandbox, Wake wakePool, uint64_t seed = 0)
      : parts_(parts),
        wakeSandbox_(std::move(wakeSandbox)),
        wakePool_(std::move(wakePool)),
        pace_(fast, seed) {}

  Task<Result<runtime::Outcome>> reconcile(kube::ObjectKey key, uint64_t id);

 private:
  // All that wait in a namespace wait for the writes to one object.
  static constexpr runtime::Pace::Options fast{.interval = milliseconds(50)};

  // What is remembered of a namespace.
  struct Memory {
    std::string uid;  // of the quota
    Instant writtenAt = Instant::min();
    Instant toldAt = Instant::min();
    Hours hours = {};
    std::map<std::string, Time> running = {};       // since when sandboxes run, by their pods' uids
    std::string guardFailure = {};                  // why a ResourceQuota is not as it should be
    Instant guardAgain = Instant::min();            // and when it is tried again
    std::map<std::string, Instant> takenBack = {};  // since when it is known of promises, by their pods
    Instant askAgain = Instant::min();              // for pods that are not seen
    std::shared_ptr<const api::SandboxQuota> looked = {};  // at last
    struct Gone {
      api::QuotaGrant grant;
      Instant at;
    };
    std::map<std::string, Gone> gone = {};  // promises, by their pods, until they are settled or asked for
  };

  Observed observe(std::shared_ptr<const api::SandboxQuota> quota, Memory& memory);
  std::vector<api::QuotaGrant> doubted(std::shared_ptr<const api::SandboxQuota> quota, Memory& memory) const;
  void countHours(const Observed& seen, Memory& memory);
  void tell(const Observed& observed, const std::map<std::string, Answer>& answers, Memory& memory,
            std::optional<Time>& again);
  bool publish(const std::string& namespace_, const std::vector<Asker>& askers,
               const std::map<std::string, Answer>& answers, const Wake& wake, bool due, bool& left);
  void wake(const std::string& namespace_, const std::vector<api::QuotaGrant>& grants);
  std::map<std::string, Time> settled(const api::SandboxQuota& quota, Memory& memory) const;
  Task<void> keepGuards(std::string namespace_, std::shared_ptr<const api::SandboxQuota> quota);
  Task<bool> ask(Observed& observed, Plan& next);
  Task<std::set<std::string>> findAbsent(std::string namespace_, std::vector<std::string> pods);
  Guarding guardingOf(const api::SandboxQuota& quota, const Memory& memory) const;

  Parts parts_;
  Wake wakeSandbox_;
  Wake wakePool_;
  std::map<std::string, Memory> memory_;  // by namespace
  runtime::Pace pace_;                    // of writes to a status
};

// Carries one step out; the answer goes into the stores.
Task<Result<void>> apply(Parts& parts, GuardStep step);

}  // namespace cloister::quota
