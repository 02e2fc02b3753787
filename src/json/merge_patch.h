#pragma once

#include "json/codec.h"

namespace cloister::json {

// The JSON merge patch (RFC 7386) that turns FROM into TO; an empty object when they are equal. Lists are
// replaced whole. TO must not contain nulls inside objects: a merge patch cannot say them.
object mergePatch(const object& from, const object& to);

}  // namespace cloister::json
