// The switch that the generated sources ask: which one mutant is at work in this process.
//
// The environment says so: CLOISTER_MUTANT is its number (none: the program is as it ships),
// CLOISTER_MUTANTS_MET names a file that gets the numbers of all mutants whose place was passed, one per
// line, at the end.
#pragma once

#include <array>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <string>

namespace cloister::mutants {

inline constexpr int most = 4096;

class Switch {
 public:
  Switch() {
    if (const char* number = std::getenv("CLOISTER_MUTANT")) active_ = std::atoi(number);
    if (const char* path = std::getenv("CLOISTER_MUTANTS_MET")) path_ = path;
  }
  ~Switch() {
    if (path_.empty()) return;
    std::ofstream out(path_);
    for (int number = 0; number < most; ++number) {
      if (met_[size_t(number)]) out << number << '\n';
    }
  }
  Switch(const Switch&) = delete;
  Switch& operator=(const Switch&) = delete;

  bool on(int number) {
    if (!path_.empty()) met_[size_t(number)].store(true, std::memory_order_relaxed);
    return number == active_;
  }

 private:
  int active_ = -1;
  std::string path_;
  std::array<std::atomic<bool>, most> met_ = {};
};

inline bool on(int number) {
  static Switch chosen;
  return chosen.on(number);
}

}  // namespace cloister::mutants
