#include "kube/status.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace cloister::kube {
namespace {

constexpr size_t largestExcerpt = 200;  // of an answer that is no Status, in an error message
// Who set which field, in each object's metadata: up to half of its text, and nobody here reads it.
constexpr std::string_view unread = "managedFields";
// A server may ask for a wait, but not for our silence.
constexpr int64_t largestRetryAfter = 300;

// A JSON patch that does not fit the object as it is now (a "test" does not hold, a path is not there) is 422
// Invalid with nothing in its details, where the validation of an object names it there. It is what a stale
// resourceVersion is.
bool isUnfitPatch(int code, const json::value& status) {
  const json::value* details = json::find(status, "details");
  return code == 422 && json::findString(status, "reason") == "Invalid" && details != nullptr &&
         details->is_object() && details->get_object().empty();
}

Errc classify(int code, std::string_view reason) {
  switch (code) {
    case 401:
      return Errc::Unauthorized;
    case 403:
      return Errc::Forbidden;
    case 404:
      return Errc::NotFound;
    case 409:
      return reason == "AlreadyExists" ? Errc::AlreadyExists : Errc::Conflict;
    case 410:
      return Errc::Gone;
    case 429:
      return Errc::TooManyRequests;
    case 408:
    case 504:
      return Errc::Timeout;
    default:
      break;
  }
  if (code >= 500) return Errc::Unavailable;
  return code >= 400 ? Errc::InvalidInput : Errc::Protocol;
}

std::string reasonOf(const json::value& status) {
  static constexpr std::array<std::string_view, 3> telling{"NamespaceTerminating", "FieldManagerConflict",
                                                           "ResourceVersionTooLarge"};
  const json::value* causes = json::find(status, "details.causes");
  if (causes != nullptr && causes->is_array()) {
    for (const auto& cause : causes->get_array()) {
      std::string reason = json::findString(cause, "reason");
      if (std::ranges::find(telling, reason) != telling.end()) return reason;
    }
  }
  return json::findString(status, "reason");
}

Duration boundedSeconds(int64_t count) {
  return seconds(std::clamp<int64_t>(count, 0, largestRetryAfter));
}

Duration retryAfterOf(const json::value& status) {
  const json::value* given = json::find(status, "details.retryAfterSeconds");
  return given != nullptr && given->is_int64() ? boundedSeconds(given->get_int64()) : Duration{};
}

// RFC 9110's other form, a date, is not sent by API servers.
Duration retryAfterOf(const net::Headers& headers) {
  const std::string_view text = net::header(headers, "Retry-After");
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  return error == std::errc() && end == text.data() + text.size() ? boundedSeconds(count) : Duration{};
}

// The beginning of BODY with everything unprintable as a space: it may be a proxy's page.
std::string excerpt(std::string_view body) {
  std::string out(body.substr(0, largestExcerpt));
  std::ranges::replace_if(out, [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, ' ');
  return out;
}

std::string textAt(const json::value& v, std::string_view path) {
  return json::findString(v, path);
}

std::optional<WatchEvent::Type> eventType(std::string_view type) {
  if (type == "ADDED") return WatchEvent::Type::Added;
  if (type == "MODIFIED") return WatchEvent::Type::Modified;
  if (type == "DELETED") return WatchEvent::Type::Deleted;
  if (type == "BOOKMARK") return WatchEvent::Type::Bookmark;
  return std::nullopt;
}

}  // namespace

Error readStatus(const json::value& status, int code) {
  const json::value* given = json::find(status, "code");
  if (given != nullptr && given->is_int64()) code = int(std::clamp<int64_t>(given->get_int64(), 0, 999));
  Error out{.code = classify(code, textAt(status, "reason")), .message = textAt(status, "message")};
  if (isUnfitPatch(code, status)) {
    out.code = Errc::Conflict;
    out.message = "the patch does not fit the object as it is now";
  }
  if (out.message.empty()) out.message = "the API server answered " + std::to_string(code);
  out.reason = reasonOf(status);
  out.retryAfter = retryAfterOf(status);
  return out;
}

Error readFailure(const net::Response& response) {
  Error out;
  const auto body = json::parse(response.body);
  if (body && json::findString(*body, "kind") == "Status") {
    out = readStatus(*body, response.status);
  } else {
    out.code = classify(response.status, {});
    out.message =
        "the API server answered " + std::to_string(response.status) + ": " + excerpt(response.body);
  }
  out.retryAfter = std::max(out.retryAfter, retryAfterOf(response.headers));
  return out;
}

Result<json::value> readObject(const net::Response& response) {
  if (response.status < 200 || response.status > 299) return fail(readFailure(response));
  auto object = json::parse(response.body, unread);
  if (!object) return failWith("the API server's answer", object.error());
  if (!object->is_object())
    return fail(Errc::Protocol, "the API server's answer is no object: " + excerpt(response.body));
  return object;
}

Result<ListPage> readPage(const net::Response& response) {
  auto list = readObject(response);
  if (!list) return fail(list.error());
  std::string version = textAt(*list, "metadata.resourceVersion");
  json::value* items = list->get_object().if_contains("items");
  if (version.empty() || items == nullptr) {
    return fail(Errc::Protocol, "the API server's answer is no list: " + excerpt(response.body));
  }
  // Null: an empty list, as Go writes it.
  return ListPage{.items = items->is_array() ? std::move(items->get_array()) : json::array(),
                  .resourceVersion = std::move(version),
                  .continueToken = textAt(*list, "metadata.continue")};
}

Result<WatchEvent> readEvent(std::string_view line) {
  auto event = json::parse(line, unread);
  if (!event) return failWith("watch event", event.error());
  json::value* object = event->is_object() ? event->get_object().if_contains("object") : nullptr;
  if (object == nullptr || !object->is_object())
    return fail(Errc::Protocol, "not a watch event: " + excerpt(line));
  const std::string type = textAt(*event, "type");
  if (type == "ERROR") return fail(readStatus(*object, 500));
  const auto known = eventType(type);
  if (!known) return fail(Errc::Protocol, "unknown watch event \"" + excerpt(type) + "\"");
  return WatchEvent{*known, std::move(*object)};
}

}  // namespace cloister::kube
