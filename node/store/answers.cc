#include "node/store/answers.h"

#include <array>
#include <charconv>

#include "base/utf8.h"
#include "node/store/xml.h"

namespace cloister::store {
namespace {

// Bytes of what an endpoint says that are told on.
constexpr size_t longestWords = 256;

Result<Xml> rootOf(std::string_view body, std::string_view name) {
  auto root = parseXml(body);
  if (root && root->name != name) {
    return fail(Errc::Protocol, "the answer is \"" + validUtf8(root->name, longestWords) +
                                    "\" in place of \"" + std::string(name) + "\": is it an S3 endpoint?");
  }
  return root;
}

Result<int64_t> numberOf(const Xml& parent, std::string_view child) {
  const std::string_view text = parent[child];
  int64_t out = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (bad != std::errc() || end != text.data() + text.size() || out < 0)
    return fail(Errc::Protocol, "the answer's " + std::string(child) + " is no number");
  return out;
}

// Each child ITEM of the root, as READ has it.
template <class T>
Result<Page<T>> pageOf(const Xml& root, std::string_view item, std::string_view next,
                       Result<T> (*read)(const Xml&)) {
  Page<T> out;
  for (const Xml& child : root.children) {
    if (child.name != item) continue;
    auto one = read(child);
    if (!one) return fail(one.error());
    out.items.push_back(std::move(*one));
  }
  if (root["IsTruncated"] != "true") return out;
  out.next = root[next];
  if (out.next.empty()) return fail(Errc::Protocol, "the answer does not tell where it goes on");
  return out;
}

struct Known {
  std::string_view code;
  Errc errc;
  std::string_view help;  // {} is the bucket
};

constexpr std::array known{
    Known{"NoSuchBucket", Errc::InvalidInput, "there is no bucket \"{}\"; create it, or name another one"},
    Known{"AccessDenied", Errc::Forbidden,
          "the credentials may not do this in the bucket \"{}\"; they need to get, put, list and delete "
          "objects, "
          "and to list and abort multipart uploads"},
    Known{"InvalidAccessKeyId", Errc::Unauthorized,
          "the endpoint does not know the access key; put a good one into the credentials' Secret"},
    Known{"XAdminUserNotFound", Errc::Unauthorized,  // versitygw
          "the endpoint does not know the access key; put a good one into the credentials' Secret"},
    Known{"SignatureDoesNotMatch", Errc::Unauthorized,
          "the secret key is not that of the access key; put the right one into the credentials' Secret"},
    Known{"ExpiredToken", Errc::Unauthorized,
          "the session token has expired; put new credentials into the Secret"},
    Known{"RequestTimeTooSkewed", Errc::Unauthorized,
          "this node's clock differs from the endpoint's by more than 15 minutes; set the clocks by NTP"},
    Known{"AuthorizationHeaderMalformed", Errc::InvalidInput,
          "the bucket \"{}\" is in another region, or the region is not the endpoint's; set the right one"},
    Known{"PermanentRedirect", Errc::InvalidInput,
          "the bucket \"{}\" is at another endpoint; set the one of its region"},
    Known{"NoSuchKey", Errc::NotFound, "there is no such object in the bucket \"{}\""},
    Known{"NoSuchUpload", Errc::NotFound, "there is no such upload in the bucket \"{}\" any more"},
    Known{"SlowDown", Errc::TooManyRequests, "the endpoint asks for fewer requests"},
    Known{"InternalError", Errc::Unavailable, "the endpoint failed"},
    Known{"ServiceUnavailable", Errc::Unavailable, "the endpoint is not available"},
};

Error explain(std::string_view code, std::string_view message, Errc otherwise, std::string_view bucket) {
  for (const Known& one : known) {
    if (one.code != code) continue;
    std::string text(one.help);
    if (const size_t at = text.find("{}"); at != std::string::npos) text.replace(at, 2, bucket);
    return {.code = one.errc, .message = std::move(text), .reason = std::string(code)};
  }
  return {.code = otherwise,
          .message =
              "the endpoint says " + validUtf8(code, longestWords) + ": " + validUtf8(message, longestWords),
          .reason = validUtf8(code, longestWords)};
}

}  // namespace

Errc classOf(int status) {
  if (status == 401) return Errc::Unauthorized;
  if (status == 403) return Errc::Forbidden;
  if (status == 404) return Errc::NotFound;
  if (status == 408 || status >= 500) return Errc::Unavailable;
  if (status == 429) return Errc::TooManyRequests;
  return Errc::InvalidInput;
}

Result<Page<Object>> parseObjects(std::string_view body) {
  const auto root = rootOf(body, "ListBucketResult");
  if (!root) return fail(root.error());
  return pageOf<Object>(*root, "Contents", "NextContinuationToken", [](const Xml& item) -> Result<Object> {
    const auto size = numberOf(item, "Size");
    if (!size) return fail(size.error());
    return Object{.key = std::string(item["Key"]), .size = *size};
  });
}

Result<Page<std::string>> parseFolders(std::string_view body) {
  const auto root = rootOf(body, "ListBucketResult");
  if (!root) return fail(root.error());
  return pageOf<std::string>(
      *root, "CommonPrefixes", "NextContinuationToken",
      [](const Xml& item) -> Result<std::string> { return std::string(item["Prefix"]); });
}

Result<Page<Upload>> parseUploads(std::string_view body) {
  const auto root = rootOf(body, "ListMultipartUploadsResult");
  if (!root) return fail(root.error());
  auto page = pageOf<Upload>(*root, "Upload", "NextKeyMarker", [](const Xml& item) -> Result<Upload> {
    return Upload{.key = std::string(item["Key"]), .id = std::string(item["UploadId"])};
  });
  if (page && !page->next.empty()) page->nextAside = (*root)["NextUploadIdMarker"];
  return page;
}

Result<Page<Part>> parseParts(std::string_view body) {
  const auto root = rootOf(body, "ListPartsResult");
  if (!root) return fail(root.error());
  return pageOf<Part>(*root, "Part", "NextPartNumberMarker", [](const Xml& item) -> Result<Part> {
    const auto number = numberOf(item, "PartNumber");
    const auto size = numberOf(item, "Size");
    if (!number) return fail(number.error());
    if (!size) return fail(size.error());
    return Part{.number = int(*number), .tag = std::string(item["ETag"]), .size = *size};
  });
}

Result<std::string> parseUploadId(std::string_view body) {
  const auto root = rootOf(body, "InitiateMultipartUploadResult");
  if (!root) return fail(root.error());
  std::string id((*root)["UploadId"]);
  if (id.empty()) return fail(Errc::Protocol, "the answer has no UploadId");
  return id;
}

// Tags are hexadecimal in quotes: nothing in them needs an escape but the quotes, and those do not in a text.
std::string completionOf(const std::vector<Part>& parts) {
  std::string out = "<CompleteMultipartUpload>";
  for (const Part& part : parts) {
    out += "<Part><PartNumber>" + std::to_string(part.number) + "</PartNumber><ETag>" + part.tag +
           "</ETag></Part>";
  }
  return out + "</CompleteMultipartUpload>";
}

std::optional<Error> errorInCompletion(std::string_view body, std::string_view bucket) {
  const auto root = parseXml(body);
  if (!root) return root.error();
  if (root->name != "Error") return std::nullopt;
  return explain((*root)["Code"], (*root)["Message"], Errc::Unavailable, bucket);
}

Error errorOf(const net::Response& response, std::string_view bucket) {
  const Errc byStatus = classOf(response.status);
  const auto root = parseXml(response.body);
  if (root && root->name == "Error") return explain((*root)["Code"], (*root)["Message"], byStatus, bucket);
  // The answer to a HEAD has no body, and what stands between us and the endpoint answers as it likes.
  return {.code = byStatus,
          .message = "the endpoint answered with the status " + std::to_string(response.status) +
                     " for the bucket \"" + std::string(bucket) + "\""};
}

}  // namespace cloister::store
