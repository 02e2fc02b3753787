#include "kube/status.h"

#include <gtest/gtest.h>

namespace cloister::kube {
namespace {

net::Response status(int code, std::string_view reason, const json::value& details = {}) {
  json::object body{
      {"kind", "Status"}, {"status", "Failure"}, {"message", "why"}, {"reason", reason}, {"code", code}};
  if (!details.is_null()) body["details"] = details;
  return {.status = code, .body = json::print(body)};
}

TEST(Status, TellsWhatACallerMayDo) {
  const auto code = [](int http, std::string_view reason) { return readFailure(status(http, reason)).code; };
  EXPECT_EQ(code(400, "BadRequest"), Errc::InvalidInput);
  EXPECT_EQ(code(401, "Unauthorized"), Errc::Unauthorized);
  EXPECT_EQ(code(403, "Forbidden"), Errc::Forbidden);
  EXPECT_EQ(code(404, "NotFound"), Errc::NotFound);
  EXPECT_EQ(code(408, ""), Errc::Timeout);
  EXPECT_EQ(code(409, "Conflict"), Errc::Conflict);
  EXPECT_EQ(code(409, "AlreadyExists"), Errc::AlreadyExists);
  EXPECT_EQ(code(410, "Expired"), Errc::Gone);
  EXPECT_EQ(code(410, "Gone"), Errc::Gone);
  EXPECT_EQ(code(413, "RequestEntityTooLarge"), Errc::InvalidInput);
  EXPECT_EQ(code(422, "Invalid"), Errc::InvalidInput);
  EXPECT_EQ(code(429, "TooManyRequests"), Errc::TooManyRequests);
  EXPECT_EQ(code(500, "InternalError"), Errc::Unavailable);
  EXPECT_EQ(code(503, "ServiceUnavailable"), Errc::Unavailable);
  EXPECT_EQ(code(504, "Timeout"), Errc::Timeout);
  EXPECT_EQ(code(302, ""), Errc::Protocol);
}

TEST(Status, KeepsTheReasonAndTheMessage) {
  const auto error = readFailure(status(403, "Forbidden"));
  EXPECT_EQ(error.reason, "Forbidden");
  EXPECT_EQ(error.message, "why");
}

TEST(Status, PrefersACauseThatSaysMore) {
  const auto reason = [](std::string_view cause) {
    return readFailure(status(403, "Forbidden", {{"causes", {{{"reason", "Other"}}, {{"reason", cause}}}}}))
        .reason;
  };
  EXPECT_EQ(reason("NamespaceTerminating"), "NamespaceTerminating");
  EXPECT_EQ(reason("FieldManagerConflict"), "FieldManagerConflict");
  EXPECT_EQ(reason("ResourceVersionTooLarge"), "ResourceVersionTooLarge");
  EXPECT_EQ(reason("FieldValueInvalid"), "Forbidden");
}

TEST(Status, AnUnfitJsonPatchIsAConflict) {
  EXPECT_EQ(readFailure(status(422, "Invalid", json::object())).code, Errc::Conflict);
  EXPECT_EQ(readFailure(status(422, "Invalid", {{"name", "x"}})).code, Errc::InvalidInput);
  EXPECT_EQ(readFailure(status(422, "", json::object())).code, Errc::InvalidInput);
}

TEST(Status, TellsHowLongToWaitButNotForEver) {
  EXPECT_EQ(readFailure(status(429, "", {{"retryAfterSeconds", 7}})).retryAfter, seconds(7));
  auto response = status(429, "", {{"retryAfterSeconds", 7}});
  response.headers = {{"retry-after", "9"}};
  EXPECT_EQ(readFailure(response).retryAfter, seconds(9));
  response.headers = {{"Retry-After", "99999999999"}};
  EXPECT_EQ(readFailure(response).retryAfter, seconds(300));
  response.headers = {{"Retry-After", "-5"}};
  EXPECT_EQ(readFailure(response).retryAfter, seconds(7));
  EXPECT_EQ(
      readFailure({.status = 429, .headers = {{"Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT"}}}).retryAfter,
      Duration{});
}

TEST(Status, MakesSenseOfOtherAnswers) {
  const auto page = readFailure({.status = 502, .body = "<html>\nBad \x01gateway" + std::string(1000, '!')});
  EXPECT_EQ(page.code, Errc::Unavailable);
  EXPECT_EQ(page.message, "the API server answered 502: <html> Bad  gateway" + std::string(181, '!'));
  EXPECT_EQ(readFailure({.status = 404, .body = "404 page not found"}).code, Errc::NotFound);
  EXPECT_EQ(readFailure({.status = 403, .body = R"({"kind":"Status"})"}).message,
            "the API server answered 403");
  EXPECT_EQ(
      readFailure({.status = 403, .body = R"({"kind":"Status","code":1e99,"details":[],"message":3})"}).code,
      Errc::Forbidden);
}

TEST(Answer, IsAnObject) {
  EXPECT_EQ(readObject({.status = 201, .body = R"({"a":1})"}), json::value({{"a", 1}}));
  EXPECT_EQ(readObject({.status = 200, .body = "[]"}).error().code, Errc::Protocol);
  EXPECT_EQ(readObject({.status = 200, .body = "{"}).error().code, Errc::Protocol);
  EXPECT_EQ(readObject({.status = 200}).error().code, Errc::Protocol);
  EXPECT_EQ(readObject({.status = 404}).error().code, Errc::NotFound);
}

TEST(Answer, IsAPage) {
  const auto page =
      readPage({.status = 200,
                .body = R"({"metadata":{"resourceVersion":"7","continue":"c"},"items":[{"a":1},{"a":2}]})"});
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->items.size(), 2U);
  EXPECT_EQ(page->resourceVersion, "7");
  EXPECT_EQ(page->continueToken, "c");
  const auto empty =
      readPage({.status = 200, .body = R"({"metadata":{"resourceVersion":"7"},"items":null})"});
  ASSERT_TRUE(empty) << "as Go writes an empty list";
  EXPECT_TRUE(empty->items.empty());
  EXPECT_EQ(readPage({.status = 200, .body = R"({"metadata":{},"items":[]})"}).error().code, Errc::Protocol);
  EXPECT_EQ(readPage({.status = 200, .body = R"({"metadata":{"resourceVersion":"7"}})"}).error().code,
            Errc::Protocol);
  EXPECT_EQ(readPage({.status = 410, .body = ""}).error().code, Errc::Gone);
}

TEST(Event, IsRead) {
  const auto type = [](std::string_view line) { return readEvent(line).value().type; };
  EXPECT_EQ(type(R"({"type":"ADDED","object":{}})"), WatchEvent::Type::Added);
  EXPECT_EQ(type(R"({"type":"MODIFIED","object":{}})"), WatchEvent::Type::Modified);
  EXPECT_EQ(type(R"({"type":"DELETED","object":{}})"), WatchEvent::Type::Deleted);
  EXPECT_EQ(type(R"({"type":"BOOKMARK","object":{}})"), WatchEvent::Type::Bookmark);
  EXPECT_EQ(readEvent(R"({"type":"ADDED","object":{"kind":"Pod"}})")->object, json::value({{"kind", "Pod"}}));
}

TEST(Event, AnErrorIsOne) {
  const auto gone = readEvent(R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}})");
  EXPECT_EQ(gone.error().code, Errc::Gone);
  EXPECT_EQ(gone.error().reason, "Expired");
  EXPECT_EQ(readEvent(R"({"type":"ERROR","object":{"kind":"Status"}})").error().code, Errc::Unavailable);
  for (const auto* line :
       {"", "[]", "{}", R"({"type":"ADDED"})", R"({"type":"ADDED","object":1})",
        R"({"type":"NEW","object":{}})", R"({"object":{}})", "{\"type\":\"ADDED\",\"obj"}) {
    EXPECT_EQ(readEvent(line).error().code, Errc::Protocol) << line;
  }
}

}  // namespace
}  // namespace cloister::kube
