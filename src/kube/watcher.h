// List, then watch, and again: keeps the view of one kind up to date for ever. When to list, to watch and to
// wait is decided by a state machine without I/O (Watcher); runWatcher carries out what it says. Source:
// https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
#pragma once

#include <string>
#include <variant>

#include "base/backoff.h"
#include "kube/client.h"

namespace cloister::kube {

// What to keep a view of.
struct WatchTarget {
  Resource resource;
  std::string namespace_ = {};  // empty: every namespace
  std::string labelSelector = {};
  std::string fieldSelector = {};
};

struct WatcherOptions {
  int pageSize = 100;
  Duration timeout = std::chrono::minutes(5);  // the server ends each watch then, and sends bookmarks before
  Duration grace = seconds(30);                // silent for TIMEOUT + GRACE: the connection is dead
  BackoffPolicy backoff = {milliseconds(200), seconds(30), 2, 0.5};
  uint64_t seed = 0;
};

// Receives the view. Nothing here waits, so what a sink sees between two calls is consistent.
class Sink {
 public:
  virtual ~Sink() = default;
  // A list begins: pages of an earlier list that did not end are void.
  virtual void beginList() = 0;
  virtual void page(json::array items) = 0;
  // The pages since beginList are all there is at RESOURCE_VERSION.
  virtual void endList(std::string_view resourceVersion) = 0;
  // Events, in the server's order and none from before the list.
  virtual void put(json::value object) = 0;
  virtual void erase(json::value last) = 0;  // the object as it was when it went
  // There is nothing else up to RESOURCE_VERSION.
  virtual void reached(std::string_view resourceVersion) { (void)resourceVersion; }
  // Whether the view is up to date: listed, and a watch is established. False at first; told when it changes.
  virtual void current(bool current) = 0;
};

// What to do next. The outcome is the next input.
namespace watcher {

struct List {
  std::string continueToken;  // empty: from the beginning
};
struct OpenWatch {
  std::string resourceVersion;
};
struct ReadEvent {
  Duration idle;  // the longest silence
};
struct Wait {
  Duration duration;
};
using Action = std::variant<List, OpenWatch, ReadEvent, Wait>;

struct Started {};
struct Listed {
  std::string resourceVersion;
  std::string continueToken;
};
struct Opened {};
struct Received {
  std::string resourceVersion;
};
struct Failed {
  Error error;
};
struct Waited {};
using Input = std::variant<Started, Listed, Opened, Received, Failed, Waited>;

}  // namespace watcher

class Watcher {
 public:
  enum class State {
    Empty,    // nothing usable: the next try lists from the beginning
    Listing,  // in the middle of a list
    Listed,   // the place in the history is known, no watch is established
    Watching,
  };

  explicit Watcher(WatcherOptions options) : options_(options), random_(options.seed) {}

  // Never two actions at a time; an input that does not answer the last action is a bug.
  watcher::Action step(const watcher::Input& input);

  State state() const { return state_; }
  bool current() const { return state_ == State::Watching; }
  // True when an event with RESOURCE_VERSION lies before what was seen: it is a repetition and must not be
  // applied.
  bool isPast(std::string_view resourceVersion) const;

 private:
  watcher::Action on(const watcher::Started&);
  watcher::Action on(const watcher::Listed& page);
  watcher::Action on(const watcher::Opened&);
  watcher::Action on(const watcher::Received& event);
  watcher::Action on(const watcher::Failed& failure);
  watcher::Action on(const watcher::Waited&);
  watcher::Action resume();

  WatcherOptions options_;
  Random random_;
  State state_ = State::Empty;
  std::string resourceVersion_;  // of the list, then of the last event
  unsigned failures_ = 0;        // since something was learned
};

// Keeps SINK up to date until it is cancelled. CLIENT, CLOCK and SINK must outlive it.
Task<void> runWatcher(Client& client, Clock& clock, WatchTarget target, WatcherOptions options, Sink& sink);

}  // namespace cloister::kube
