#include "node/store/bucket.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "node/store/cipher.h"

namespace cloister::store {
namespace {

// Of one list: more than what one snapshot, or one upload, may have.
constexpr size_t mostPages = 1000;
constexpr size_t mostItems = 100'000;

bool isBucketName(std::string_view name) {
  if (name.size() < 3 || name.size() > 63 || name.front() == '.' || name.back() == '.') return false;
  return std::ranges::all_of(name, [](char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '.';
  });
}

// Every server checks it, as long as S3 has existed; x-amz-content-sha256, which is signed, not all do.
net::Request bodyRequest(std::string method, std::string body) {
  net::Request out{.method = std::move(method), .headers = {{"content-md5", base64Of(md5Of(body))}}};
  out.body = std::move(body);
  return out;
}

Task<Result<Credentials>> readNow(std::function<Result<Credentials>()> read) {
  co_return read();
}

}  // namespace

std::function<Task<Result<Credentials>>()> atOnce(std::function<Result<Credentials>()> read) {
  return [read = std::move(read)] { return readNow(read); };
}

Result<net::BaseUrl> urlOf(const Place& place) {
  if (!isBucketName(place.bucket)) {
    return fail(Errc::InvalidInput,
                "\"" + place.bucket +
                    "\" is no name of a bucket: 3 to 63 lower-case letters, digits, dots and "
                    "hyphens");
  }
  if (!place.endpoint.prefix.empty())
    return fail(Errc::InvalidInput, "the endpoint of an object store has no path: remove it from the URL");
  net::BaseUrl out = place.endpoint;
  if (place.virtualHost) out.host = place.bucket + "." + out.host;
  return out;
}

Task<Result<net::Response>> Bucket::call(net::Request request, std::string key, Query query) {
  return callTimes(options_.tries, std::move(request), std::move(key), std::move(query));
}

Task<Result<net::Response>> Bucket::callTimes(unsigned tries, net::Request request, std::string key,
                                              Query query) {
  const std::string root = place_.virtualHost ? "/" : "/" + place_.bucket;
  request.target = targetOf(key.empty() ? root : root + (place_.virtualHost ? "" : "/") + key, query);
  request.deadline = options_.deadline;
  Duration pause = options_.pause;
  for (unsigned left = tries;; --left) {
    auto answer = co_await once(request);
    if (answer || left <= 1 || !isRetryable(answer.error())) co_return answer;
    co_await clock_.sleep(std::max(pause, answer.error().retryAfter));
    pause *= 2;
  }
}

Task<Result<net::Response>> Bucket::once(net::Request request) {
  auto credentials = co_await login_();
  if (!credentials) co_return fail(credentials.error());
  sign(request, net::authority(*urlOf(place_)), *credentials, place_.region, clock_.now());
  auto answer = co_await transport_.exchange(std::move(request));
  if (!answer) co_return failWith("the object store cannot be reached", answer.error());
  if (answer->status < 200 || answer->status >= 300)
    co_return failWith("the object store refuses", errorOf(*answer, place_.bucket));
  co_return answer;
}

template <class T>
Task<Result<std::vector<T>>> Bucket::pages(std::string key, Query query,
                                           Result<Page<T>> (*parse)(std::string_view), std::string next,
                                           std::string nextAside) {
  std::vector<T> all;
  size_t read = 0;
  for (;;) {
    auto answer = co_await call({}, key, query);
    if (!answer) co_return fail(answer.error());
    auto page = parse(answer->body);
    if (!page) co_return fail(page.error());
    std::ranges::move(page->items, std::back_inserter(all));
    if (page->next.empty()) co_return all;
    if (++read == mostPages || all.size() > mostItems)
      co_return fail(Errc::Protocol, "the object store's list is longer than any that is asked for");
    Query onwards = query;
    onwards[next] = page->next;
    if (!nextAside.empty()) onwards[nextAside] = page->nextAside;
    if (onwards == query) co_return fail(Errc::Protocol, "the object store's list does not go on");
    query = std::move(onwards);
  }
}

Task<Result<void>> Bucket::put(std::string key, std::string body) {
  auto answer = co_await call(bodyRequest("PUT", std::move(body)), key, {});
  if (!answer) co_return fail(answer.error());
  co_return Result<void>{};
}

Task<Result<std::string>> Bucket::get(std::string key, int64_t offset, int64_t length) {
  net::Request request;
  request.headers.emplace_back("range",
                               "bytes=" + std::to_string(offset) + "-" + std::to_string(offset + length - 1));
  auto answer = co_await call(std::move(request), key, {});
  if (!answer && answer.error().reason == "InvalidRange") co_return std::string();
  if (!answer) co_return fail(answer.error());
  if ((answer->status != 206 && offset != 0) || int64_t(answer->body.size()) > length)
    co_return fail(Errc::Protocol, "the object store gave another part of the object than was asked for");
  co_return std::move(answer->body);
}

Task<Result<std::optional<int64_t>>> Bucket::size(std::string key) {
  auto answer = co_await call({.method = "HEAD"}, key, {});
  if (!answer && answer.error().code == Errc::NotFound) co_return std::optional<int64_t>();
  if (!answer) co_return fail(answer.error());
  const std::string_view text = net::header(answer->headers, "content-length");
  int64_t size = -1;
  std::from_chars(text.data(), text.data() + text.size(), size);
  if (size < 0) co_return fail(Errc::Protocol, "the object store does not tell an object's size");
  co_return std::optional(size);
}

Task<Result<std::vector<Object>>> Bucket::list(std::string prefix) {
  return pages<Object>("", {{"list-type", "2"}, {"prefix", std::move(prefix)}}, &parseObjects,
                       "continuation-token", "");
}

Task<Result<std::vector<std::string>>> Bucket::folders(std::string prefix) {
  return pages<std::string>("", {{"list-type", "2"}, {"delimiter", "/"}, {"prefix", std::move(prefix)}},
                            &parseFolders, "continuation-token", "");
}

Task<Result<void>> Bucket::remove(std::string key) {
  auto answer = co_await call({.method = "DELETE"}, key, {});
  if (!answer && answer.error().code != Errc::NotFound) co_return fail(answer.error());
  co_return Result<void>{};
}

Task<Result<std::vector<Upload>>> Bucket::uploads(std::string prefix) {
  return pages<Upload>("", {{"uploads", ""}, {"prefix", std::move(prefix)}}, &parseUploads, "key-marker",
                       "upload-id-marker");
}

Task<Result<Upload>> Bucket::begin(std::string key) {
  auto answer = co_await callTimes(1, {.method = "POST"}, key, {{"uploads", ""}});
  if (!answer) co_return fail(answer.error());
  auto id = parseUploadId(answer->body);
  if (!id) co_return fail(id.error());
  co_return Upload{.key = std::move(key), .id = std::move(*id)};
}

Task<Result<Part>> Bucket::putPart(Upload upload, int number, std::string body) {
  const auto size = int64_t(body.size());
  auto answer = co_await call(bodyRequest("PUT", std::move(body)), upload.key,
                              {{"partNumber", std::to_string(number)}, {"uploadId", upload.id}});
  if (!answer) co_return fail(answer.error());
  std::string tag(net::header(answer->headers, "etag"));
  if (tag.empty()) co_return fail(Errc::Protocol, "the object store gave no ETag to a part");
  co_return Part{.number = number, .tag = std::move(tag), .size = size};
}

Task<Result<std::vector<Part>>> Bucket::parts(Upload upload) {
  return pages<Part>(upload.key, {{"uploadId", upload.id}}, &parseParts, "part-number-marker", "");
}

Task<Result<void>> Bucket::complete(Upload upload, std::vector<Part> parts) {
  auto answer =
      co_await call(bodyRequest("POST", completionOf(parts)), upload.key, {{"uploadId", upload.id}});
  if (!answer) co_return fail(answer.error());
  if (auto error = errorInCompletion(answer->body, place_.bucket))
    co_return failWith("the object store refuses", *error);
  co_return Result<void>{};
}

Task<Result<void>> Bucket::abort(Upload upload) {
  auto answer = co_await call({.method = "DELETE"}, upload.key, {{"uploadId", upload.id}});
  if (!answer && answer.error().code != Errc::NotFound) co_return fail(answer.error());
  co_return Result<void>{};
}

}  // namespace cloister::store
