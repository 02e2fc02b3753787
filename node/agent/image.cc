#include "node/agent/image.h"

#include "api/sandbox.h"

namespace cloister::node {
namespace {

// FIELD of the item of LIST that is called NAME.
std::string fieldOf(const json::value& pod, const char* list, std::string_view name, const char* field) {
  const json::value* items = json::find(pod, list);
  if (items == nullptr || !items->is_array()) return "";
  for (const json::value& item : items->get_array()) {
    if (json::findString(item, "name") == name) return json::findString(item, field);
  }
  return "";
}

std::string nameOf(const json::value& pod, std::string_view container) {
  const json::value* annotations = json::find(pod, "metadata.annotations");
  if (annotations != nullptr && annotations->is_object()) {
    const json::value* kept = annotations->get_object().if_contains(api::imageAnnotation);
    if (kept != nullptr && kept->is_string()) return std::string(kept->get_string());
  }
  return fieldOf(pod, "spec.containers", container, "image");
}

}  // namespace

Image runningImage(const json::value& pod, std::string_view container) {
  return {.name = nameOf(pod, container),
          .id = fieldOf(pod, "status.containerStatuses", container, "imageID")};
}

Image wantedImage(const json::value& pod, std::string_view container) {
  return {.name = nameOf(pod, container), .id = fieldOf(pod, "spec.containers", container, "image")};
}

}  // namespace cloister::node
