// Kubernetes Events: what a person should see of an object, with `kubectl describe` or `kubectl get events`.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "kube/client.h"
#include "runtime/event_book.h"

namespace cloister::runtime {

// Sends notes in the background: record() never waits, and what cannot be sent after a few tries is dropped
// and counted. Repeated notes are counted on one Event; an object gets a burst of 10 and then one per 5
// minutes.
class EventRecorder {
 public:
  static constexpr size_t longestQueue = 1000;  // then the oldest is dropped

  // COMPONENT is told as the source of the Events, INSTANCE tells its replicas apart.
  EventRecorder(kube::Client& client, Clock& clock, std::string component, std::string instance);

  void record(EventNote note);
  Task<void> run();
  // Notes that did not become an Event: too many of one object, too many at once, or refused by the server.
  uint64_t dropped() const { return dropped_; }

 private:
  enum class Sent { Done, Missing, TryAgain, Refused };

  Task<void> send(EventNote note);
  Task<Sent> attempt(EventBook::Write write);
  void drop(const EventNote& note, std::string_view why);

  kube::Client& client_;
  Clock& clock_;
  EventBook book_;
  std::deque<EventNote> queue_;
  std::unique_ptr<Timer> timer_;
  uint64_t dropped_ = 0;
};

}  // namespace cloister::runtime
