#include "json/codec.h"

#include <array>
#include <charconv>
#include <cmath>

#include <boost/json/kind.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>

namespace cloister::json {

Result<value> parse(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = 64;
  // Many small members, made and dropped together: one block for them all costs a fraction of an allocation
  // each.
  auto block = boost::json::make_shared_resource<boost::json::monotonic_resource>(2 * text.size() + 64);
  std::array<unsigned char, 4096> scratch;
  boost::json::stream_parser parser({}, options, scratch.data(), scratch.size());
  parser.reset(std::move(block));
  boost::system::error_code error;
  const size_t read = parser.write_some(text.data(), text.size(), error);
  if (!error && read < text.size()) error = boost::json::error::extra_data;
  if (!error) parser.finish(error);
  if (error) {
    return fail(Errc::Protocol, "not JSON: " + error.message() + " at byte " + std::to_string(read));
  }
  return parser.release();
}

std::string print(const value& v) {
  return boost::json::serialize(v);
}

namespace {

value sorted(const value& v) {
  if (v.is_array()) {
    array items;
    for (const value& item : v.get_array()) items.push_back(sorted(item));
    return items;
  }
  if (!v.is_object()) return v;
  std::map<std::string_view, const value*> members;
  for (const auto& [key, item] : v.get_object()) members[key] = &item;
  object fields;
  for (const auto& [key, item] : members) fields[key] = sorted(*item);
  return fields;
}

}  // namespace

std::string printSorted(const value& v) {
  return print(sorted(v));
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
