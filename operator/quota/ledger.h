// What a SandboxQuota counts over time: the creations of the last minute, and the hours of a day. Pure.
#pragma once

#include <vector>

#include "api/quota.h"

namespace cloister::quota {

// Creations are counted in steps of five seconds, each for as long as one of them may lie within the last
// minute.
inline constexpr Duration creationStep = seconds(5);
inline constexpr Duration creationMemory = std::chrono::minutes(1) + creationStep;

// RECENT without what is older than that. What seems to come from the future, since the clock was set back,
// is of now.
std::vector<api::QuotaStep> forgotten(const std::vector<api::QuotaStep>& recent, Time now);
// COUNT more at NOW; RECENT was forgotten().
void addCreations(std::vector<api::QuotaStep>& recent, int count, Time now);
int creations(const std::vector<api::QuotaStep>& recent);

// Hours that sandboxes have run on one day, exactly.
struct Hours {
  Time day = {};
  Duration spent = {};
  Time asOf = {};
};
Hours read(const api::QuotaHours& hours);
api::QuotaHours written(const Hours& hours);
// BEGINS: since when each of the sandboxes runs that ran at some time since HOURS was counted.
Hours advanced(const Hours& hours, const std::vector<Time>& begins, Time now);
Time nextDay(Time now);

}  // namespace cloister::quota
