#include "tests/support/apiserver/api_server.h"

#include <algorithm>
#include <charconv>

#include "tests/support/apiserver/object_rules.h"
#include "tests/support/apiserver/patch.h"

namespace cloister::test {
namespace {

const KindRules* rulesOf(const std::string& plural) {
  const auto found =
      std::ranges::find(kindRules, plural, [](const KindRules& rules) { return rules.resource.plural; });
  return found == std::end(kindRules) ? nullptr : &*found;
}

net::Response answer(int status, std::string body) {
  return {status, {{"Content-Type", "application/json"}}, std::move(body)};
}

std::string quoted(const std::string& text) {
  return "\"" + text + "\"";
}

// "sandboxes.cloister.dev"
std::string qualified(const kube::Resource& resource) {
  return std::string(resource.plural) + (resource.group.empty() ? "" : "." + std::string(resource.group));
}

net::Response notFound(const ObjectId& id) {
  const KindRules* rules = rulesOf(id.plural);
  const std::string kind = rules != nullptr ? qualified(rules->resource) : id.plural;
  return refusal(404, "NotFound", kind + " " + quoted(id.key.name) + " not found");
}

net::Response conflict(const ObjectId& id, const std::string& why) {
  return refusal(409, "Conflict",
                 "Operation cannot be fulfilled on " + qualified(rulesOf(id.plural)->resource) + " " +
                     quoted(id.key.name) + ": " + why);
}

uint64_t number(std::string_view text, uint64_t otherwise) {
  uint64_t value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

net::Response refusal(int code, const std::string& reason, const std::string& message,
                      const std::string& cause) {
  json::object details;
  if (!cause.empty()) details["causes"] = json::array{{{"reason", cause}}};
  return answer(code, json::print({{"kind", "Status"},
                                   {"apiVersion", "v1"},
                                   {"metadata", json::object()},
                                   {"status", "Failure"},
                                   {"message", message},
                                   {"reason", reason},
                                   {"details", std::move(details)},
                                   {"code", code}}));
}

net::Response ApiServer::serve(const net::Request& request, const std::string& actor) {
  const auto target = parseTarget(request.target);
  const KindRules* rules = target ? rulesOf(target->id.plural) : nullptr;
  if (rules == nullptr || rules->resource.group != target->group ||
      rules->resource.version != target->version) {
    return refusal(404, "NotFound", "the server could not find the requested resource");
  }
  if (request.method == "GET") return target->id.key.name.empty() ? list(*target) : read(*target);
  actor_ = actor;
  const uint64_t before = storage_.revision();
  net::Response response = write(request, *target);
  if (onWrite) onWrite({actor, request.method, *target, response.status, storage_.revision() != before});
  return response;
}

net::Response ApiServer::read(const Target& target) const {
  const Object object = storage_.get(target.id);
  return object ? answer(200, object->text) : notFound(target.id);
}

// A token is the revision of the first page and the last key that was told.
net::Response ApiServer::list(const Target& target) const {
  const std::string token = target.parameter("continue");
  const uint64_t revision = number(token, listsAt.value_or(storage_.revision()));
  if (revision < storage_.oldest()) {
    return refusal(410, "Expired", "The provided continue parameter is too old.");
  }
  const std::string after = token.empty() ? "" : token.substr(token.find(':') + 1);
  const Selector selector(target.parameter("labelSelector"), target.parameter("fieldSelector"));
  const size_t limit = std::min<size_t>(number(target.parameter("limit"), largestPage), pageLimit);
  std::string items;
  std::string next;
  size_t count = 0;
  for (const Object& object : storage_.listAt(target.id.plural, target.id.key.namespace_, revision)) {
    const std::string key = json::findString(object->json, "metadata.namespace") + "/" +
                            json::findString(object->json, "metadata.name");
    if (key <= after || !selector.matches(object->json)) continue;
    if (count++ == limit) break;
    items += (items.empty() ? "" : ",") + object->text;
    next = key;
  }
  const std::string more = count > limit ? std::to_string(revision) + ":" + next : "";
  return answer(200, R"({"kind":"List","apiVersion":"v1","metadata":{"resourceVersion":")" +
                         std::to_string(revision) + R"(","continue":")" + more + R"("},"items":[)" + items +
                         "]}");
}

net::Response ApiServer::write(const net::Request& request, const Target& target) {
  auto body = json::parse(request.body.empty() ? "null" : request.body);
  if (!body) return refusal(400, "BadRequest", "the body is no JSON");
  if (admission) {
    if (auto refused = admission(request, target)) return *refused;
  }
  if (request.method == "POST") return post(target, std::move(*body));
  if (request.method == "PUT") return put(target, std::move(*body));
  if (request.method == "PATCH") return patch(target, request, *body);
  if (request.method == "DELETE") return remove(target.id, *body);
  return refusal(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
}

net::Response ApiServer::post(const Target& target, json::value object) {
  ObjectId id = target.id;
  id.key.name = json::findString(object, "metadata.name");
  const std::string within = json::findString(object, "metadata.namespace");
  if (id.key.name.empty())
    return refusal(422, "Invalid", "metadata.name: Required value: name or generateName is required");
  if (!within.empty() && within != id.key.namespace_) {
    return refusal(400, "BadRequest",
                   "the namespace of the provided object does not match the namespace sent on the request");
  }
  if (!id.key.namespace_.empty()) {
    const ObjectId home{"namespaces", {"", id.key.namespace_}};
    const Object namespace_ = storage_.get(home);
    if (!namespace_) return notFound(home);
    if (isLeaving(namespace_->json)) {
      return refusal(403, "Forbidden",
                     qualified(rulesOf(id.plural)->resource) + " " + quoted(id.key.name) +
                         " is forbidden: unable to create new content in namespace " + id.key.namespace_ +
                         " because it is being terminated",
                     "NamespaceTerminating");
    }
  }
  if (storage_.get(id)) {
    return refusal(409, "AlreadyExists",
                   qualified(rulesOf(id.plural)->resource) + " " + quoted(id.key.name) + " already exists");
  }
  metadataOf(object)["namespace"] = id.key.namespace_;
  return answer(201, create(actor_, id.plural, std::move(object))->text);
}

Object ApiServer::create(const std::string& actor, const std::string& plural, json::value object) {
  actor_ = actor;
  const KindRules& rules = *rulesOf(plural);
  json::object& metadata = metadataOf(object);
  if (!rules.resource.namespaced) metadata.erase("namespace");
  metadata["uid"] = newUid();
  metadata["creationTimestamp"] = formatTime(clock_.now());
  metadata.erase("deletionTimestamp");
  if (rules.generation) metadata["generation"] = 1;
  const ObjectId id{
      plural, {json::findString(object, "metadata.namespace"), json::findString(object, "metadata.name")}};
  if (rules.status) object.as_object().erase("status");
  if (plural == "pods") object.as_object()["status"] = {{"phase", "Pending"}};
  if (plural == "namespaces") object.as_object()["status"] = {{"phase", "Active"}};
  return store(id, std::move(object));
}

net::Response ApiServer::put(const Target& target, json::value object) {
  const Object current = storage_.get(target.id);
  if (!current) return notFound(target.id);
  if (json::findString(object, "metadata.name") != target.id.key.name) {
    return refusal(400, "BadRequest", "the name of the object does not match the name on the URL");
  }
  if (json::findString(object, "metadata.resourceVersion").empty()) {
    if (!rulesOf(target.id.plural)->unconditionalUpdate) {
      return refusal(422, "Invalid",
                     "metadata.resourceVersion: Invalid value: must be specified for an update");
    }
    metadataOf(object)["resourceVersion"] = current->json.at("metadata").at("resourceVersion");
  }
  return update(target, current, std::move(object));
}

net::Response ApiServer::patch(const Target& target, const net::Request& request, const json::value& body) {
  const Object current = storage_.get(target.id);
  if (!current) return notFound(target.id);
  json::value next = current->json;
  const std::string_view type = net::header(request.headers, "Content-Type");
  if (type == "application/merge-patch+json") {
    applyMergePatch(next, body);
  } else if (type == "application/strategic-merge-patch+json") {
    applyStrategicPatch(next, body);
  } else if (type == "application/json-patch+json") {
    // The details are empty: kube/status.cc tells it from a validation's 422 by that.
    if (!applyJsonPatch(next, body))
      return refusal(422, "Invalid", "the server rejected our request due to an error in our request");
  } else {
    return refusal(415, "UnsupportedMediaType", "the body of the request was in an unknown format");
  }
  return update(target, current, std::move(next));
}

net::Response ApiServer::update(const Target& target, const Object& current, json::value next) {
  const ObjectId& id = target.id;
  const KindRules& rules = *rulesOf(id.plural);
  const auto differs = [&](const char* path) {
    const std::string given = json::findString(next, path);
    return !given.empty() && given != json::findString(current->json, path);
  };
  if (differs("metadata.uid")) return refusal(422, "Invalid", "metadata.uid: field is immutable");
  if (differs("metadata.resourceVersion")) {
    return conflict(
        id, "the object has been modified; please apply your changes to the latest version and try again");
  }
  if (isLeaving(current->json) && gainsFinalizers(current->json, next)) {
    return refusal(
        422, "Invalid",
        "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted");
  }
  if (target.subresource == "status") {
    json::value whole = current->json;
    json::value* status = next.as_object().if_contains("status");
    whole.as_object()["status"] = status != nullptr ? std::move(*status) : json::value(json::object());
    next = std::move(whole);
  } else if (rules.status) {
    keepStatus(current->json, next);
  }
  keepOwn(current->json, next);
  if (!hasFinalizers(next)) metadataOf(next).erase("finalizers");
  countGeneration(current->json, next);
  if (isSame(next, current->json)) return answer(200, current->text);
  if (isLeaving(next) && !hasFinalizers(next) && hasFinalizers(current->json)) {
    storage_.erase(id);
    return answer(200, json::print(next));
  }
  return answer(200, store(id, std::move(next))->text);
}

bool ApiServer::edit(const std::string& actor, const ObjectId& id,
                     const std::function<void(json::value&)>& change) {
  const Object current = storage_.get(id);
  if (!current) return false;
  actor_ = actor;
  json::value next = current->json;
  change(next);
  countGeneration(current->json, next);
  if (isSame(next, current->json)) return false;
  const bool freed = isLeaving(next) && !hasFinalizers(next) && hasFinalizers(current->json);
  if (freed) {
    storage_.erase(id);
  } else {
    store(id, std::move(next));
  }
  return true;
}

net::Response ApiServer::remove(const std::string& actor, const ObjectId& id, const json::value& options) {
  actor_ = actor;
  return remove(id, options);
}

void ApiServer::erase(const std::string& actor, const ObjectId& id) {
  actor_ = actor;
  storage_.erase(id);
}

net::Response ApiServer::remove(const ObjectId& id, const json::value& options) {
  const Object current = storage_.get(id);
  if (!current) return notFound(id);
  for (const char* field : {"uid", "resourceVersion"}) {
    const std::string wanted = json::findString(options, std::string("preconditions.") + field);
    if (!wanted.empty() && wanted != json::findString(current->json, std::string("metadata.") + field))
      return conflict(id, "Precondition failed");
  }
  json::value next = current->json;
  const std::string propagation = json::findString(options, "propagationPolicy");
  if (!propagation.empty() && propagation != "Background" && propagation != "Foreground" &&
      propagation != "Orphan") {
    return refusal(422, "Invalid", "propagationPolicy: Unsupported value: " + quoted(propagation));
  }
  if (propagation == "Orphan") addFinalizer(next, "orphan");
  if (propagation == "Foreground") addFinalizer(next, "foregroundDeletion");
  const int64_t grace = graceOf(id, next, options);
  if (grace == 0 && !hasFinalizers(next) && id.plural != "namespaces")
    return removeNow(*rulesOf(id.plural), id);
  if (isLeaving(next)) return answer(200, current->text);
  beginDeletion(next, clock_.now() + seconds(grace));
  if (id.plural != "namespaces") metadataOf(next)["deletionGracePeriodSeconds"] = grace;
  if (id.plural == "namespaces") next.as_object()["status"] = {{"phase", "Terminating"}};
  return answer(200, store(id, std::move(next))->text);
}

net::Response ApiServer::removeNow(const KindRules& rules, const ObjectId& id) {
  const Object object = storage_.get(id);
  storage_.erase(id);
  if (rules.answersWithObject) {
    json::value last = storage_.since(storage_.revision() - 1).front()->last->json;
    if (rules.graceful) {
      if (!isLeaving(last)) beginDeletion(last, clock_.now());
      metadataOf(last)["deletionGracePeriodSeconds"] = 0;
    }
    return answer(200, json::print(last));
  }
  return answer(200, json::print({{"kind", "Status"},
                                  {"apiVersion", "v1"},
                                  {"metadata", json::object()},
                                  {"status", "Success"},
                                  {"details",
                                   {{"name", id.key.name},
                                    {"kind", rules.resource.plural},
                                    {"uid", json::findString(object->json, "metadata.uid")}}}}));
}

Object ApiServer::store(const ObjectId& id, json::value object) {
  return storage_.put(id, std::move(object));
}

std::string ApiServer::newUid() {
  return "uid-" + std::to_string(++uids_);
}

std::variant<WatchStart, net::Response> ApiServer::admitWatch(const net::Request& request) const {
  const auto target = parseTarget(request.target);
  if (!target || rulesOf(target->id.plural) == nullptr) {
    return refusal(404, "NotFound", "the server could not find the requested resource");
  }
  return WatchStart{
      .plural = target->id.plural,
      .namespace_ = target->id.key.namespace_,
      .selector = Selector(target->parameter("labelSelector"), target->parameter("fieldSelector")),
      .revision = number(target->parameter("resourceVersion"), storage_.revision()),
      .timeout = seconds(number(target->parameter("timeoutSeconds"), 1800))};
}

std::optional<std::string> eventLine(const WatchStart& watch, const Change& change) {
  if (change.id.plural != watch.plural) return std::nullopt;
  if (!watch.namespace_.empty() && watch.namespace_ != change.id.key.namespace_) return std::nullopt;
  const bool was = change.before && watch.selector.matches(change.before->json);
  const bool is = change.after && watch.selector.matches(change.after->json);
  if (!was && !is) return std::nullopt;
  const std::string type = !is ? "DELETED" : was ? "MODIFIED" : "ADDED";
  return R"({"type":")" + type + R"(","object":)" + change.last->text + "}\n";
}

std::string bookmarkLine(const WatchStart& watch, uint64_t revision) {
  const std::string kind(rulesOf(watch.plural)->resource.kind);
  return R"({"type":"BOOKMARK","object":{"kind":")" + kind + R"(","metadata":{"resourceVersion":")" +
         std::to_string(revision) + "\"}}}\n";
}

std::string expiredLine() {
  return R"({"type":"ERROR","object":)" + refusal(410, "Expired", "too old resource version").body + "}\n";
}

}  // namespace cloister::test
