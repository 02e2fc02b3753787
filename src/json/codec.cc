#include "json/codec.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include <boost/json/kind.hpp>
#include <boost/json/serialize.hpp>

namespace cloister::json {

std::string print(const value& v) {
  return boost::json::serialize(v);
}

namespace {

// Boost's serializer, which is set up anew for each text, is left to those that need escapes.
void appendText(std::string_view text, std::string& out) {
  const auto needsEscape = [](char c) { return uint8_t(c) < 0x20 || c == '"' || c == '\\'; };
  if (std::ranges::any_of(text, needsEscape)) {
    out += boost::json::serialize(text);
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

void appendSorted(const value& v, std::string& out);

void appendSorted(const array& items, std::string& out) {
  out += '[';
  for (const value& item : items) {
    if (&item != items.begin()) out += ',';
    appendSorted(item, out);
  }
  out += ']';
}

void appendSorted(const object& fields, std::string& out) {
  std::vector<const boost::json::key_value_pair*> members;
  members.reserve(fields.size());
  for (const auto& member : fields) members.push_back(&member);
  std::ranges::sort(members, {}, &boost::json::key_value_pair::key);
  char separator = '{';
  for (const auto* member : members) {
    out += std::exchange(separator, ',');
    appendText(member->key(), out);
    out += ':';
    appendSorted(member->value(), out);
  }
  out += members.empty() ? "{}" : "}";
}

void appendSorted(const value& v, std::string& out) {
  if (v.is_array()) return appendSorted(v.get_array(), out);
  if (v.is_object()) return appendSorted(v.get_object(), out);
  if (v.is_string()) return appendText(v.get_string(), out);
  out += boost::json::serialize(v);
}

}  // namespace

std::string printSorted(const value& v) {
  std::string out;
  appendSorted(v, out);
  return out;
}

const value* find(const value& root, std::string_view path) {
  const value* at = &root;
  while (!path.empty()) {
    const size_t dot = std::min(path.find('.'), path.size());
    const std::string_view step = path.substr(0, dot);
    path.remove_prefix(std::min(dot + 1, path.size()));
    if (at->is_object()) {
      at = at->get_object().if_contains(step);
    } else if (at->is_array()) {
      size_t index = 0;
      const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
      if (error != std::errc() || end != step.data() + step.size()) return nullptr;
      at = at->get_array().if_contains(index);
    } else {
      return nullptr;
    }
    if (at == nullptr) return nullptr;
  }
  return at;
}

std::string findString(const value& root, std::string_view path) {
  const value* found = find(root, path);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

namespace detail {

std::unexpected<Error> wrongType(std::string_view wanted, const value& got) {
  return fail(Errc::InvalidInput,
              "expected " + std::string(wanted) + ", got " + std::string(boost::json::to_string(got.kind())));
}

std::unexpected<Error> in(std::string_view step, Error error) {
  const bool pathFollows = error.message.starts_with('.') || error.message.starts_with('[');
  const std::string own = step.starts_with('[') ? std::string(step) : "." + std::string(step);
  error.message = own + (pathFollows ? "" : ": ") + error.message;
  return fail(std::move(error));
}

std::unexpected<Error> unknownField(std::string_view name) {
  return fail(Errc::InvalidInput, "." + std::string(name) + ": no such field");
}

namespace {

std::unexpected<Error> badText(const value& v, std::string_view wanted) {
  return fail(Errc::InvalidInput, "\"" + std::string(v.get_string()) + "\" is not " + std::string(wanted));
}

}  // namespace

Result<void> read(const value& v, bool& out, Context) {
  if (!v.is_bool()) return wrongType("true or false", v);
  out = v.get_bool();
  return {};
}

Result<void> read(const value& v, double& out, Context) {
  if (!v.is_number()) return wrongType("number", v);
  out = v.to_number<double>();
  if (!std::isfinite(out)) return fail(Errc::InvalidInput, "too large a number");  // 1e999
  return {};
}

Result<void> read(const value& v, std::string& out, Context) {
  if (!v.is_string()) return wrongType("string", v);
  out = v.get_string();
  return {};
}

Result<void> read(const value& v, Time& out, Context) {
  if (!v.is_string()) return wrongType("time", v);
  const auto time = parseTime(v.get_string());
  if (!time) return badText(v, "an RFC 3339 time such as 2026-01-02T03:04:05Z");
  out = *time;
  return {};
}

Result<void> read(const value& v, MicroTime& out, Context context) {
  return read(v, out.time, context);
}

Result<void> read(const value& v, Duration& out, Context) {
  if (!v.is_string()) return wrongType("duration such as \"90s\"", v);
  const auto duration = parseDuration(v.get_string());
  if (!duration) return badText(v, "a duration such as \"90s\" or \"1h30m\"");
  out = *duration;
  return {};
}

Result<void> read(const value& v, Quantity& out, Context) {
  if (v.is_number()) {
    out.text = print(v);
  } else if (v.is_string()) {
    out.text = v.get_string();
  } else {
    return wrongType("quantity such as \"500m\" or \"1Gi\"", v);
  }
  if (parseMilli(out.text) || parseUnits(out.text)) return {};
  return fail(Errc::InvalidInput, "\"" + out.text + "\" is not a quantity such as \"500m\" or \"1Gi\"");
}

Result<void> read(const value& v, value& out, Context) {
  out = v;
  return {};
}

Result<void> read(const value& v, object& out, Context) {
  if (!v.is_object()) return wrongType("object", v);
  out = v.get_object();
  return {};
}

Result<int64_t> readInteger(const value& v, int64_t least, int64_t most) {
  if (!v.is_number()) return wrongType("whole number", v);
  boost::system::error_code error;
  const auto number = v.to_number<int64_t>(error);
  if (error) return fail(Errc::InvalidInput, print(v) + " is not a whole number in range");
  if (number < least || number > most) {
    return fail(Errc::InvalidInput, std::to_string(number) + " is not between " + std::to_string(least) +
                                        " and " + std::to_string(most));
  }
  return number;
}

}  // namespace detail
}  // namespace cloister::json
