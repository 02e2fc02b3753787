// The rest of a cluster, simulated: a scheduler, kubelets, and the controllers that Kubernetes brings.
#pragma once

#include <map>
#include <set>

#include "tests/sim/dice.h"
#include "tests/support/apiserver/api_server.h"
#include "tests/support/sim_clock.h"

namespace cloister::sim {

// Binds pods to nodes, starts and ends them, as their images tell (images.h).
class Kubelets {
 public:
  static constexpr int nodes = 3;

  // With the nodes' agents (node/agent), which answer those who ask.
  Kubelets(test::SimClock& clock, test::ApiServer& server, uint64_t seed);

  // The pod ends. HOW: an End, or "spared": somebody who wanted its place has given up.
  void end(const test::ObjectId& pod, const std::string& how);
  // The node does nothing until it is back, and the cluster notices.
  void lose(int node, Duration span);
  // The scheduler binds nothing to the node until then.
  void cordon(int node, Duration span);
  void uncordonAll();
  bool allUp() const { return lost_.empty(); }
  bool isUp(const std::string& node) const { return !lost_.contains(node); }
  // From now on nothing that is held ends by itself.
  void calm() { calm_ = true; }

  // The processes of POD's image, which was held, run from now on; RESTORED: they go on from a snapshot.
  std::function<void(const json::value& pod, bool restored)> onBegin;
  // ... and those of POD's, which was not held and is to begin from a golden snapshot, go on from one.
  std::function<void(const json::value& pod)> onRestored;

 private:
  void changed(const test::Change& change);
  void bind(const test::ObjectId& pod);
  void start(const test::ObjectId& pod);
  void recordEvent(const test::ObjectId& pod, const struct Image& image);
  void run(const test::ObjectId& pod);
  void endInTime(const test::ObjectId& pod, const struct Image& image);
  void freeze(const test::ObjectId& pod);
  std::optional<bool> mayStart(const test::ObjectId& pod);
  std::optional<bool> mayBegin(const json::value& pod);
  void hold(const test::ObjectId& id, const json::value& pod);
  bool waits(const json::value& pod) const;
  void heldChanged(const test::Change& change);
  void askSoon(const test::ObjectId& pod, const std::string& uid, Duration least, Duration most);
  void ask(const test::ObjectId& pod, const std::string& uid);
  void tellHeld(const test::ObjectId& pod, bool held);
  void tellBegun(const test::ObjectId& pod, const std::string& uid);
  void stop(const test::ObjectId& pod);
  bool nodeIsUp(const test::ObjectId& pod) const;
  void setCordoned(const std::string& node, bool cordoned);
  void setNodeReady(int node, bool ready);
  void later(Duration least, Duration most, std::function<void()> what);
  void laterFor(const test::ObjectId& pod, Duration least, Duration most, std::function<void()> what);

  test::SimClock& clock_;
  test::ApiServer& server_;
  Dice dice_;
  std::set<std::string> lost_;
  std::set<std::string> cordoned_;
  bool calm_ = false;
  struct Held {
    bool asks = false;  // when it may begin
    bool begun = false;
  };
  std::map<std::string, Held> held_;  // pods that were not started when they were to be, by their uids
  enum class Root { Started, Unasked, Restored };
  std::map<std::string, Root> roots_;  // what became of the root container of a pod, by its uid
};

// The garbage collector and the namespace controller, each taking its time.
class Janitors {
 public:
  Janitors(test::SimClock& clock, test::ApiServer& server, uint64_t seed);

 private:
  void changed(const test::Change& change);
  void sweep();
  void orphan(const test::Object& owner);
  bool hasOwner(const json::value& dependent) const;
  bool hasDependents(const json::value& owner) const;
  void empty(const std::string& namespace_);
  void soonSweep();

  test::SimClock& clock_;
  test::ApiServer& server_;
  Dice dice_;
  bool sweeping_ = false;
};

}  // namespace cloister::sim
