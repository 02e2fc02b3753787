// What the load generator is asked to do, and what it answers; both are JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "json/codec.h"

namespace cloister::bench {

struct Kind {
  std::string group;
  std::string version;
  std::string plural;
  std::string kind;
};
BOOST_DESCRIBE_STRUCT(Kind, (), (group, version, plural, kind))

// For starts without a controller: the load generator itself makes a warm start's writes.
struct BarePlan {
  json::object labels;  // of a pod once it is taken
  json::object status;  // of a Sandbox that is Ready; podName and podUID are put in
  json::object pod;     // a warm one, with a generateName and labels; the refill
};
BOOST_DESCRIBE_STRUCT(BarePlan, (), (labels, status, pod))

struct Plan {
  Kind kind;
  std::string namespace_;
  std::string prefix;   // of the objects' names; PREFIX0, PREFIX1, ...
  json::object object;  // what is created, without its name
  double rate = 0;      // starts per second, evenly spaced, whether earlier ones are Ready or not
  int count = 0;
  double limitSeconds = 0;  // how long to wait for the last one
  std::optional<BarePlan> bare;
};
BOOST_DESCRIBE_STRUCT(Plan, (), (kind, namespace_, prefix, object, rate, count, limitSeconds, bare))

// Milliseconds since the load began.
struct Start {
  double due = 0;
  double posted = 0;                 // just before the POST: later than due when the generator itself lags
  std::optional<double> ready = {};  // when the watch told it; absent: not within the limit
};
BOOST_DESCRIBE_STRUCT(Start, (), (due, posted, ready))

struct Answer {
  std::vector<Start> starts;
  int writes = 0;     // requests of its own
  int conflicts = 0;  // of them, answered 409, or 422 by a JSON patch's test
  int failures = 0;   // of them, that failed otherwise
  double cpuMs = 0;   // of this process
};
BOOST_DESCRIBE_STRUCT(Answer, (), (starts, writes, conflicts, failures, cpuMs))

}  // namespace cloister::bench
