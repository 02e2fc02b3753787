#include "kube/request.h"

#include <cassert>
#include <utility>

#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

namespace cloister::kube {
namespace {

constexpr Duration listDeadline = seconds(60);  // a page of large objects from a busy server

std::string encoded(std::string_view text) {
  return boost::urls::encode(text, boost::urls::unreserved_chars);
}

// A path and its query, built up; parameters without a value are left out.
class Target {
 public:
  explicit Target(std::string path) : text_(std::move(path)) {}

  Target& with(std::string_view name, std::string_view value) {
    if (value.empty()) return *this;
    text_ += std::exchange(separator_, '&');
    text_ += std::string(name) + "=" + encoded(value);
    return *this;
  }
  Target& withFlag(std::string_view name, bool set) { return with(name, set ? "true" : ""); }
  std::string text() const { return text_; }

 private:
  std::string text_;
  char separator_ = '?';
};

Target writeTarget(std::string path) {
  return Target(std::move(path)).with("fieldValidation", "Strict");
}

net::Request request(std::string_view method, const Target& target) {
  return {
      .method = std::string(method), .target = target.text(), .headers = {{"Accept", "application/json"}}};
}

net::Request requestWith(std::string_view method, const Target& target, std::string_view contentType,
                         const json::value& body) {
  net::Request out = request(method, target);
  out.headers.emplace_back("Content-Type", contentType);
  out.body = json::print(body);
  return out;
}

std::string_view contentType(PatchType type) {
  switch (type) {
    case PatchType::Json:
      return "application/json-patch+json";
    case PatchType::Merge:
      return "application/merge-patch+json";
    case PatchType::Strategic:
      return "application/strategic-merge-patch+json";
    case PatchType::Apply:
      return "application/apply-patch+yaml";
  }
  std::unreachable();
}

json::value deleteBody(const DeleteOptions& options) {
  json::object body{{"apiVersion", "v1"}, {"kind", "DeleteOptions"}};
  json::object preconditions;
  if (!options.uid.empty()) preconditions["uid"] = options.uid;
  if (!options.resourceVersion.empty()) preconditions["resourceVersion"] = options.resourceVersion;
  if (!preconditions.empty()) body["preconditions"] = std::move(preconditions);
  if (options.gracePeriodSeconds) body["gracePeriodSeconds"] = *options.gracePeriodSeconds;
  if (!options.propagation.empty()) body["propagationPolicy"] = options.propagation;
  return body;
}

}  // namespace

std::string path(const Resource& resource, std::string_view namespace_, std::string_view name,
                 std::string_view subresource) {
  std::string out = resource.group.empty() ? "/api" : "/apis/" + encoded(resource.group);
  out += "/" + encoded(resource.version);
  if (resource.namespaced && !namespace_.empty()) out += "/namespaces/" + encoded(namespace_);
  out += "/" + encoded(resource.plural);
  if (!name.empty()) out += "/" + encoded(name);
  if (!subresource.empty()) out += "/" + encoded(subresource);
  return out;
}

net::Request getRequest(const Resource& resource, const ObjectKey& key) {
  assert(!key.name.empty());
  return request("GET", Target(path(resource, key.namespace_, key.name)));
}

net::Request listRequest(const Resource& resource, std::string_view namespace_, const ListOptions& options) {
  Target target(path(resource, namespace_, {}));
  target.with("labelSelector", options.labelSelector).with("fieldSelector", options.fieldSelector);
  if (options.limit > 0) target.with("limit", std::to_string(options.limit));
  target.with("continue", options.continueToken).with("resourceVersion", options.resourceVersion);
  net::Request out = request("GET", target);
  out.deadline = listDeadline;
  return out;
}

net::Request watchRequest(const Resource& resource, std::string_view namespace_,
                          const WatchOptions& options) {
  Target target(path(resource, namespace_, {}));
  target.withFlag("watch", true).withFlag("allowWatchBookmarks", true);
  target.with("labelSelector", options.labelSelector).with("fieldSelector", options.fieldSelector);
  target.with("resourceVersion", options.resourceVersion);
  target.with("timeoutSeconds", std::to_string(std::chrono::ceil<seconds>(options.timeout).count()));
  return request("GET", target);
}

net::Request createRequest(const Resource& resource, std::string_view namespace_, const json::value& object) {
  assert(resource.namespaced == !namespace_.empty());
  return requestWith("POST", writeTarget(path(resource, namespace_, {})), "application/json", object);
}

net::Request replaceRequest(const Resource& resource, const ObjectKey& key, const json::value& object,
                            std::string_view subresource) {
  assert(!key.name.empty());
  return requestWith("PUT", writeTarget(path(resource, key.namespace_, key.name, subresource)),
                     "application/json", object);
}

net::Request patchRequest(const Resource& resource, const ObjectKey& key, const json::value& body,
                          const PatchOptions& options) {
  assert(!key.name.empty());
  assert(options.type != PatchType::Apply || !options.fieldManager.empty());
  Target target = writeTarget(path(resource, key.namespace_, key.name, options.subresource));
  target.with("fieldManager", options.fieldManager).withFlag("force", options.force);
  target.with("dryRun", options.dryRun ? "All" : "");
  return requestWith("PATCH", target, contentType(options.type), body);
}

net::Request deleteRequest(const Resource& resource, const ObjectKey& key, const DeleteOptions& options) {
  assert(!key.name.empty());
  return requestWith("DELETE", Target(path(resource, key.namespace_, key.name)), "application/json",
                     deleteBody(options));
}

}  // namespace cloister::kube
