// Values for a property: ordinary ones, those at its bounds and just outside, and hostile ones. What the text
// of a rule tells (which functions it calls, what it compares with) is used as well.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/generated/schema.h"

namespace cloister::generated {

struct Candidate {
  std::string name;                  // "just above the largest"
  std::optional<json::value> value;  // nothing: the property is absent
};

// An ordinary value. Different NUMBERs give different ones where the type has that many.
json::value example(const json::object& schema, int number = 0);

std::vector<Candidate> candidates(const json::object& schema);

}  // namespace cloister::generated
