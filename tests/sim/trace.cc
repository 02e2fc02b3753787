#include "tests/sim/trace.h"

#include <cstdio>

namespace cloister::sim {

void Trace::add(std::string_view actor, std::string_view text) {
  const int64_t micros = clock_.instant().time_since_epoch().count();
  mix({reinterpret_cast<const char*>(&micros), sizeof micros});
  mix(actor);
  mix(text);
  if (!keep_ || text.contains("leases/")) return;  // renewals are most of a run, and say little
  char head[64];
  std::snprintf(head, sizeof head, "%11.6f %-12.*s ", double(micros) / 1e6, int(actor.size()), actor.data());
  lines_.push_back(head + std::string(text));
}

// FNV-1a.
void Trace::mix(std::string_view bytes) {
  for (const char byte : bytes) hash_ = (hash_ ^ uint8_t(byte)) * 0x100000001b3ULL;
}

}  // namespace cloister::sim
