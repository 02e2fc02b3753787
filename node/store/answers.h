// What S3 answers, as values (docs.aws.amazon.com/AmazonS3/latest/API). Pure.
#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "net/http.h"

namespace cloister::store {

struct Object {
  std::string key;
  int64_t size = 0;  // bytes
  bool operator==(const Object&) const = default;
};

// One answer of several to a list.
template <class T>
struct Page {
  std::vector<T> items = {};
  std::string next = {};       // where the next one begins; empty: there is none
  std::string nextAside = {};  // the second part of that, of uploads
};

// An upload in parts that was begun, and neither completed nor given up.
struct Upload {
  std::string key;
  std::string id;
  bool operator==(const Upload&) const = default;
};

struct Part {
  int number = 0;   // from 1 on
  std::string tag;  // its ETag, as it came
  int64_t size = 0;
  bool operator==(const Part&) const = default;
};

// Protocol when it is not such an answer.
Result<Page<Object>> parseObjects(std::string_view body);
// The keys up to the delimiter, of a list that has one.
Result<Page<std::string>> parseFolders(std::string_view body);
Result<Page<Upload>> parseUploads(std::string_view body);
Result<Page<Part>> parseParts(std::string_view body);
Result<std::string> parseUploadId(std::string_view body);
// The body that completes an upload.
std::string completionOf(const std::vector<Part>& parts);
// A completion may fail after its answer has begun, with the status 200.
std::optional<Error> errorInCompletion(std::string_view body, std::string_view bucket);

// Of an answer that says no more than its status, which is none of success.
Errc classOf(int status);

// What went wrong with a request about BUCKET, for people, and its class: NotFound only when it is the object
// (or the upload) that is not there. Error::reason is S3's code.
Error errorOf(const net::Response& response, std::string_view bucket);

}  // namespace cloister::store
