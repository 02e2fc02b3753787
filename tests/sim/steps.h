// What the steps of a script have in common.
#pragma once

#include "tests/sim/script.h"
#include "tests/support/apiserver/storage.h"

namespace cloister::sim {

// Users' finalizer.
inline constexpr const char* pin = "example.com/pin";
// Whose label "of" tells what somebody has made under a name that the operator needs.
inline constexpr const char* somebody = "somebody";

inline std::string namespaceOf(const Step& step) {
  return "team-" + std::to_string(step.which % 2);
}

inline test::ObjectId sandboxOf(const Step& step) {
  return {"sandboxes", {namespaceOf(step), "s" + std::to_string(step.which)}};
}

// Of a step that takes or drops one.
inline test::ObjectId snapshotOf(const Step& step) {
  return {"sandboxsnapshots", {namespaceOf(step), "u" + std::to_string(step.count)}};
}

inline json::value strangersPod(const std::string& namespace_, const std::string& name) {
  return {{"metadata", {{"name", name}, {"namespace", namespace_}}},
          {"spec", {{"containers", json::array{{{"name", "main"}, {"image", "runs"}}}}}}};
}

}  // namespace cloister::sim
