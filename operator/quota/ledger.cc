#include "operator/quota/ledger.h"

#include <algorithm>

namespace cloister::quota {
namespace {

Time dayOf(Time now) {
  return std::chrono::floor<std::chrono::days>(now);
}

}  // namespace

std::vector<api::QuotaStep> forgotten(const std::vector<api::QuotaStep>& recent, Time now) {
  std::vector<api::QuotaStep> left;
  for (const api::QuotaStep& step : recent) {
    if (step.at > now)
      addCreations(left, step.count, now);
    else if (step.at + creationMemory > now)
      left.push_back(step);
  }
  return left;
}

void addCreations(std::vector<api::QuotaStep>& recent, int count, Time now) {
  const Time at = Time(now.time_since_epoch() / creationStep * creationStep);
  const auto step = std::ranges::find(recent, at, &api::QuotaStep::at);
  if (step != recent.end())
    step->count += count;
  else
    recent.push_back({.at = at, .count = count});
}

int creations(const std::vector<api::QuotaStep>& recent) {
  int sum = 0;
  for (const api::QuotaStep& step : recent) sum += step.count;
  return sum;
}

Hours read(const api::QuotaHours& hours) {
  return {.day = hours.day, .spent = seconds(hours.seconds), .asOf = hours.asOf};
}

api::QuotaHours written(const Hours& hours) {
  return {.day = hours.day,
          .seconds = std::chrono::floor<seconds>(hours.spent).count(),
          .asOf = std::chrono::floor<seconds>(hours.asOf)};
}

Hours advanced(const Hours& hours, const std::vector<Time>& begins, Time now) {
  Hours out{.day = dayOf(now), .asOf = now};
  if (hours.day == out.day) out.spent = hours.spent;
  const Time counted = std::max(hours.asOf, out.day);
  for (const Time begin : begins) out.spent += std::max(Duration(0), now - std::max(counted, begin));
  return out;
}

Time nextDay(Time now) {
  return dayOf(now) + std::chrono::days(1);
}

}  // namespace cloister::quota
