#include "runtime/pace.h"

#include <algorithm>

namespace cloister::runtime {

Duration Pace::take(const kube::ObjectKey& key, Instant now) {
  Instant& whole = whole_.try_emplace(key, now).first->second;
  const Instant earliest = whole - (options_.burst - 1) * options_.interval;
  if (earliest > now) return earliest - now;
  const double factor = 1 + options_.jitter * (2 * random_.fraction() - 1);
  whole = std::max(whole, now) + std::chrono::duration_cast<Duration>(options_.interval * factor);
  if (whole_.size() >= bound_) {
    std::erase_if(whole_, [&](const auto& entry) { return entry.second <= now; });
    bound_ = std::max(size_t(64), 2 * whole_.size());
  }
  return {};
}

}  // namespace cloister::runtime
