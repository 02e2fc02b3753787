#include "tests/generated/schema.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

#include "json/yaml.h"

namespace cloister::generated {
namespace {

using json::array;
using json::object;
using json::value;
using Found = std::optional<Violation>;

Found check(const value& given, const object& schema, const std::string& path);

bool isWhole(const value& given) {
  if (!given.is_double()) return given.is_number();
  return std::floor(given.get_double()) == given.get_double();
}

bool hasType(const value& given, const object& schema) {
  if (isQuantity(schema)) return given.is_string() || (given.is_number() && isWhole(given));
  const std::string type = typeOf(schema);
  if (type == "string") return given.is_string();
  if (type == "integer") return given.is_number() && isWhole(given);
  if (type == "array") return given.is_array();
  return given.is_object();
}

// SIZE against the bounds NAMES (least, most).
Found outside(int64_t size, const object& schema, const char* least, const char* most,
              const std::string& path) {
  if (const auto limit = bound(schema, least); limit && size < *limit) return Violation{path, least};
  if (const auto limit = bound(schema, most); limit && size > *limit) return Violation{path, most};
  return std::nullopt;
}

Found checkEnum(const value& given, const object& schema, const std::string& path) {
  const value* listed = schema.if_contains("enum");
  if (listed == nullptr) return std::nullopt;
  const array& names = listed->as_array();
  return std::ranges::find(names, given) != names.end() ? Found() : Found({path, "enum"});
}

// What two items of a list must not have in common: its keys' values, or all of it.
std::string identity(const value& item, const object& list) {
  const value* keys = list.if_contains("x-kubernetes-list-map-keys");
  if (keys == nullptr || !item.is_object()) return json::printSorted(item);
  std::string out;
  for (const value& key : keys->as_array()) {
    const object* member = part(*part(*part(list, "items"), "properties"), key.as_string());
    const value* given = item.get_object().if_contains(key.as_string());
    if (given == nullptr) given = member->if_contains("default");
    out += (given != nullptr ? json::print(*given) : "") + ",";
  }
  return out;
}

Found checkList(const array& given, const object& schema, const std::string& path) {
  if (auto found = outside(int64_t(given.size()), schema, "minItems", "maxItems", path)) return found;
  const value* kind = schema.if_contains("x-kubernetes-list-type");
  const bool unique = kind != nullptr && *kind != value("atomic");
  std::set<std::string> seen;
  for (size_t i = 0; i < given.size(); ++i) {
    const std::string at = path + "[" + std::to_string(i) + "]";
    if (auto found = check(given[i], *part(schema, "items"), at)) return found;
    if (unique && !seen.insert(identity(given[i], schema)).second) return Violation{at, "a duplicate"};
  }
  return std::nullopt;
}

Found checkObject(const object& given, const object& schema, const std::string& path) {
  if (const value* required = schema.if_contains("required")) {
    for (const value& name : required->as_array()) {
      if (!given.contains(name.as_string()))
        return Violation{path + "." + std::string(name.as_string()), "required"};
    }
  }
  if (auto found = outside(int64_t(given.size()), schema, "minProperties", "maxProperties", path))
    return found;
  const object* members = part(schema, "properties");
  const object* values = part(schema, "additionalProperties");
  for (const auto& [name, item] : given) {
    const object* inner = members != nullptr ? part(*members, name) : values;
    if (inner == nullptr) continue;  // pruned by the server
    // The server writes a map's keys in either of two ways, [key] and .key: the map itself has to do.
    const std::string at = values != nullptr ? path : path + "." + std::string(name);
    if (auto found = check(item, *inner, at)) return found;
  }
  return std::nullopt;
}

Found check(const value& given, const object& schema, const std::string& path) {
  if (given.is_null()) return std::nullopt;
  if (!hasType(given, schema)) return Violation{path, "the type"};
  if (auto found = checkEnum(given, schema, path)) return found;
  if (given.is_string()) return outside(lengthOf(given.get_string()), schema, "minLength", "maxLength", path);
  if (given.is_array()) return checkList(given.get_array(), schema, path);
  if (given.is_object()) return checkObject(given.get_object(), schema, path);
  boost::system::error_code error;
  const auto number = given.to_number<int64_t>(error);
  return error ? Found() : outside(number, schema, "minimum", "maximum", path);
}

}  // namespace

const json::object* part(const json::object& schema, std::string_view name) {
  const value* found = schema.if_contains(name);
  return found != nullptr && found->is_object() ? &found->get_object() : nullptr;
}

std::string rulesOf(const json::object& schema) {
  std::string text;
  if (const value* rules = schema.if_contains("x-kubernetes-validations")) {
    for (const value& rule : rules->as_array()) text += json::findString(rule, "rule") + "\n";
  }
  return text;
}

std::optional<int64_t> bound(const json::object& schema, std::string_view name) {
  const value* found = schema.if_contains(name);
  return found != nullptr ? std::optional(found->to_number<int64_t>()) : std::nullopt;
}

bool isQuantity(const json::object& schema) {
  return schema.contains("x-kubernetes-int-or-string");
}

std::string typeOf(const json::object& schema) {
  return json::findString(schema, "type");
}

int64_t lengthOf(std::string_view text) {
  return std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; });
}

std::vector<std::string> stepsOf(const std::string& path) {
  std::vector<std::string> steps;
  for (size_t at = 0; at < path.size();) {
    const bool bracket = path[at] == '[' || path[at] == '{';
    const size_t end = bracket ? at + 2 : std::min(path.find_first_of(".[{", at), path.size());
    steps.push_back(path.substr(at, end - at));
    at = end + (end < path.size() && path[end] == '.' ? 1 : 0);
  }
  return steps;
}

Schema::Schema(const std::string& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  auto crd = json::parseYaml(text.str(), file);
  if (!crd) throw std::runtime_error(crd.error().message);
  root_ = std::move(crd->root);
  const value* spec = json::find(root_, "spec.versions.0.schema.openAPIV3Schema.properties.spec");
  if (spec == nullptr) throw std::runtime_error(file + ": no CustomResourceDefinition with a spec");
  collect("", spec->as_object());
}

void Schema::collect(const std::string& path, const json::object& schema) {
  properties_.push_back({path, &schema});
  if (const object* items = part(schema, "items")) collect(path + "[]", *items);
  if (const object* values = part(schema, "additionalProperties")) collect(path + "{}", *values);
  if (const object* members = part(schema, "properties")) {
    for (const auto& [name, inner] : *members)
      collect(path + (path.empty() ? "" : ".") + std::string(name), inner.as_object());
  }
}

std::optional<Violation> Schema::violation(const json::value& spec) const {
  return check(spec, this->spec(), "spec");
}

}  // namespace cloister::generated
