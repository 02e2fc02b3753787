#include "tests/support/apiserver/selector.h"

#include <algorithm>
#include <ranges>

namespace cloister::test {

Selector::Selector(std::string_view labels, std::string_view fields)
    : labels_(parse(labels)), fields_(parse(fields)) {}

std::vector<Selector::Requirement> Selector::parse(std::string_view text) {
  std::vector<Requirement> out;
  for (auto part : std::views::split(text, ',')) {
    const std::string one(part.begin(), part.end());
    const size_t equal = one.find('=');
    if (one.empty()) continue;
    if (equal == std::string::npos) {
      const bool absent = one.front() == '!';
      out.push_back({one.substr(absent ? 1 : 0), absent ? Test::Absent : Test::Exists, ""});
      continue;
    }
    const bool unequal = equal > 0 && one[equal - 1] == '!';
    const size_t value = equal + (one.substr(equal).starts_with("==") ? 2 : 1);
    out.push_back(
        {one.substr(0, equal - (unequal ? 1 : 0)), unequal ? Test::Unequal : Test::Equal, one.substr(value)});
  }
  return out;
}

bool Selector::holds(const Requirement& requirement, const std::string* value) {
  switch (requirement.test) {
    case Test::Exists:
      return value != nullptr;
    case Test::Absent:
      return value == nullptr;
    case Test::Equal:
      return value != nullptr && *value == requirement.value;
    case Test::Unequal:
      return value == nullptr || *value != requirement.value;
  }
  return false;
}

bool Selector::matches(const json::value& object) const {
  const json::value* labels = json::find(object, "metadata.labels");
  const auto label = [&](const Requirement& requirement) {
    const json::value* found = labels != nullptr && labels->is_object()
                                   ? labels->get_object().if_contains(requirement.key)
                                   : nullptr;
    const std::string value = found != nullptr ? std::string(found->as_string()) : "";
    return holds(requirement, found != nullptr ? &value : nullptr);
  };
  const auto field = [&](const Requirement& requirement) {
    const std::string value = json::findString(object, requirement.key);
    return holds(requirement, &value);
  };
  return std::ranges::all_of(labels_, label) && std::ranges::all_of(fields_, field);
}

}  // namespace cloister::test
