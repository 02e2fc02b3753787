#include "json/merge_patch.h"

namespace cloister::json {

object mergePatch(const object& from, const object& to) {
  object patch;
  for (const auto& [key, before] : from) {
    if (!to.contains(key)) patch[key] = nullptr;
  }
  for (const auto& [key, after] : to) {
    const value* before = from.if_contains(key);
    if (before != nullptr && *before == after) continue;
    if (before != nullptr && before->is_object() && after.is_object()) {
      patch[key] = mergePatch(before->get_object(), after.get_object());
    } else {
      patch[key] = after;
    }
  }
  return patch;
}

}  // namespace cloister::json
