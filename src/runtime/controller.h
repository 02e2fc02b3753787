// Runs a reconcile function on the keys of a queue: WORKERS at a time, one per key, with backoff.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/task_group.h"
#include "runtime/queue.h"

namespace cloister::runtime {

struct Outcome {
  std::optional<Time> again =
      {};  // wall-clock time to look at the object again; none: when something changes
  // What failed, though the rest was done: the key comes again after its backoff, or at AGAIN if that is
  // sooner.
  std::optional<Error> failure = {};
};

// One finished reconcile, for metrics.
struct ReconcileRecord {
  std::string_view controller;
  bool succeeded = false;
  Duration took = {};
};

class Controller {
 public:
  struct Options {
    std::string name;
    unsigned workers = 4;
    BackoffPolicy backoff = {};
    uint64_t seed = 0;
  };
  // ID numbers the reconciles of this process, for logs. An error brings the key again, after its backoff.
  using Reconcile = std::function<Task<Result<Outcome>>(kube::ObjectKey key, uint64_t id)>;
  // While this is false no key is handed out: a store behind the reconcile cannot be trusted.
  using Gate = std::function<bool()>;

  // Outcomes name times of the wall clock. That it was set is noticed within this time and before a time is
  // reckoned by it, and then every key is looked at; until then, and if it was set by less than the
  // tolerance, they come that much early or late.
  static constexpr Duration clockPeriod = seconds(60);
  static constexpr Duration clockTolerance = milliseconds(100);
  // A key is looked at again after this time at the latest.
  static constexpr Duration longestWait = std::chrono::hours(24);
  // ... and after this time at the earliest: a reconcile that always asks for the past must not starve the
  // others.
  static constexpr Duration shortestWait = milliseconds(5);

  Controller(Options options, Clock& clock, Reconcile reconcile, Gate gate);

  void add(const kube::ObjectKey& key) { addAfter(key, {}); }
  // Looks at KEY when DELAY has passed, or earlier if it was due earlier: one look for much that happens.
  void addAfter(const kube::ObjectKey& key, Duration delay);
  void gateChanged();  // look at the gate again
  void onReconcile(std::function<void(const ReconcileRecord&)> observer) { observer_ = std::move(observer); }
  // Starts the workers in GROUP, once.
  void start(TaskGroup& group);
  const Queue& queue() const { return queue_; }

 private:
  Task<void> work(size_t worker);
  Task<void> watchClock();
  Duration ahead() const;
  bool isSetSince(Duration ahead) const;
  void noticeClock();
  Task<void> reconcileOne(kube::ObjectKey key);
  void finish(const kube::ObjectKey& key, uint64_t id, const Result<Outcome>& result, Duration ahead);
  void wakeOne();

  struct Worker {
    std::unique_ptr<Timer> timer;
    bool idle = false;
    Instant until = {};  // waits, while it is idle
  };

  Options options_;
  Clock& clock_;
  Reconcile reconcile_;
  Gate gate_;
  Queue queue_;
  std::vector<Worker> workers_;
  uint64_t nextId_ = 1;
  Duration ahead_ = {};  // that every time in the queue was reckoned with
  std::function<void(const ReconcileRecord&)> observer_;
};

}  // namespace cloister::runtime
