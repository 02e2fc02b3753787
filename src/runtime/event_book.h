// Which Events to write for what happens: repetitions are counted on one Event, and no object gets too many.
// Without I/O. Like client-go's EventCorrelator (k8s.io/client-go/tools/record), with Events of the core
// group as it writes them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "api/meta.h"

namespace cloister::runtime {

struct EventNote {
  kube::Resource resource;      // of the object
  api::ObjectMeta object = {};  // name, namespace and uid are used
  bool warning = false;
  std::string reason = {};   // CamelCase; at most 128 bytes are kept
  std::string message = {};  // at most 1024 bytes are kept
};

class EventBook {
 public:
  static constexpr double burst = 10;                          // Events of one object at once
  static constexpr Duration refill = std::chrono::minutes(5);  // and then one in this time
  static constexpr Duration repetitionWindow =
      std::chrono::minutes(10);            // later, a repetition is a new Event
  static constexpr size_t largest = 4096;  // objects, and Events, remembered

  struct Write {
    kube::ObjectKey key;  // of the Event
    bool create = true;
    json::value body;  // the Event, or a merge patch
  };

  // COMPONENT is told as the source, INSTANCE tells its replicas apart.
  EventBook(std::string component, std::string instance)
      : component_(std::move(component)), instance_(std::move(instance)) {}

  // True when NOTE's object may have another Event, which is then taken from its share.
  bool admit(const EventNote& note, Instant now);
  Write write(const EventNote& note, Instant now, Time wall);
  // The Event for such a note is not there, or not known to be: the next is a new one.
  void forget(const EventNote& note);

 private:
  using Kind = std::tuple<std::string, bool, std::string, std::string>;  // uid, warning, reason, message
  struct Share {
    double left = burst;
    Instant at;
  };
  struct Series {
    kube::ObjectKey key;
    int count = 0;
    Instant last;
  };

  static Kind kindOf(const EventNote& note);
  json::value event(const EventNote& note, const kube::ObjectKey& key, Time wall) const;
  kube::ObjectKey keyFor(const EventNote& note, Time wall) const;

  std::string component_;
  std::string instance_;
  std::map<std::string, Share> shares_;  // by uid
  std::map<Kind, Series> series_;
};

}  // namespace cloister::runtime
