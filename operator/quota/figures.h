// What is told Prometheus of the SandboxQuotas, as their status says. Pure.
#pragma once

#include "api/quota.h"

namespace cloister::quota {

// By the spec's name of the limit ("running", "cpu"), in cores, bytes, objects and hours.
std::map<std::string, double> figuresOf(const api::QuotaAmounts& amounts);

}  // namespace cloister::quota
