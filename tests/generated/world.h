// A cluster with the operator in it, as its user meets it: simulated or real.
#pragma once

#include <functional>
#include <memory>

#include "json/codec.h"

namespace cloister::generated {

using Object = std::shared_ptr<const json::value>;

struct Answer {
  bool accepted = false;
  int status = 0;
  json::value body;  // the Sandbox as it is stored, or a metav1.Status
};

class World {
 public:
  virtual ~World() = default;

  // Creates the Sandbox NAME, or replaces its spec when it is there.
  virtual Answer apply(const std::string& name, const json::value& spec) = 0;
  virtual void remove(const std::string& name) = 0;
  // The objects of one kind, all in one namespace.
  virtual std::vector<Object> list(const std::string& plural) = 0;
  // Goes on until REACHED says so. False when it did not within the time that the operator may take.
  virtual bool waitUntil(const std::function<bool()>& reached) = 0;
  // Goes on until the operator has written nothing for as long as it takes to look at everything once more.
  // False when that does not come.
  virtual bool rest() = 0;
  // What was wrong besides, since the last call: a broken invariant, a line in the log.
  virtual std::vector<std::string> complaints() = 0;
  // Whether the CRD's schema and rules are in force.
  virtual bool validates() const = 0;
};

}  // namespace cloister::generated
