// What an object says, apart from what is said of it.
#pragma once

namespace cloister {

// Both are null, or the same object, whose spec says the same: they differ in their statuses, if at all.
template <class T>
bool saySame(const T* one, const T* other) {
  if (one == nullptr || other == nullptr) return one == other;
  return one == other || (one->metadata.uid == other->metadata.uid && one->unreadable == other->unreadable &&
                          one->spec == other->spec);
}

}  // namespace cloister
