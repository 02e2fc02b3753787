// The schema of the Sandbox's spec, as the CRD has it: its properties one by one, and what it says to a
// value. Its rules (CEL) are known to the real API server alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "json/codec.h"

namespace cloister::generated {

// One place in the spec.
struct Property {
  std::string path;            // "network.egress.cidrs[]", "podMetadata.labels{}"; empty: the spec itself
  const json::object* schema;  // lives as long as the Schema
};

// What the schema has against a value.
struct Violation {
  std::string path;  // as the API server names it: "spec.network.expose[0].port"
  std::string why;
};

class Schema {
 public:
  // Reads the CRD. Throws when FILE is none.
  explicit Schema(const std::string& file);

  // Outer ones before inner ones.
  const std::vector<Property>& properties() const { return properties_; }
  const json::object& spec() const { return *properties_.front().schema; }
  // Nothing when only the rules could still refuse SPEC. Nulls are passed over: what becomes of them depends
  // on defaults.
  std::optional<Violation> violation(const json::value& spec) const;

 private:
  void collect(const std::string& path, const json::object& schema);

  json::value root_;
  std::vector<Property> properties_;
};

// The member NAME of a schema when it is a schema (or a list of rules) itself, or null.
const json::object* part(const json::object& schema, std::string_view name);
// The text of all rules at this very place.
std::string rulesOf(const json::object& schema);
// A bound such as maxLength.
std::optional<int64_t> bound(const json::object& schema, std::string_view name);
bool isQuantity(const json::object& schema);
std::string typeOf(const json::object& schema);
// Unicode code points, as the API server counts a string's length.
int64_t lengthOf(std::string_view text);

// "a[]" -> "a", "[]": how a path goes on from the spec.
std::vector<std::string> stepsOf(const std::string& path);

}  // namespace cloister::generated
