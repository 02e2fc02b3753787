// Holds a JSON schema (a CRD's, or a Helm chart's) against a described struct, field by field.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "json/codec.h"

namespace cloister::api {

// What two descriptions of the same object disagree in, each as "PATH: what".
class SchemaAgreement {
 public:
  // ROOT is where "#/definitions/NAME" is looked up.
  explicit SchemaAgreement(const json::value& root) : root_(root) {}

  template <class T>
  std::vector<std::string> compare(const json::object& schema) {
    differences_.clear();
    check<T>(*resolve(&schema), "");
    return differences_;
  }

 private:
  void differ(const std::string& path, const std::string& what) {
    differences_.push_back(path + ": " + what);
  }

  const json::object* resolve(const json::object* schema) const {
    const json::value* reference = schema->if_contains("$ref");
    if (reference == nullptr) return schema;
    std::string path(reference->get_string());
    std::ranges::replace(path, '/', '.');
    return &json::find(root_, path.substr(std::string_view("#.").size()))->as_object();
  }

  const json::object* child(const json::object& schema, std::string_view name) const {
    const json::value* found = schema.if_contains(name);
    return found == nullptr || !found->is_object() ? nullptr : resolve(&found->get_object());
  }

  void wantType(const json::object& schema, const std::string& path, std::string_view type) {
    const json::value* given = schema.if_contains("type");
    if (given == nullptr || !given->is_string() || given->get_string() != type) {
      differ(path, "is a " + std::string(type) + " in C++, not in the schema");
    }
  }

  void wantFormat(const json::object& schema, const std::string& path, std::string_view format) {
    const json::value* given = schema.if_contains("format");
    if (given == nullptr || given->get_string() != format)
      differ(path, "lacks the format " + std::string(format));
  }

  // As the CRD says it, or as a chart's schema does.
  void wantQuantity(const json::object& schema, const std::string& path) {
    const json::value* either = schema.if_contains("x-kubernetes-int-or-string");
    const json::value* types = schema.if_contains("type");
    const bool isOne = (either != nullptr && either->as_bool()) ||
                       (types != nullptr && *types == json::value{"string", "number"});
    if (!isOne) differ(path, "is a quantity in C++, not in the schema");
  }

  template <class T>
  void wantEnum(const json::object& schema, const std::string& path) {
    std::vector<std::string> wanted;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>(
        [&](auto enumerator) { wanted.emplace_back(enumerator.name); });
    std::vector<std::string> given;
    if (const json::value* listed = schema.if_contains("enum")) {
      for (const json::value& one : listed->as_array()) given.emplace_back(one.get_string());
    }
    if (given != wanted) differ(path, "has other enumerators in the schema");
  }

  template <class T>
  void checkMembers(const json::object& properties, const std::string& path) {
    boost::mp11::mp_for_each<json::detail::Members<T>>([&](auto member) {
      using Member = std::decay_t<decltype(std::declval<T>().*member.pointer)>;
      const std::string name(json::detail::memberName(member));
      if (const json::object* found = child(properties, name)) {
        check<Member>(*found, path + "." + name);
      } else {
        differ(path + "." + name, "is not in the schema");
      }
    });
    for (const auto& [name, unused] : properties) {
      if (!json::detail::names<T>(name)) differ(path + "." + std::string(name), "is not in C++");
    }
  }

  template <class T>
  struct Inside;
  template <class T>
  struct Inside<std::optional<T>> {
    using Type = T;
    static constexpr std::string_view kind = "optional";
  };
  template <class T>
  struct Inside<std::vector<T>> {
    using Type = T;
    static constexpr std::string_view kind = "items";
  };
  template <class T>
  struct Inside<std::map<std::string, T>> {
    using Type = T;
    static constexpr std::string_view kind = "additionalProperties";
  };

  template <class T>
  void checkContained(const json::object& schema, const std::string& path) {
    using Contained = typename Inside<T>::Type;
    constexpr std::string_view kind = Inside<T>::kind;
    if constexpr (kind == "optional") {
      check<Contained>(schema, path);
    } else {
      wantType(schema, path, kind == "items" ? "array" : "object");
      if (const json::object* inner = child(schema, kind)) {
        check<Contained>(*inner, path + "[]");
      } else {
        differ(path, "lacks " + std::string(kind) + " in the schema");
      }
    }
  }

  template <class T>
  void checkScalar(const json::object& schema, const std::string& path) {
    if constexpr (std::is_same_v<T, Quantity> || std::is_same_v<T, json::value>) {
      wantQuantity(schema, path);
    } else if constexpr (std::is_same_v<T, bool>) {
      wantType(schema, path, "boolean");
    } else if constexpr (std::is_integral_v<T>) {
      wantType(schema, path, "integer");
    } else {
      wantType(schema, path, "string");
    }
    if constexpr (std::is_same_v<T, Time>) wantFormat(schema, path, "date-time");
    if constexpr (json::detail::DescribedEnum<T>) wantEnum<T>(schema, path);
  }

  template <class T>
  void check(const json::object& schema, const std::string& path) {
    if constexpr (requires { Inside<T>::kind; }) {
      checkContained<T>(schema, path);
    } else if constexpr (json::detail::Described<T> && !std::is_same_v<T, Quantity>) {
      wantType(schema, path, "object");
      if (const json::object* properties = child(schema, "properties")) {
        checkMembers<T>(*properties, path);
      } else {
        differ(path, "lacks properties in the schema");
      }
    } else {
      checkScalar<T>(schema, path);
    }
  }

  const json::value& root_;
  std::vector<std::string> differences_;
};

}  // namespace cloister::api
