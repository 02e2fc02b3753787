#include "operator/template/effective.h"

#include <algorithm>

namespace cloister::templates {
namespace {

namespace mp = boost::mp11;

constexpr std::string_view ownAlone[] = {"desiredState", "templateRef", "poolRef", "restoreFrom"};

// Calls WHAT with each member that a template may fill.
void eachMember(auto&& what) {
  mp::mp_for_each<json::detail::Members<api::SandboxSpec>>([&](auto member) {
    const std::string_view name = json::detail::memberName(member);
    if (std::ranges::find(ownAlone, name) == std::end(ownAlone)) what(name, member.pointer);
  });
}

// Puts what OWN sets in the place of what is in INTO.
template <class T>
void put(const T& own, T& into) {
  if (own != T{}) into = own;
}

template <class T>
void putMembers(const T& own, T& into) {
  mp::mp_for_each<json::detail::Members<T>>(
      [&](auto member) { put(own.*member.pointer, into.*member.pointer); });
}

void put(const api::SandboxResources& own, api::SandboxResources& into) {
  putMembers(own, into);
}
void put(const api::SandboxLifecycle& own, api::SandboxLifecycle& into) {
  putMembers(own, into);
}
void put(const api::SandboxNetwork& own, api::SandboxNetwork& into) {
  putMembers(own, into);
}
void put(const api::SandboxWorkspace& own, api::SandboxWorkspace& into) {
  putMembers(own, into);
}

void put(const std::map<std::string, std::string>& own, std::map<std::string, std::string>& into) {
  for (const auto& [key, value] : own) into[key] = value;
}
void put(const api::PodMetadata& own, api::PodMetadata& into) {
  put(own.labels, into.labels);
  put(own.annotations, into.annotations);
}

void put(const std::vector<api::EnvVar>& own, std::vector<api::EnvVar>& into) {
  for (const api::EnvVar& variable : own) {
    const auto present = std::ranges::find(into, variable.name, &api::EnvVar::name);
    if (present == into.end())
      into.push_back(variable);
    else
      present->value = variable.value;
  }
}

bool mayBeSet(std::string_view member, const api::SandboxTemplateSpec& from) {
  if (from.overridable) return std::ranges::find(*from.overridable, member) != from.overridable->end();
  return std::ranges::find(defaultOverridable, member) != std::end(defaultOverridable);
}

}  // namespace

std::vector<std::string> overrides(const api::SandboxSpec& own) {
  std::vector<std::string> names;
  eachMember([&](std::string_view name, auto pointer) {
    if (own.*pointer != std::decay_t<decltype(own.*pointer)>{}) names.emplace_back(name);
  });
  return names;
}

Result<void> checkOverrides(const api::SandboxSpec& own, const api::SandboxTemplateSpec& from) {
  for (const std::string& name : overrides(own)) {
    if (mayBeSet(name, from)) continue;
    return fail({.code = Errc::Forbidden,
                 .message = "spec." + name +
                            ": the template does not let a Sandbox set it; remove the field, or add \"" +
                            name + "\" to the template's spec.overridable"});
  }
  return {};
}

api::SandboxSpec effective(const api::SandboxSpec& own, const api::SandboxTemplateSpec& from) {
  api::SandboxSpec spec = own;
  eachMember([&](std::string_view name, auto pointer) {
    auto filled = from.sandbox.*pointer;
    if (mayBeSet(name, from)) put(own.*pointer, filled);
    spec.*pointer = std::move(filled);
  });
  return spec;
}

}  // namespace cloister::templates
