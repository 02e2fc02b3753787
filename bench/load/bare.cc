#include "bench/load/bare.h"

#include "bench/load/ready_log.h"

namespace cloister::bench {
namespace {

json::value copyOf(const json::value& object, std::string_view path) {
  const json::value* found = json::find(object, path);
  return found == nullptr ? json::value() : *found;
}

std::string selectorOf(const json::object& pod) {
  std::string selector;
  const json::value metadata = copyOf(pod, "metadata.labels");
  if (!metadata.is_object()) return selector;
  for (const auto& [name, text] : metadata.get_object()) {
    selector += (selector.empty() ? "" : ",") + std::string(name) + "=" + std::string(text.as_string());
  }
  return selector;
}

}  // namespace

json::array takePatch(const BarePlan& plan, const json::value& pod, const json::value& sandbox) {
  const json::object owner{{"apiVersion", copyOf(sandbox, "apiVersion")},
                           {"kind", copyOf(sandbox, "kind")},
                           {"name", copyOf(sandbox, "metadata.name")},
                           {"uid", copyOf(sandbox, "metadata.uid")},
                           {"controller", true}};
  return {{{"op", "test"},
           {"path", "/metadata/resourceVersion"},
           {"value", copyOf(pod, "metadata.resourceVersion")}},
          {{"op", "replace"}, {"path", "/metadata/labels"}, {"value", plan.labels}},
          {{"op", "add"}, {"path", "/metadata/ownerReferences"}, {"value", json::array{owner}}}};
}

json::object statusPatch(const BarePlan& plan, const json::value& pod, const json::value& sandbox) {
  json::object status = plan.status;
  status["podName"] = copyOf(pod, "metadata.name");
  status["podUID"] = copyOf(pod, "metadata.uid");
  return {{"metadata", {{"resourceVersion", copyOf(sandbox, "metadata.resourceVersion")}}},
          {"status", std::move(status)}};
}

Task<Result<void>> BareStarter::findPods() {
  kube::ListOptions options{.labelSelector = selectorOf(plan_.pod)};
  do {
    auto page = co_await client_.list(kube::pods, namespace_, options);
    if (!page) co_return fail(page.error());
    for (json::value& pod : page->items) {
      if (isReady(pod)) pods_.push_back(std::move(pod));
    }
    options.continueToken = page->continueToken;
  } while (!options.continueToken.empty());
  co_return Result<void>();
}

Task<Result<void>> BareStarter::start(json::value sandbox) {
  if (pods_.empty()) co_return fail(Errc::NotFound, "no warm pod is left");
  const json::value pod = std::move(pods_.front());
  pods_.pop_front();
  const auto taken = co_await client_.patch(kube::pods, {namespace_, json::findString(pod, "metadata.name")},
                                            takePatch(plan_, pod, sandbox), {.type = kube::PatchType::Json});
  if (!taken) co_return fail(taken.error());
  const auto told =
      co_await client_.patch(kube::sandboxes, {namespace_, json::findString(sandbox, "metadata.name")},
                             statusPatch(plan_, pod, sandbox), {.subresource = "status"});
  if (!told) co_return fail(told.error());
  const auto refilled = co_await client_.create(kube::pods, namespace_, plan_.pod);
  if (!refilled) co_return fail(refilled.error());
  co_return Result<void>();
}

}  // namespace cloister::bench
