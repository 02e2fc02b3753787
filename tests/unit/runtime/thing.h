// A small kind for the tests of the runtime.
#pragma once

#include "api/meta.h"

namespace cloister::runtime::test {

struct ThingSpec {
  std::string colour;
  int size = 0;
  bool operator==(const ThingSpec&) const = default;
};
BOOST_DESCRIBE_STRUCT(ThingSpec, (), (colour, size))

struct Thing {
  api::ObjectMeta metadata;
  ThingSpec spec;
  bool operator==(const Thing&) const = default;
};
BOOST_DESCRIBE_STRUCT(Thing, (), (metadata, spec))

inline Thing thing(std::string name, int version, std::string colour = "red", std::string uid = "") {
  Thing made;
  made.metadata.namespace_ = "ns";
  made.metadata.uid = uid.empty() ? name + "-uid" : std::move(uid);
  made.metadata.name = std::move(name);
  made.metadata.resourceVersion = std::to_string(version);
  made.spec.colour = std::move(colour);
  return made;
}

inline Thing in(std::string namespace_, Thing thing) {
  thing.metadata.namespace_ = std::move(namespace_);
  return thing;
}

}  // namespace cloister::runtime::test
