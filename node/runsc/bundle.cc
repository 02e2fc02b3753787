#include "node/runsc/bundle.h"

#include <boost/json/parse.hpp>

namespace cloister::node {
namespace {

std::string annotation(const json::object& annotations, std::string_view key) {
  const json::value* found = annotations.if_contains(key);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : "";
}

}  // namespace

std::optional<StartRequest> questionOf(std::string_view config) {
  if (config.size() > largestConfig) return std::nullopt;
  boost::system::error_code error;
  const json::value parsed = boost::json::parse(config, error);
  if (error || !parsed.is_object()) return std::nullopt;
  const json::value* found = parsed.get_object().if_contains("annotations");
  if (found == nullptr || !found->is_object()) return std::nullopt;
  const json::object& annotations = found->get_object();
  if (annotation(annotations, api::restoreAnnotation).empty()) return std::nullopt;
  const bool isRoot = annotation(annotations, "io.kubernetes.cri.container-type") == "sandbox";
  return StartRequest{.container = {},
                      .kind = isRoot ? ContainerKind::sandbox : ContainerKind::container,
                      .bundle = {},
                      .podNamespace = annotation(annotations, "io.kubernetes.cri.sandbox-namespace"),
                      .podName = annotation(annotations, "io.kubernetes.cri.sandbox-name"),
                      .podUID = annotation(annotations, "io.kubernetes.cri.sandbox-uid")};
}

}  // namespace cloister::node
