#include "node/store/transfer.h"

#include <algorithm>

#include "base/hash.h"
#include "node/store/cipher.h"

namespace cloister::store {
namespace {

// Cuts what a source gives into parts.
class Parts {
 public:
  Parts(Source& source, int64_t size) : source_(source), size_(size_t(size)) {}

  // The next one; empty when there is none.
  Task<Result<std::string>> next() {
    while (!ended_ && buffer_.size() < size_) {
      auto piece = co_await source_.next();
      if (!piece) co_return fail(piece.error());
      ended_ = piece->empty();
      buffer_ += *piece;
    }
    std::string part = buffer_.substr(0, size_);
    buffer_.erase(0, part.size());
    co_return part;
  }
  bool isLast() const { return ended_ && buffer_.empty(); }

 private:
  Source& source_;
  size_t size_;
  std::string buffer_;
  bool ended_ = false;
};

// The one that was begun last goes on; others of the same key are remains.
Task<Result<Upload>> resumeOrBegin(Bucket* bucket, std::string key) {
  auto found = co_await bucket->uploads(key);
  if (!found) co_return fail(found.error());
  std::erase_if(*found, [&](const Upload& one) { return one.key != key; });
  if (found->empty()) co_return co_await bucket->begin(key);
  while (found->size() > 1) {
    auto done = co_await bucket->abort(found->front());
    if (!done) co_return fail(done.error());
    found->erase(found->begin());
  }
  co_return found->front();
}

bool isSame(const std::vector<Part>& present, int number, std::string_view body) {
  const auto found = std::ranges::find(present, number, &Part::number);
  if (found == present.end() || found->size != int64_t(body.size())) return false;
  // Some servers keep no sum in the tag: those parts are sent again.
  return found->tag == "\"" + hexOf(md5Of(body)) + "\"";
}

// A completion whose answer was lost has been carried out all the same.
Task<Result<void>> finish(Bucket* bucket, Upload upload, std::vector<Part> parts, int64_t size) {
  auto done = co_await bucket->complete(upload, std::move(parts));
  if (done || done.error().code != Errc::NotFound) co_return done;
  auto there = co_await bucket->size(upload.key);
  if (!there) co_return fail(there.error());
  if (*there == size) co_return Result<void>{};
  co_return done;
}

Task<Result<int64_t>> uploadParts(Bucket* bucket, std::string key, std::string body, Parts* parts) {
  auto upload = co_await resumeOrBegin(bucket, std::move(key));
  if (!upload) co_return fail(upload.error());
  auto present = co_await bucket->parts(*upload);
  if (!present) co_return fail(present.error());
  std::vector<Part> sent;
  int64_t total = 0;
  for (int number = 1; !body.empty(); ++number) {
    total += int64_t(body.size());
    if (isSame(*present, number, body)) {
      sent.push_back(*std::ranges::find(*present, number, &Part::number));
    } else {
      auto part = co_await bucket->putPart(*upload, number, std::move(body));
      if (!part) co_return fail(part.error());
      sent.push_back(std::move(*part));
    }
    auto following = co_await parts->next();
    if (!following) co_return fail(following.error());
    body = std::move(*following);
  }
  auto done = co_await finish(bucket, std::move(*upload), std::move(sent), total);
  if (!done) co_return fail(done.error());
  co_return total;
}

}  // namespace

int64_t partSizeFor(int64_t largest) {
  constexpr int64_t mebibyte = int64_t(1) << 20;
  const int64_t needed = largest / mostParts / mebibyte + 1;
  return std::max(smallestPart, needed * mebibyte);
}

Task<Result<int64_t>> upload(Bucket& bucket, std::string key, int64_t largest, Source& source) {
  Parts parts(source, partSizeFor(largest));
  auto first = co_await parts.next();
  if (!first) co_return fail(first.error());
  if (!parts.isLast() && int64_t(first->size()) == partSizeFor(largest))
    co_return co_await uploadParts(&bucket, std::move(key), std::move(*first), &parts);
  const auto size = int64_t(first->size());
  auto done = co_await bucket.put(std::move(key), std::move(*first));
  if (!done) co_return fail(done.error());
  co_return size;
}

}  // namespace cloister::store
