// YAML that people write. JSON is YAML, so what is JSON must mean the same as both.
#include <algorithm>
#include <cmath>

#include "fuzz.h"
#include "json/yaml.h"

using namespace cloister;
using fuzz::require;

namespace {

constexpr std::string_view file = "f.yaml";
constexpr size_t longestKey = 1000;  // YAML 1.2, section 7.4: of an implicit key

// Whole numbers beyond 64 bits with sign, and those beyond a double, are no numbers of ours in YAML.
bool isCommon(const json::value& v) {
  if (v.is_uint64()) return v.get_uint64() <= INT64_MAX;
  if (v.is_double()) return std::isfinite(v.get_double());
  if (v.is_array()) return std::ranges::all_of(v.get_array(), isCommon);
  if (!v.is_object()) return true;
  return std::ranges::all_of(v.get_object(), [](const auto& member) { return isCommon(member.value()); });
}

void jsonIsYaml(std::string_view text) {
  const auto document = json::parse(text);
  if (!document || !isCommon(*document)) return;
  const std::string printed = json::print(*document);
  if (printed.size() > longestKey) return;
  const auto yaml = json::parseYaml(printed, file);
  require(yaml.has_value(), printed + " is YAML; " + (yaml ? "" : yaml.error().message));
  require(yaml->root == *document, printed + " means " + json::print(yaml->root));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto text = fuzz::textOf(data, size);
  const size_t lines = size_t(std::ranges::count(text, '\n') + std::ranges::count(text, '\r')) + 1;
  const auto within = [&](size_t line) { return line >= 1 && line <= lines; };
  const auto yaml = json::parseYaml(text, file);
  if (!yaml) {
    require(yaml.error().code == Errc::InvalidInput, "bad YAML is InvalidInput");
    require(within(fuzz::lineOf(yaml.error().message, file)), "a line is named: " + yaml.error().message);
  } else {
    for (const auto& [path, line] : yaml->lines) require(within(size_t(line)), path + " has a line");
  }
  jsonIsYaml(text);
  return 0;
}
