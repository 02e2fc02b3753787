#include "tests/support/apiserver/object_rules.h"

#include <algorithm>

#include "tests/support/apiserver/patch.h"

namespace cloister::test {
namespace {

// Whether two versions differ in more than metadata and status.
bool specDiffers(const json::value& a, const json::value& b) {
  const auto hasOther = [](const json::object& fields, const json::object& others) {
    return std::ranges::any_of(fields, [&](const auto& field) {
      if (field.key() == "metadata" || field.key() == "status") return false;
      const json::value* other = others.if_contains(field.key());
      return other == nullptr || !isSame(*other, field.value());
    });
  };
  return hasOther(a.as_object(), b.as_object()) || hasOther(b.as_object(), a.as_object());
}

}  // namespace

json::object& metadataOf(json::value& object) {
  json::object& fields = object.as_object();
  json::value& metadata = fields["metadata"];
  return metadata.is_object() ? metadata.get_object() : metadata.emplace_object();
}

bool isLeaving(const json::value& object) {
  return json::find(object, "metadata.deletionTimestamp") != nullptr;
}

bool hasFinalizers(const json::value& object) {
  const json::value* list = json::find(object, "metadata.finalizers");
  return list != nullptr && list->is_array() && !list->get_array().empty();
}

bool gainsFinalizers(const json::value& before, const json::value& after) {
  const auto finalizersOf = [](const json::value& object) {
    const json::value* list = json::find(object, "metadata.finalizers");
    return list != nullptr && list->is_array() ? list->get_array() : json::array();
  };
  const json::array known = finalizersOf(before);
  return std::ranges::any_of(finalizersOf(after), [&](const json::value& finalizer) {
    return std::ranges::find(known, finalizer) == known.end();
  });
}

void addFinalizer(json::value& object, const char* name) {
  json::value& list = metadataOf(object)["finalizers"];
  if (!list.is_array()) list.emplace_array();
  list.get_array().push_back(name);
}

void beginDeletion(json::value& object, Time end) {
  json::object& metadata = metadataOf(object);
  metadata["deletionTimestamp"] = formatTime(end);
  if (json::value* generation = metadata.if_contains("generation"))
    *generation = generation->to_number<int64_t>() + 1;
}

void keepOwn(const json::value& current, json::value& next) {
  static constexpr const char* own[] = {"name",
                                        "namespace",
                                        "uid",
                                        "generation",
                                        "creationTimestamp",
                                        "deletionTimestamp",
                                        "deletionGracePeriodSeconds",
                                        "resourceVersion"};
  json::object& to = metadataOf(next);
  const json::object& from = current.at("metadata").as_object();
  for (const char* field : own) {
    if (const json::value* kept = from.if_contains(field)) {
      to[field] = *kept;
    } else {
      to.erase(field);
    }
  }
}

void keepStatus(const json::value& current, json::value& next) {
  if (const json::value* status = current.as_object().if_contains("status")) {
    next.as_object()["status"] = *status;
  } else {
    next.as_object().erase("status");
  }
}

void countGeneration(const json::value& current, json::value& next) {
  const json::value* generation = json::find(current, "metadata.generation");
  if (generation == nullptr || !specDiffers(current, next)) return;
  metadataOf(next)["generation"] = generation->to_number<int64_t>() + 1;
}

int64_t graceOf(const ObjectId& id, const json::value& object, const json::value& options) {
  if (id.plural != "pods") return 0;
  const std::string phase = json::findString(object, "status.phase");
  if (json::findString(object, "spec.nodeName").empty() || phase == "Succeeded" || phase == "Failed")
    return 0;
  for (const json::value* given : {json::find(options, "gracePeriodSeconds"),
                                   json::find(object, "spec.terminationGracePeriodSeconds")}) {
    if (given != nullptr && given->is_number()) return given->to_number<int64_t>();
  }
  return 30;
}

}  // namespace cloister::test
