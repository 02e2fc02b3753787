#include "node/runsc/bundle.h"

#include <charconv>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "node/cri.h"

namespace cloister::node {
namespace {

// None when it is of no use.
std::optional<json::object> parse(std::string_view config) {
  if (config.size() > largestConfig) return std::nullopt;
  boost::system::error_code error;
  json::value parsed = boost::json::parse(config, error);
  if (error || !parsed.is_object()) return std::nullopt;
  return std::move(parsed.get_object());
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

// Empty when it is not there.
std::string annotationIn(std::string_view config, std::string_view name) {
  const std::optional<json::object> parsed = parse(config);
  const json::object* annotations = parsed ? cri::annotationsOf(*parsed) : nullptr;
  return annotations == nullptr ? "" : cri::annotation(*annotations, name);
}

}  // namespace

bool mayBeHeld(std::string_view config) {
  return !annotationIn(config, api::holdAnnotation).empty();
}

bool mayStartUnasked(std::string_view config) {
  return annotationIn(config, api::restoreAnnotation).starts_with(api::goldenPrefix) && !mayBeHeld(config);
}

std::string rootOf(std::string_view config) {
  return annotationIn(config, cri::rootId);
}

std::string bundleBeside(const std::string& bundle, const std::string& id) {
  return bundle.substr(0, bundle.rfind('/') + 1) + id;
}

Result<std::optional<std::string>> withProcessLimit(std::string_view config) {
  std::optional<json::object> parsed = parse(config);
  const json::object* annotations = parsed ? cri::annotationsOf(*parsed) : nullptr;
  if (annotations == nullptr || cri::isRoot(*annotations)) return std::nullopt;
  const std::string text = cri::annotation(*annotations, api::processesAnnotation);
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
  const json::object* found = parsed ? cri::annotationsOf(*parsed) : nullptr;
  if (found == nullptr) return std::nullopt;
  const json::object& annotations = *found;
  if (cri::annotation(annotations, api::restoreAnnotation).empty() &&
      cri::annotation(annotations, api::holdAnnotation).empty()) {
    return std::nullopt;
  }
  return StartRequest{.container = {},
                      .kind = cri::isRoot(annotations) ? ContainerKind::sandbox : ContainerKind::container,
                      .bundle = {},
                      .podNamespace = cri::annotation(annotations, cri::podNamespace),
                      .podName = cri::annotation(annotations, cri::podName),
                      .podUID = cri::annotation(annotations, cri::podUID)};
}

}  // namespace cloister::node
