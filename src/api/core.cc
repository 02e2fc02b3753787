#include "api/core.h"

namespace cloister::api {
namespace {

constexpr const char* cpu = "cpu";
constexpr const char* memory = "memory";
constexpr const char* disk = "ephemeral-storage";

}  // namespace

// What says nothing, or nothing that can be read, limits nothing: a pod is never unreadable for it.
Result<void> read(const json::value& v, ContainerLimits& out, json::detail::Context) {
  if (!v.is_array()) return json::detail::wrongType("list", v);
  for (const json::value& container : v.get_array()) {
    const json::value* limits = json::find(container, "resources.limits");
    if (limits == nullptr) continue;
    const auto limit = [limits](const char* name) { return json::findString(*limits, name); };
    out.cpuMilli += parseMilli(limit(cpu)).value_or(0);
    out.memoryBytes += parseUnits(limit(memory)).value_or(0);
    out.diskBytes += parseUnits(limit(disk)).value_or(0);
  }
  return {};
}

json::value write(const ContainerLimits& limits) {
  return json::array{{{"resources",
                       {{"limits",
                         {{cpu, std::to_string(limits.cpuMilli) + "m"},
                          {memory, std::to_string(limits.memoryBytes)},
                          {disk, std::to_string(limits.diskBytes)}}}}}}};
}

const PodCondition* findPodCondition(const Pod& pod, std::string_view type) {
  const auto found = std::ranges::find(pod.status.conditions, type, &PodCondition::type);
  return found == pod.status.conditions.end() ? nullptr : &*found;
}

}  // namespace cloister::api
