#include "runtime/store.h"

#include <charconv>

namespace cloister::runtime {

uint64_t versionNumber(std::string_view resourceVersion) {
  uint64_t number = 0;
  const char* last = resourceVersion.data() + resourceVersion.size();
  const auto [end, error] = std::from_chars(resourceVersion.data(), last, number);
  return error == std::errc() && end == last ? number : 0;
}

}  // namespace cloister::runtime
