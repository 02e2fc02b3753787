// The figures of this process that every Prometheus client exports.
// Source: https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace cloister::runtime {

struct ProcessFigures {
  double cpuSeconds = 0;
  double startTime = 0;  // seconds since 1970
  uint64_t residentBytes = 0;
  uint64_t virtualBytes = 0;
  uint64_t openFiles = 0;
  uint64_t mostFiles = 0;
};

// From the texts of /proc/self/stat and /proc/stat (proc(5)): all but the files.
Result<ProcessFigures> parseProcess(std::string_view ownStat, std::string_view systemStat,
                                    int64_t ticksPerSecond, int64_t pageSize);
// Errc::Internal without a /proc.
Result<ProcessFigures> readProcess();

}  // namespace cloister::runtime
