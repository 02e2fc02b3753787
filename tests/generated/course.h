// Courses: the specs that one Sandbox gets, one after the other.
#pragma once

#include "tests/generated/values.h"

namespace cloister::generated {

// One step of a course.
struct Stop {
  enum class Kind { Whole, Change, Back };
  Kind kind = Kind::Whole;
  std::string path = {};                  // of the property that is changed; empty for the spec as a whole
  std::string name = {};                  // for people
  std::optional<json::value> value = {};  // the new spec (Whole), or the property's (Change)
};

struct Course {
  std::string name;  // for people
  std::vector<Stop> stops;
};

// SPEC with the property at PATH set to VALUE, or removed. What is missing around it is made up; of a list
// its first item is meant, of a map its first key.
json::value changed(json::value spec, const Schema& schema, const std::string& path,
                    const std::optional<json::value>& value);

// WORKING with each value of PROPERTY in turn: a Sandbox created so, put right, and changed so again.
std::vector<Course> sweep(const Schema& schema, const json::value& working, const Property& property);

// The spec in FILE (YAML). Throws when it cannot be read.
json::value readSpec(const std::string& file);

// From a seed: a Sandbox, some changes of it, one upon the other, and all the way back.
Course walk(uint64_t seed, const Schema& schema, const json::value& working);
// How many the environment's WALKS asks for, if it does: this is a long run.
std::optional<uint64_t> walksWanted();
// ... so many, or else COUNT.
std::vector<Course> walks(uint64_t count, const Schema& schema, const json::value& working);

}  // namespace cloister::generated
