// How a PATCH changes an object.
#pragma once

#include "json/codec.h"

namespace cloister::test {

// A == B, which in Boost 1.81 copies each member to compare it.
bool isSame(const json::value& a, const json::value& b);

// RFC 7386.
void applyMergePatch(json::value& object, const json::value& patch);

// As a merge patch; but conditions are merged by their type.
void applyStrategicPatch(json::value& object, const json::value& patch);

// RFC 6902: add, remove, replace and test, of members. As the API server does it, replace also adds.
// InvalidInput when it does not fit OBJECT, whose state is then undefined.
Result<void> applyJsonPatch(json::value& object, const json::value& patch);

}  // namespace cloister::test
