// An object store in memory, as far as the client uses one, whose N-th call fails; what a test wants of time
// and chance. The real thing is asked by tests/s3.
#pragma once

#include <map>
#include <set>

#include "base/hash.h"
#include "node/store/bucket.h"
#include "node/store/cipher.h"

namespace cloister::test {

class FakeS3 final : public net::Transport {
 public:
  enum class Trouble {
    Refused,     // not carried out, and the caller knows
    LostAnswer,  // carried out, and the caller does not know
    Overloaded,  // 503
    Denied       // 403
  };
  int failAt = 0;      // counted from 1; 0: none
  bool lasts = false;  // and each one after it
  Trouble trouble = Trouble::Refused;
  int count = 0;
  int64_t received = 0;    // bytes of bodies
  size_t pageSize = 1000;  // of lists
  std::string bucket = "bucket";
  bool ignoresRanges = false;
  Clock* clock = nullptr;  // if there is one, each call takes a second of it
  int inFlight = 0;
  int mostInFlight = 0;
  std::map<std::string, std::string> objects = {};

  struct Begun {
    std::string key;
    std::map<int, std::string> parts;
  };
  std::map<std::string, Begun> uploads = {};

  Task<Result<net::Response>> exchange(net::Request request) override {
    ++count;
    mostInFlight = std::max(mostInFlight, ++inFlight);
    if (clock != nullptr) co_await clock->sleep(seconds(1));
    --inFlight;
    const bool fails = failAt != 0 && (count == failAt || (lasts && count > failAt));
    if (fails && trouble == Trouble::Refused) co_return fail(Errc::Unavailable, "connection refused");
    if (fails && trouble == Trouble::Overloaded) co_return error(503, "SlowDown");
    if (fails && trouble == Trouble::Denied) co_return error(403, "AccessDenied");
    received += int64_t(request.body.size());
    net::Response answer = serve(request);
    if (fails) co_return fail(Errc::Timeout, "no answer");
    co_return answer;
  }
  Task<Result<net::Opened>> open(net::Request) override { co_return fail(Errc::Internal, "not used"); }

 private:
  static std::string element(const std::string& name, std::string_view text) {
    return "<" + name + ">" + std::string(text) + "</" + name + ">";
  }
  static net::Response error(int status, std::string_view code) {
    return {.status = status,
            .headers = {},
            .body = "<Error>" + element("Code", code) + element("Message", "m") + "</Error>"};
  }
  static net::Response ok(std::string body = "", int status = 200) {
    return {.status = status, .headers = {}, .body = std::move(body)};
  }
  static std::string tagOf(std::string_view body) { return "\"" + hexOf(store::md5Of(body)) + "\""; }

  static std::string decoded(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '%') {
        out += text[i];
        continue;
      }
      out += char(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    }
    return out;
  }

  net::Response serve(const net::Request& request) {
    const size_t mark = std::min(request.target.find('?'), request.target.size());
    std::map<std::string, std::string> query;
    for (size_t at = mark; at < request.target.size();) {
      const size_t end = std::min(request.target.find('&', at + 1), request.target.size());
      const std::string pair = request.target.substr(at + 1, end - at - 1);
      query[decoded(pair.substr(0, pair.find('=')))] = decoded(pair.substr(pair.find('=') + 1));
      at = end;
    }
    const std::string path = decoded(request.target.substr(0, mark));
    const std::string root = "/" + bucket;
    if (!path.starts_with(root)) return error(404, "NoSuchBucket");
    const std::string key = path.size() > root.size() ? path.substr(root.size() + 1) : "";
    if (key.empty()) return query.contains("uploads") ? listUploads(query) : listObjects(query);
    if (query.contains("uploads")) return begin(key);
    if (query.contains("uploadId")) return serveUpload(request, key, query);
    return serveObject(request, key);
  }

  net::Response serveObject(const net::Request& request, const std::string& key) {
    if (request.method == "PUT") objects[key] = request.body;
    if (request.method == "DELETE") objects.erase(key);
    if (request.method == "PUT" || request.method == "DELETE") return ok();
    const auto found = objects.find(key);
    if (found == objects.end()) return error(404, "NoSuchKey");
    if (request.method == "HEAD") {
      return {.status = 200, .headers = {{"Content-Length", std::to_string(found->second.size())}}};
    }
    if (ignoresRanges) return ok(found->second);
    const std::string range(net::header(request.headers, "range"));
    const size_t from = std::stoul(range.substr(6));
    const size_t to = std::stoul(range.substr(range.find('-') + 1));
    if (from >= found->second.size()) return error(416, "InvalidRange");
    return ok(found->second.substr(from, to - from + 1), 206);
  }

  net::Response begin(const std::string& key) {
    const std::string id = "upload-" + std::to_string(uploads.size() + 1);
    uploads[id] = {.key = key, .parts = {}};
    return ok("<InitiateMultipartUploadResult><UploadId>" + id +
              "</UploadId></InitiateMultipartUploadResult>");
  }

  net::Response serveUpload(const net::Request& request, const std::string& key,
                            std::map<std::string, std::string>& query) {
    const auto found = uploads.find(query["uploadId"]);
    if (found == uploads.end() || found->second.key != key) return error(404, "NoSuchUpload");
    if (request.method == "DELETE") uploads.erase(found);
    if (request.method == "DELETE") return ok("", 204);
    if (request.method == "PUT") {
      found->second.parts[std::stoi(query["partNumber"])] = request.body;
      return {.status = 200, .headers = {{"ETag", tagOf(request.body)}}};
    }
    if (request.method == "GET") return listParts(found->second, query);
    std::string whole;
    for (const auto& [number, body] : found->second.parts) {
      const std::string named = "<PartNumber>" + std::to_string(number) + "</PartNumber><ETag>" + tagOf(body);
      if (request.body.contains(named)) whole += body;
    }
    objects[key] = whole;
    uploads.erase(found);
    return ok("<CompleteMultipartUploadResult/>");
  }

  net::Response listParts(const Begun& upload, std::map<std::string, std::string>& query) const {
    const std::string& marker = query["part-number-marker"];
    std::string body;
    size_t given = 0;
    int last = 0;
    for (auto at = upload.parts.upper_bound(marker.empty() ? 0 : std::stoi(marker));
         at != upload.parts.end() && given < pageSize; ++at, ++given) {
      last = at->first;
      body += "<Part>" + element("PartNumber", std::to_string(last)) + element("ETag", tagOf(at->second)) +
              element("Size", std::to_string(at->second.size())) + "</Part>";
    }
    const bool more = upload.parts.upper_bound(last) != upload.parts.end() && given == pageSize;
    if (more) body += element("NextPartNumberMarker", std::to_string(last));
    return ok("<ListPartsResult>" + element("IsTruncated", more ? "true" : "false") + body +
              "</ListPartsResult>");
  }

  // By their keys, and those of one key by their ids.
  net::Response listUploads(std::map<std::string, std::string>& query) {
    std::set<std::pair<std::string, std::string>> sorted;
    for (const auto& [id, upload] : uploads) {
      if (upload.key.starts_with(query["prefix"])) sorted.emplace(upload.key, id);
    }
    auto at = sorted.upper_bound({query["key-marker"], query["upload-id-marker"]});
    std::string body;
    std::string next;
    for (size_t given = 0; at != sorted.end() && given < pageSize; ++at, ++given) {
      body += "<Upload>" + element("Key", at->first) + element("UploadId", at->second) + "</Upload>";
      next = element("NextKeyMarker", at->first) + element("NextUploadIdMarker", at->second);
    }
    if (at != sorted.end()) body += element("IsTruncated", "true") + next;
    return ok("<ListMultipartUploadsResult>" + body + "</ListMultipartUploadsResult>");
  }

  net::Response listFolders(std::map<std::string, std::string>& query) {
    std::set<std::string> sorted;
    const std::string& prefix = query["prefix"];
    for (const auto& [key, content] : objects) {
      const size_t end = key.find(query["delimiter"], prefix.size());
      if (key.starts_with(prefix) && end != std::string::npos) sorted.insert(key.substr(0, end + 1));
    }
    auto at = sorted.upper_bound(query["continuation-token"]);
    std::string body;
    std::string last;
    for (size_t given = 0; at != sorted.end() && given < pageSize; ++at, ++given) {
      last = *at;
      body += "<CommonPrefixes>" + element("Prefix", last) + "</CommonPrefixes>";
    }
    if (at != sorted.end()) body += element("IsTruncated", "true") + element("NextContinuationToken", last);
    return ok("<ListBucketResult>" + body + "</ListBucketResult>");
  }

  net::Response listObjects(std::map<std::string, std::string>& query) {
    if (query.contains("delimiter")) return listFolders(query);
    std::string body;
    std::string last;
    size_t given = 0;
    bool more = false;
    for (const auto& [key, content] : objects) {
      if (!key.starts_with(query["prefix"]) || key <= query["continuation-token"]) continue;
      more = given == pageSize;
      if (more) break;
      body += "<Contents>" + element("Key", key) + element("Size", std::to_string(content.size())) +
              "</Contents>";
      last = key;
      ++given;
    }
    if (more)
      body += "<IsTruncated>true</IsTruncated><NextContinuationToken>" + last + "</NextContinuationToken>";
    return ok("<ListBucketResult>" + body + "</ListBucketResult>");
  }
};

inline const store::Place fakePlace{.endpoint = {.tls = false, .host = "s3.example", .port = 80},
                                    .bucket = "bucket"};

}  // namespace cloister::test
