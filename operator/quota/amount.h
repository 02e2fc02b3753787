// What a SandboxQuota counts of pods, and how much of it there may be. Pure.
#pragma once

#include <optional>
#include <string>

#include "api/quota.h"

namespace cloister::quota {

// Of one pod, or of many together.
struct Amount {
  int64_t pods = 0;
  api::ContainerLimits limits = {};
  bool operator==(const Amount&) const = default;
  Amount& operator+=(const Amount& more);
  Amount& operator-=(const Amount& less);
};

// The fields of the spec that can be in the way.
enum class Limit { Running, Cpu, Memory, Disk, Creations, Hours };
// "spec.cpu".
std::string nameOf(Limit limit);
// As SPEC says it: "4", "256Gi".
std::string valueOf(Limit limit, const api::SandboxQuotaSpec& spec);

// SPEC bounds what pods use at a time.
bool boundsRoom(const api::SandboxQuotaSpec& spec);
// The first limit of SPEC that USED and MORE are above, of those that MORE adds to.
std::optional<Limit> exceeded(const api::SandboxQuotaSpec& spec, const Amount& used, const Amount& more);

// As a quantity's text, in the largest unit that needs no fraction.
Quantity cores(int64_t milli);
Quantity bytes(int64_t count);

Amount amountOf(const api::Pod& pod);
Amount amountOf(const api::QuotaGrant& grant);

}  // namespace cloister::quota
