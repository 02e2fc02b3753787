// Between Boost.JSON values and described structs (BOOST_DESCRIBE_STRUCT), without a line of code per field.
//
//   struct Spec { std::string image; std::optional<int> replicas; };
//   BOOST_DESCRIBE_STRUCT(Spec, (), (image, replicas))
//   Result<Spec> spec = json::decode<Spec>(value);
//
// Members are named as in JSON; a trailing underscore, for C++ keywords, is not part of the name
// ("namespace_"). Absent members and nulls leave the C++ default. Written: everything but empty optionals,
// strings, containers and objects all of whose members are left out. Enums are their enumerators' names. Base
// structs' members stand flat.
#pragma once

#include <limits>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <boost/mp11/algorithm.hpp>

#include "base/quantity.h"
#include "base/result.h"
#include "base/time.h"

namespace cloister::json {

using boost::json::array;
using boost::json::object;
using boost::json::value;

// As a member of a described struct: keeps the fields that the struct does not name, and writes them again.
struct UnknownFields {
  object fields;
  bool operator==(const UnknownFields&) const = default;
};

// metav1.MicroTime: a Time written with six decimals.
struct MicroTime {
  Time time;
  bool operator==(const MicroTime&) const = default;
};

enum class Unknown {
  Ignore,  // what a struct does not name is dropped (API objects)
  Refuse,  // ... is an error that names it (configuration)
};

// TEXT as JSON. At most 64 levels deep; the error tells the byte offset. The memory of the value goes when
// all of it has gone, and all that was constructed from it by copy or move. What is assigned or decoded from
// it has its own. Lists that are members named LEFT_OUT (not escaped) come out empty, at less cost.
Result<value> parse(std::string_view text, std::string_view leftOut = {});
std::string print(const value& v);
// The same text for equal values, whatever order their members came in: for hashes.
std::string printSorted(const value& v);

// The member at PATH ("spec.containers.0.image"), or null when any step is absent.
const value* find(const value& root, std::string_view path);
// The string at PATH, or empty.
std::string findString(const value& root, std::string_view path);

namespace detail {

// Where in the document a decoder stands, and how it treats unknown fields. Paths are built only on failure.
struct Context {
  Unknown unknown;
};

std::unexpected<Error> wrongType(std::string_view wanted, const value& got);
std::unexpected<Error> in(std::string_view step, Error error);  // puts STEP before the error's path
std::unexpected<Error> unknownField(std::string_view name);

Result<void> read(const value& v, bool& out, Context);
Result<void> read(const value& v, double& out, Context);
Result<void> read(const value& v, std::string& out, Context);
Result<void> read(const value& v, Time& out, Context);
Result<void> read(const value& v, MicroTime& out, Context);
Result<void> read(const value& v, Duration& out, Context);
Result<void> read(const value& v, Quantity& out, Context);
Result<void> read(const value& v, value& out, Context);
Result<void> read(const value& v, object& out, Context);
Result<int64_t> readInteger(const value& v, int64_t least, int64_t most);

template <class T>
constexpr std::string_view memberName(T member) {
  std::string_view name = member.name;
  return name.ends_with('_') ? name.substr(0, name.size() - 1) : name;
}

template <class T>
using Members =
    boost::describe::describe_members<T, boost::describe::mod_public | boost::describe::mod_inherited>;
template <class T>
concept Described = boost::describe::has_describe_members<T>::value && !std::is_union_v<T>;
template <class T>
concept DescribedEnum = boost::describe::has_describe_enumerators<T>::value;

template <std::integral T>
Result<void> read(const value& v, T& out, Context) {
  auto number = readInteger(v, std::numeric_limits<T>::min(),
                            int64_t(std::min<uint64_t>(std::numeric_limits<T>::max(), INT64_MAX)));
  if (!number) return fail(number.error());
  out = T(*number);
  return {};
}

template <Described T>
Result<void> read(const value& v, T& out, Context context);
template <class T>
Result<void> read(const value& v, std::optional<T>& out, Context context);
template <class T>
Result<void> read(const value& v, std::map<std::string, T>& out, Context context);

template <DescribedEnum T>
Result<void> read(const value& v, T& out, Context) {
  if (!v.is_string()) return wrongType("string", v);
  std::string known;
  bool found = false;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto enumerator) {
    known += (known.empty() ? "" : ", ") + std::string(enumerator.name);
    if (v.get_string() != enumerator.name) return;
    out = enumerator.value;
    found = true;
  });
  if (found) return {};
  return fail(Errc::InvalidInput, "\"" + std::string(v.get_string()) + "\" is none of " + known);
}

template <class T>
Result<void> read(const value& v, std::vector<T>& out, Context context) {
  if (!v.is_array()) return wrongType("list", v);
  out.clear();
  out.reserve(v.get_array().size());
  for (const value& item : v.get_array()) {
    // bool is spelled out: std::vector<bool> has no references.
    T decoded{};
    if (auto done = read(item, decoded, context); !done) {
      return in("[" + std::to_string(out.size()) + "]", done.error());
    }
    out.push_back(std::move(decoded));
  }
  return {};
}

template <class T>
Result<void> read(const value& v, std::optional<T>& out, Context context) {
  T decoded{};
  if (auto done = read(v, decoded, context); !done) return done;
  out = std::move(decoded);
  return {};
}

template <class T>
Result<void> read(const value& v, std::map<std::string, T>& out, Context context) {
  if (!v.is_object()) return wrongType("object", v);
  out.clear();
  for (const auto& [key, item] : v.get_object()) {
    if (auto done = read(item, out[std::string(key)], context); !done) return in(key, done.error());
  }
  return {};
}

template <class T, class Member>
using MemberType = std::decay_t<decltype(std::declval<T&>().*Member::pointer)>;

// The member that keeps the unknown fields has no field of its own.
template <class T>
constexpr bool names(std::string_view field) {
  bool named = false;
  boost::mp11::mp_for_each<Members<T>>([&](auto member) {
    if constexpr (!std::is_same_v<MemberType<T, decltype(member)>, UnknownFields>) {
      named |= memberName(member) == field;
    }
  });
  return named;
}

template <Described T>
Result<void> readUnknown(const object& fields, T& out, Context context) {
  bool kept = false;
  boost::mp11::mp_for_each<Members<T>>([&](auto member) {
    if constexpr (std::is_same_v<MemberType<T, decltype(member)>, UnknownFields>) {
      kept = true;
      for (const auto& [key, item] : fields) {
        if (!names<T>(key)) (out.*member.pointer).fields[key] = item;
      }
    }
  });
  if (kept || context.unknown == Unknown::Ignore) return {};
  for (const auto& [key, item] : fields) {
    if (!names<T>(key)) return unknownField(key);
  }
  return {};
}

template <Described T>
Result<void> read(const value& v, T& out, Context context) {
  if (!v.is_object()) return wrongType("object", v);
  const object& fields = v.get_object();
  Result<void> result;
  boost::mp11::mp_for_each<Members<T>>([&](auto member) {
    if constexpr (!std::is_same_v<MemberType<T, decltype(member)>, UnknownFields>) {
      if (!result) return;
      const value* field = fields.if_contains(memberName(member));
      if (field == nullptr || field->is_null()) return;
      if (auto done = read(*field, out.*member.pointer, context); !done)
        result = in(memberName(member), done.error());
    }
  });
  if (!result) return result;
  return readUnknown(fields, out, context);
}

inline value write(bool v) {
  return v;
}
inline value write(double v) {
  return v;
}
inline value write(const std::string& v) {
  return value(v);
}
inline value write(Time v) {
  return value(formatTime(v));
}
inline value write(const MicroTime& v) {
  return value(formatMicroTime(v.time));
}
inline value write(Duration v) {
  return value(formatDuration(v));
}
inline value write(const Quantity& v) {
  return value(v.text);
}
inline value write(const value& v) {
  return v;
}
inline value write(const object& v) {
  return v;
}
template <std::integral T>
value write(T v) {
  return int64_t(v);
}
template <Described T>
value write(const T& v);
template <class T>
value write(const std::map<std::string, T>& v);

template <DescribedEnum T>
value write(T v) {
  return value(boost::describe::enum_to_string(v, ""));
}
template <class T>
value write(const std::vector<T>& v) {
  array items;
  items.reserve(v.size());
  for (const auto& item : v) items.push_back(write(item));
  return items;
}
template <class T>
value write(const std::map<std::string, T>& v) {
  object fields;
  for (const auto& [key, item] : v) fields[key] = write(item);
  return fields;
}

// True for what omitempty would leave out. Numbers and booleans never are: what may be absent is an optional.
template <class T>
bool isEmpty(const T& v) {
  if constexpr (requires { v.empty(); }) {
    return v.empty();
  } else if constexpr (std::is_same_v<T, value>) {
    return v.is_null();
  } else {
    return false;
  }
}

template <class T>
void writeMember(object& fields, std::string_view name, const T& v) {
  if (isEmpty(v)) return;
  value written = write(v);
  if constexpr (Described<T>) {
    if (written.get_object().empty()) return;
  }
  fields[name] = std::move(written);
}
template <class T>
void writeMember(object& fields, std::string_view name, const std::optional<T>& v) {
  if (v) fields[name] = write(*v);  // a present but empty object is written: {} is not absence
}
inline void writeMember(object& fields, std::string_view, const UnknownFields& v) {
  for (const auto& [key, item] : v.fields) fields[key] = item;
}

template <Described T>
value write(const T& v) {
  object fields;
  boost::mp11::mp_for_each<Members<T>>(
      [&](auto member) { writeMember(fields, memberName(member), v.*member.pointer); });
  return fields;
}

}  // namespace detail

// VALUE as a T. The error's message starts with the path of the field at fault.
template <class T>
Result<T> decode(const value& v, Unknown unknown = Unknown::Ignore) {
  T out{};
  if (auto done = detail::read(v, out, detail::Context{unknown}); !done) return fail(done.error());
  return out;
}

template <class T>
value encode(const T& v) {
  return detail::write(v);
}

}  // namespace cloister::json
