#include "operator/quota/amount.h"

namespace cloister::quota {
namespace {

// None: no limit.
std::optional<int64_t> most(Limit limit, const api::SandboxQuotaSpec& spec) {
  switch (limit) {
    case Limit::Running:
      return spec.running;
    case Limit::Cpu:
      return parseMilli(spec.cpu.text);
    case Limit::Memory:
      return parseUnits(spec.memory.text);
    case Limit::Disk:
      return parseUnits(spec.disk.text);
    case Limit::Creations:
      return spec.creationsPerMinute;
    case Limit::Hours:
      return spec.sandboxHoursPerDay;
  }
  return std::nullopt;
}

constexpr Limit ofPods[] = {Limit::Running, Limit::Cpu, Limit::Memory, Limit::Disk};

int64_t part(Limit limit, const Amount& amount) {
  switch (limit) {
    case Limit::Running:
      return amount.pods;
    case Limit::Cpu:
      return amount.limits.cpuMilli;
    case Limit::Memory:
      return amount.limits.memoryBytes;
    case Limit::Disk:
      return amount.limits.diskBytes;
    default:
      return 0;
  }
}

}  // namespace

Amount& Amount::operator+=(const Amount& more) {
  pods += more.pods;
  limits.cpuMilli += more.limits.cpuMilli;
  limits.memoryBytes += more.limits.memoryBytes;
  limits.diskBytes += more.limits.diskBytes;
  return *this;
}

Amount& Amount::operator-=(const Amount& less) {
  pods -= less.pods;
  limits.cpuMilli -= less.limits.cpuMilli;
  limits.memoryBytes -= less.limits.memoryBytes;
  limits.diskBytes -= less.limits.diskBytes;
  return *this;
}

std::string nameOf(Limit limit) {
  constexpr const char* names[] = {"running",           "cpu", "memory", "disk", "creationsPerMinute",
                                   "sandboxHoursPerDay"};
  return std::string("spec.") + names[int(limit)];
}

std::string valueOf(Limit limit, const api::SandboxQuotaSpec& spec) {
  if (limit == Limit::Cpu) return spec.cpu.text;
  if (limit == Limit::Memory) return spec.memory.text;
  if (limit == Limit::Disk) return spec.disk.text;
  return std::to_string(most(limit, spec).value_or(0));
}

bool boundsRoom(const api::SandboxQuotaSpec& spec) {
  return std::ranges::any_of(ofPods, [&](Limit limit) { return most(limit, spec).has_value(); });
}

std::optional<Limit> exceeded(const api::SandboxQuotaSpec& spec, const Amount& used, const Amount& more) {
  for (const Limit limit : ofPods) {
    const std::optional<int64_t> bound = most(limit, spec);
    if (bound && part(limit, more) > 0 && part(limit, used) > *bound - part(limit, more)) return limit;
  }
  return std::nullopt;
}

Quantity cores(int64_t milli) {
  return {milli % 1000 == 0 ? std::to_string(milli / 1000) : std::to_string(milli) + "m"};
}

Quantity bytes(int64_t count) {
  constexpr const char* units[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi"};
  size_t unit = 0;
  for (; count != 0 && count % 1024 == 0 && unit + 1 < std::size(units); ++unit) count /= 1024;
  return {std::to_string(count) + units[unit]};
}

Amount amountOf(const api::Pod& pod) {
  return {.pods = 1, .limits = pod.spec.containers};
}

Amount amountOf(const api::QuotaGrant& grant) {
  if (grant.pod.empty()) return {};
  return {.pods = 1,
          .limits = {.cpuMilli = parseMilli(grant.cpu.text).value_or(0),
                     .memoryBytes = parseUnits(grant.memory.text).value_or(0),
                     .diskBytes = parseUnits(grant.disk.text).value_or(0)}};
}

}  // namespace cloister::quota
