// The work queue: which keys to reconcile, and when. A state machine without I/O, driven with explicit times.
//
// A key waits at most once, is worked on by one worker at a time, and, when it is added while being worked
// on, is worked on again afterwards. Keys are handed out in the order in which they became due. Failures back
// off per key. As in controller-runtime an event does not wait for the backoff, because it may bring the
// remedy: add() makes the key due at once. It does wait for what the server asked for (AT_LEAST of failed()).
#pragma once

#include <map>
#include <optional>

#include "base/backoff.h"
#include "kube/resource.h"

namespace cloister::runtime {

class Queue {
 public:
  Queue(BackoffPolicy policy, uint64_t seed) : policy_(policy), random_(seed) {}

  void add(const kube::ObjectKey& key, Instant now) { addAt(key, now); }
  // Ready at AT, unless it is due earlier already.
  void addAt(const kube::ObjectKey& key, Instant at);
  // ... all that wait.
  void addAll(Instant now);
  // The key due longest, now held by the caller until done() or failed().
  std::optional<kube::ObjectKey> take(Instant now);
  void done(const kube::ObjectKey& key);  // forgets its failures
  // Comes again after its backoff, at once if it was added meanwhile, but never before AT_LEAST has passed.
  void failed(const kube::ObjectKey& key, Instant now, Duration atLeast);
  // When take() will next give something: now or earlier, later, or never (Instant::max()).
  Instant nextDue() const { return order_.empty() ? Instant::max() : order_.begin()->first.at; }
  size_t depth() const { return due_.size(); }  // keys waiting, delayed ones included
  size_t ready(Instant now) const;              // keys that take() would give
  size_t working() const { return working_.size(); }
  bool isHeld(const kube::ObjectKey& key) const { return working_.contains(key); }

 private:
  struct Order {
    Instant at;
    uint64_t sequence;
    auto operator<=>(const Order&) const = default;
  };
  struct Failures {
    unsigned count = 0;
    Instant notBefore = Instant::min();
  };

  void schedule(const kube::ObjectKey& key, Instant at);
  std::optional<Instant> release(const kube::ObjectKey& key);

  BackoffPolicy policy_;
  Random random_;
  uint64_t sequence_ = 0;
  std::map<Order, kube::ObjectKey> order_;
  std::map<kube::ObjectKey, Order> due_;
  std::map<kube::ObjectKey, std::optional<Instant>>
      working_;  // with when to come again, if it was added meanwhile
  std::map<kube::ObjectKey, Failures> failures_;
};

}  // namespace cloister::runtime
