#include "tests/support/apiserver/patch.h"

#include <algorithm>

namespace cloister::test {
namespace {

std::unexpected<Error> unfit(const std::string& path) {
  return fail(Errc::InvalidInput, "the operation at " + path + " does not fit");
}

std::string unescaped(std::string step) {
  for (const auto& [from, to] : {std::pair("~1", "/"), std::pair("~0", "~")}) {
    for (size_t at = 0; (at = step.find(from, at)) != std::string::npos; ++at) step.replace(at, 2, to);
  }
  return step;
}

Result<void> applyStep(json::value& object, const json::value& step) {
  const std::string path = json::findString(step, "path");
  const std::string op = json::findString(step, "op");
  boost::system::error_code error;
  json::value* at = object.find_pointer(path, error);
  if (op == "test") return at != nullptr && *at == step.at("value") ? Result<void>() : unfit(path);
  const size_t slash = path.rfind('/');
  json::value* parent = object.find_pointer(path.substr(0, slash), error);
  if (parent == nullptr || !parent->is_object()) return unfit(path);
  const std::string member = unescaped(path.substr(slash + 1));
  if (op == "add" || op == "replace") {
    parent->get_object()[member] = step.at("value");
    return {};
  }
  if (op == "remove" && parent->get_object().erase(member) == 1) return {};
  return unfit(path);
}

}  // namespace

bool isSame(const json::value& a, const json::value& b) {
  if (a.is_object() && b.is_object()) {
    const json::object& others = b.get_object();
    const auto hasSame = [&](const auto& member) {
      const json::value* other = others.if_contains(member.key());
      return other != nullptr && isSame(member.value(), *other);
    };
    return a.get_object().size() == others.size() && std::ranges::all_of(a.get_object(), hasSame);
  }
  if (a.is_array() && b.is_array()) return std::ranges::equal(a.get_array(), b.get_array(), isSame);
  return a == b;
}

void applyMergePatch(json::value& object, const json::value& patch) {
  if (!patch.is_object()) {
    object = patch;
    return;
  }
  if (!object.is_object()) object = json::object();
  for (const auto& [key, item] : patch.get_object()) {
    if (item.is_null()) {
      object.get_object().erase(key);
    } else {
      applyMergePatch(object.get_object()[key], item);
    }
  }
}

void applyStrategicPatch(json::value& object, const json::value& patch) {
  json::value whole = patch;
  const json::value* changed = json::find(patch, "status.conditions");
  if (changed != nullptr) {
    const json::value* present = json::find(object, "status.conditions");
    json::array merged = present != nullptr ? present->as_array() : json::array();
    for (const json::value& next : changed->as_array()) {
      const auto same = std::ranges::find(
          merged, next.at("type"), [](const json::value& one) -> const auto& { return one.at("type"); });
      applyMergePatch(same == merged.end() ? merged.emplace_back(json::object()) : *same, next);
    }
    whole.at("status").as_object()["conditions"] = std::move(merged);
  }
  applyMergePatch(object, whole);
}

Result<void> applyJsonPatch(json::value& object, const json::value& patch) {
  if (!patch.is_array()) return fail(Errc::InvalidInput, "a JSON patch is a list");
  for (const json::value& step : patch.get_array()) {
    if (auto done = applyStep(object, step); !done) return done;
  }
  return {};
}

}  // namespace cloister::test
