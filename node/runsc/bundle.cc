#include "node/runsc/bundle.h"

#include <charconv>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "node/cri.h"
#include "node/file.h"

namespace cloister::node {
namespace {

// None when it is of no use.
std::optional<json::object> parse(std::string_view config) {
  if (config.size() > largestFile) return std::nullopt;
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

}  // namespace

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

Bundle readBundle(std::string_view config) {
  const std::optional<json::object> parsed = parse(config);
  const json::object* found = parsed ? cri::annotationsOf(*parsed) : nullptr;
  if (found == nullptr) return {};
  const json::object& annotations = *found;
  const std::string from = cri::annotation(annotations, api::restoreAnnotation);
  Bundle out{.root = cri::annotation(annotations, cri::rootId),
             .mayBeHeld = !cri::annotation(annotations, api::holdAnnotation).empty()};
  out.mayStartUnasked = from.starts_with(api::goldenPrefix) && !out.mayBeHeld;
  if (from.empty() && !out.mayBeHeld) return out;
  out.question = {.container = {},
                  .kind = cri::isRoot(annotations) ? ContainerKind::sandbox : ContainerKind::container,
                  .bundle = {},
                  .podNamespace = cri::annotation(annotations, cri::podNamespace),
                  .podName = cri::annotation(annotations, cri::podName),
                  .podUID = cri::annotation(annotations, cri::podUID)};
  return out;
}

}  // namespace cloister::node
