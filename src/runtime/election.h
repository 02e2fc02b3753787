// Who of several replicas leads, by a Lease (coordination.k8s.io/v1), as a state machine without I/O. The
// rules are client-go's (k8s.io/client-go/tools/leaderelection): a lease is over when it has not changed for
// its duration by our own monotonic clock, since clocks of machines differ; every write carries the
// resourceVersion that was read, so that of two replicas one loses; who leads stops after the renew deadline,
// well before another may begin.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "base/backoff.h"
#include "json/codec.h"

namespace cloister::runtime {

class Election {
 public:
  struct Options {
    std::string identity;  // unique among the replicas, and not empty
    Duration leaseDuration = seconds(15);
    Duration renewDeadline = seconds(10);  // shorter than leaseDuration
    Duration retryPeriod = seconds(2);     // shorter than renewDeadline
    uint64_t seed = 0;
  };

  // What to do next.
  struct Read {};
  struct Create {
    json::object spec;
  };
  struct Replace {
    json::value lease;  // whole, as it was read but for the spec
  };
  struct Wait {
    Instant until;
  };
  using Action = std::variant<Read, Create, Replace, Wait>;

  // What came of it.
  struct Waited {};  // also the first input
  struct Found {
    json::value lease;
  };
  struct Absent {};
  struct Written {
    json::value lease;
  };
  struct Failed {
    Errc code;
  };
  using Input = std::variant<Waited, Found, Absent, Written, Failed>;

  explicit Election(Options options);

  // WALL only goes into the Lease, for people.
  Action step(const Input& input, Instant now, Time wall);

  bool leading(Instant now) const { return now < leadingUntil(); }
  // The renew deadline, counted from the beginning of the last write that succeeded; Instant::min() when not
  // held.
  Instant leadingUntil() const;
  // True unless it is certain that the Lease does not name us: a write without an answer may have been
  // carried out.
  bool mayHold() const { return mayHold_; }
  // LEASE with its holder gone and a second to live, or nothing if another holds it. Ends leading().
  std::optional<json::value> giveBack(const json::value& lease, Time wall);

 private:
  Action on(const Waited&, Instant now, Time wall);
  Action on(const Found& found, Instant now, Time wall);
  Action on(const Absent&, Instant now, Time wall);
  Action on(const Written& written, Instant now, Time wall);
  Action on(const Failed& failed, Instant now, Time wall);

  void observe(const json::value& lease, Instant now);
  bool heldByAnother(Instant now) const;
  Action claim(Instant now, Time wall);
  json::object claimedSpec(Time wall) const;
  Action retry(Instant now);

  Options options_;
  Random random_;
  json::value lease_;                 // as last seen; null: not seen
  Instant seenAt_{};                  // when its spec last changed
  std::optional<Instant> renewedAt_;  // when the last write that succeeded began
  Instant writingSince_{};
  bool fresh_ = false;  // lease_ was read just now, not kept from the last renewal
  bool mayHold_ = false;
};

}  // namespace cloister::runtime
