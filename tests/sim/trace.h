// What happened, in order: kept for people when asked for, and always summed up in a hash, which tells
// whether two runs were the same.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace cloister::sim {

class Trace {
 public:
  Trace(const Clock& clock, bool keep) : clock_(clock), keep_(keep) {}

  void add(std::string_view actor, std::string_view text);
  const std::vector<std::string>& lines() const { return lines_; }
  uint64_t hash() const { return hash_; }

 private:
  void mix(std::string_view bytes);

  const Clock& clock_;
  bool keep_;
  std::vector<std::string> lines_;
  uint64_t hash_ = 0xcbf29ce484222325ULL;
};

}  // namespace cloister::sim
