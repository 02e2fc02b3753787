#include "node/agent/oci_spec.h"

#include <algorithm>
#include <charconv>
#include <ranges>
#include <set>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "node/cri.h"

namespace cloister::node {
namespace {

using json::array;
using json::object;
using json::value;

object* objectAt(object& parent, std::string_view key) {
  value* found = parent.if_contains(key);
  return found != nullptr ? found->if_object() : nullptr;
}

array* arrayAt(object& parent, std::string_view key) {
  value* found = parent.if_contains(key);
  return found != nullptr ? found->if_array() : nullptr;
}

void eraseAll(object& from, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) from.erase(key);
}

// Their order means nothing.
void sortItems(array& items) {
  std::ranges::sort(items, {}, [](const value& item) { return boost::json::serialize(item); });
}

void keepGvisorAnnotations(object& annotations) {
  object kept;
  for (const auto& [key, text] : annotations) {
    const std::string_view name = key;
    const bool counts = name.starts_with("dev.gvisor.") && !name.starts_with("dev.gvisor.internal.") &&
                        name != "dev.gvisor.spec.cgroup-parent" &&
                        !(name.starts_with("dev.gvisor.spec.mount.") && name.ends_with(".source"));
    // What the runtime calls it, which depends on the names that the node has for it at the time.
    if (counts || name == cri::imageName) kept[key] = text;
  }
  annotations = std::move(kept);
}

void dropWhatMayDiffer(object& spec) {
  eraseAll(spec, {"hostname", "domainname", "hooks"});
  if (object* root = objectAt(spec, "root")) root->erase("path");
  if (object* process = objectAt(spec, "process")) process->erase("env");
  if (object* annotations = objectAt(spec, "annotations")) keepGvisorAnnotations(*annotations);
  if (array* mounts = arrayAt(spec, "mounts")) {
    for (value& mount : *mounts) {
      if (!mount.is_object()) continue;
      mount.get_object().erase("source");
      if (array* options = arrayAt(mount.get_object(), "options")) sortItems(*options);
    }
    sortItems(*mounts);
  }
  object* linux_ = objectAt(spec, "linux");
  if (linux_ == nullptr) return;
  linux_->erase("cgroupsPath");
  if (object* resources = objectAt(*linux_, "resources")) resources->erase("devices");
  if (array* namespaces = arrayAt(*linux_, "namespaces")) {
    for (value& one : *namespaces) {
      if (one.is_object()) one.get_object().erase("path");
    }
    sortItems(*namespaces);
  }
}

// In OPTIONS of a mount, "size=BYTES"; 0 when there is none.
int64_t sizeIn(std::string_view options) {
  constexpr std::string_view key = "size=";
  for (const auto& option : std::views::split(options, ',')) {
    const std::string_view text(option.begin(), option.end());
    int64_t size = 0;
    if (text.starts_with(key)) std::from_chars(text.data() + key.size(), text.data() + text.size(), size);
    if (size > 0) return size;
  }
  return 0;
}

value withSortedKeys(const value& from) {
  if (const object* fields = from.if_object()) {
    std::map<std::string_view, const value*> sorted;
    for (const auto& [key, field] : *fields) sorted[key] = &field;
    object out;
    for (const auto& [key, field] : sorted) out[key] = withSortedKeys(*field);
    return out;
  }
  if (const array* items = from.if_array()) {
    array out;
    for (const value& item : *items) out.push_back(withSortedKeys(item));
    return out;
  }
  return from;
}

}  // namespace

Result<Container> readContainer(std::string_view config) {
  boost::system::error_code error;
  value parsed = boost::json::parse(config, error);
  if (error || !parsed.is_object()) return fail(Errc::InvalidInput, "config.json is no OCI specification");
  object& spec = parsed.get_object();
  const object* annotations = objectAt(spec, "annotations");
  if (annotations == nullptr) return fail(Errc::InvalidInput, "config.json has no annotations");
  Container out;
  out.isRoot = cri::isRoot(*annotations);
  out.name = out.isRoot ? "" : cri::annotation(*annotations, cri::containerName);
  out.podUID = cri::annotation(*annotations, cri::podUID);
  out.hasWorkspaceInside = annotations->contains("dev.gvisor.spec.mount.workspace.type");
  const value* limit = json::find(parsed, "linux.resources.memory.limit");
  if (limit != nullptr && limit->is_int64()) out.memoryLimit = std::max<int64_t>(limit->get_int64(), 0);
  dropWhatMayDiffer(spec);
  out.compared = withSortedKeys(parsed);
  return out;
}

FileLimits fileLimits(const value& compared) {
  const value* found = json::find(compared, "annotations");
  if (found == nullptr || !found->is_object()) return {};
  const object& annotations = found->get_object();
  return {.workspace = sizeIn(cri::annotation(annotations, "dev.gvisor.spec.mount.workspace.options")),
          .disk = sizeIn(cri::annotation(annotations, "dev.gvisor.flag.overlay2"))};
}

value withoutImageName(value compared) {
  if (object* annotations = objectAt(compared.get_object(), "annotations"))
    annotations->erase(cri::imageName);
  return compared;
}

std::optional<std::string> firstDifference(const value& a, const value& b) {
  if (a == b) return std::nullopt;
  const object* left = a.if_object();
  const object* right = b.if_object();
  if (left == nullptr || right == nullptr) return "";
  std::set<std::string_view> keys;
  for (const object* side : {left, right}) {
    for (const auto& field : *side) keys.insert(field.key());
  }
  for (const std::string_view key : keys) {
    const value* in = left->if_contains(key);
    const value* out = right->if_contains(key);
    const auto inner =
        in != nullptr && out != nullptr ? firstDifference(*in, *out) : std::optional<std::string>("");
    if (inner) return std::string(key) + (inner->empty() ? "" : "." + *inner);
  }
  return std::nullopt;
}

}  // namespace cloister::node
