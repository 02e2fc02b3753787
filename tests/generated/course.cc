#include "tests/generated/course.h"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "json/yaml.h"
#include "tests/sim/dice.h"

namespace cloister::generated {
namespace {

using json::array;
using json::object;
using json::value;

// The place at STEPS below AT, made as far as it is not there; null when there is something else on the way.
value* place(value& root, const object& schema, const std::vector<std::string>& steps, size_t count) {
  value* at = &root;
  const object* here = &schema;
  for (size_t i = 0; i < count; ++i) {
    const std::string& step = steps[i];
    if (step == "[]") {
      here = part(*here, "items");
      if (!at->is_array()) *at = array();
      if (at->get_array().empty()) at->get_array().push_back(example(*here));
      at = &at->get_array().front();
      continue;
    }
    if (!at->is_object()) *at = object();
    object& members = at->get_object();
    const bool isMap = step == "{}";
    here = isMap ? part(*here, "additionalProperties") : part(*part(*here, "properties"), step);
    const std::string key = !isMap ? step : members.empty() ? "example" : std::string(members.begin()->key());
    at = &members.emplace(key, nullptr).first->value();
    if (at->is_null()) *at = example(*here);
  }
  return at;
}

void erase(value& parent, const std::string& step) {
  if (step == "[]") {
    parent.as_array().erase(parent.as_array().begin());
  } else if (step == "{}") {
    parent.as_object().erase(parent.as_object().begin());
  } else {
    parent.as_object().erase(step);
  }
}

bool canBeChanged(const Property& property) {
  return property.path.starts_with("lifecycle") || property.path.starts_with("network") ||
         property.path.starts_with("desiredState");
}

}  // namespace

value changed(value spec, const Schema& schema, const std::string& path, const std::optional<value>& next) {
  const std::vector<std::string> steps = stepsOf(path);
  if (steps.empty()) return next.value_or(value(nullptr));
  if (next) {
    value* at = place(spec, schema.spec(), steps, steps.size());
    // A field that does not exist comes beside those that do.
    if (at->is_object() && next->is_object() && next->get_object().contains("noSuchField")) {
      at->get_object()["noSuchField"] = 1;
    } else {
      *at = *next;
    }
    return spec;
  }
  place(spec, schema.spec(), steps, steps.size());
  erase(*place(spec, schema.spec(), steps, steps.size() - 1), steps.back());
  return spec;
}

std::vector<Course> sweep(const Schema& schema, const value& working, const Property& property) {
  using enum Stop::Kind;
  std::vector<Course> courses;
  const Stop right{Whole, property.path, "as it was", working};
  for (const Candidate& candidate : candidates(*property.schema)) {
    const std::string name = (property.path.empty() ? "spec" : property.path) + ": " + candidate.name;
    const Stop there{Whole, property.path, candidate.name,
                     changed(working, schema, property.path, candidate.value)};
    courses.push_back({name, {there, right, there}});
  }
  return courses;
}

Course walk(uint64_t seed, const Schema& schema, const value& working) {
  using enum Stop::Kind;
  sim::Dice dice(seed, 7);
  const auto draw = [&](const value& spec, bool changeable) {
    for (;;) {
      const Property property = dice.pick(schema.properties());
      if (changeable && !canBeChanged(property)) continue;
      const Candidate candidate = dice.pick(candidates(*property.schema));
      // Most of what the schema refuses is left to the sweeps: a walk shall get somewhere.
      if (schema.violation(changed(spec, schema, property.path, candidate.value)) && !dice.oneIn(6)) continue;
      return Stop{Change, property.path, candidate.name, candidate.value};
    }
  };
  value begin = dice.oneIn(3) ? value(object()) : working;
  if (dice.oneIn(2)) {
    const Stop change = draw(begin, false);
    begin = changed(begin, schema, change.path, change.value);
  }
  Course course{"walk " + std::to_string(seed), {{Whole, "", "as it began", begin}}};
  const int steps = 3 + dice.roll(4);
  for (int i = 0; i < steps; ++i) course.stops.push_back(draw(begin, !dice.oneIn(3)));
  for (int i = 0; i < steps; ++i) course.stops.push_back({Back, "", "back", std::nullopt});
  return course;
}

std::optional<uint64_t> walksWanted() {
  const char* wanted = std::getenv("WALKS");
  uint64_t count = 0;
  if (wanted == nullptr || std::from_chars(wanted, wanted + std::strlen(wanted), count).ec != std::errc())
    return std::nullopt;
  return count;
}

std::vector<Course> walks(uint64_t count, const Schema& schema, const value& working) {
  std::vector<Course> courses;
  for (uint64_t seed = 1; seed <= walksWanted().value_or(count); ++seed)
    courses.push_back(walk(seed, schema, working));
  return courses;
}

value readSpec(const std::string& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  auto spec = json::parseYaml(text.str(), file);
  if (!spec) throw std::runtime_error(spec.error().message);
  return std::move(spec->root);
}

}  // namespace cloister::generated
