#include "node/runsc/bundle.h"

#include <charconv>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace cloister::node {
namespace {

std::string annotation(const json::object& annotations, std::string_view key) {
  const json::value* found = annotations.if_contains(key);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : "";
}

bool isRoot(const json::object& annotations) {
  return annotation(annotations, "io.kubernetes.cri.container-type") == "sandbox";
}

// None when it is of no use.
std::optional<json::object> parse(std::string_view config) {
  if (config.size() > largestConfig) return std::nullopt;
  boost::system::error_code error;
  json::value parsed = boost::json::parse(config, error);
  if (error || !parsed.is_object()) return std::nullopt;
  return std::move(parsed.get_object());
}

const json::object* annotationsOf(const json::object& config) {
  const json::value* found = config.if_contains("annotations");
  return found == nullptr ? nullptr : found->if_object();
}

void limitProcesses(json::object& process, int64_t most) {
  constexpr const char* name = "RLIMIT_NPROC";
  json::value& limits = process["rlimits"];
  if (!limits.is_array()) limits = json::array();
  json::array kept;
  for (json::value& limit : limits.get_array()) {
    const json::value* type = limit.is_object() ? limit.get_object().if_contains("type") : nullptr;
    if (type == nullptr || *type != name) kept.push_back(std::move(limit));
  }
  kept.push_back({{"type", name}, {"hard", most}, {"soft", most}});
  limits = std::move(kept);
}

}  // namespace

Result<std::optional<std::string>> withProcessLimit(std::string_view config) {
  std::optional<json::object> parsed = parse(config);
  const json::object* annotations = parsed ? annotationsOf(*parsed) : nullptr;
  if (annotations == nullptr || isRoot(*annotations)) return std::nullopt;
  const std::string text = annotation(*annotations, api::processesAnnotation);
  if (text.empty()) return std::nullopt;
  int32_t most = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), most);
  if (bad != std::errc() || end != text.data() + text.size() || most < 1) {
    return fail(Errc::InvalidInput, "the pod's annotation " + std::string(api::processesAnnotation) +
                                        " is not a number of processes: " + text);
  }
  json::value* process = parsed->if_contains("process");
  if (process == nullptr || !process->is_object()) return std::nullopt;
  limitProcesses(process->get_object(), most);
  return boost::json::serialize(*parsed);
}

std::optional<StartRequest> questionOf(std::string_view config) {
  const std::optional<json::object> parsed = parse(config);
  const json::object* found = parsed ? annotationsOf(*parsed) : nullptr;
  if (found == nullptr) return std::nullopt;
  const json::object& annotations = *found;
  if (annotation(annotations, api::restoreAnnotation).empty()) return std::nullopt;
  return StartRequest{.container = {},
                      .kind = isRoot(annotations) ? ContainerKind::sandbox : ContainerKind::container,
                      .bundle = {},
                      .podNamespace = annotation(annotations, "io.kubernetes.cri.sandbox-namespace"),
                      .podName = annotation(annotations, "io.kubernetes.cri.sandbox-name"),
                      .podUID = annotation(annotations, "io.kubernetes.cri.sandbox-uid")};
}

}  // namespace cloister::node
