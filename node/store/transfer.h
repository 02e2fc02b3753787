// Files of any size to a bucket, in bounded memory, and resumed after whatever interrupted them.
#pragma once

#include "node/store/bucket.h"

namespace cloister::store {

// S3's bounds: 5 MiB to 5 GiB a part, 10,000 parts an upload.
constexpr int64_t smallestPart = int64_t(8) << 20;
constexpr int64_t mostParts = 10'000;
// Of each part but the last one, for an object of at most LARGEST bytes: the same each time.
int64_t partSizeFor(int64_t largest);

// What is to be uploaded, piece by piece; the same bytes each time that it is made anew.
class Source {
 public:
  virtual ~Source() = default;
  // The next bytes; empty at the end.
  virtual Task<Result<std::string>> next() = 0;
};

// Makes the object KEY of all that SOURCE gives, at most LARGEST bytes, and returns how many it has. What the
// bucket has already of an upload that was interrupted is not sent again: it is asked what that is, and each
// part's sum is compared. Holds one part in memory, and a piece.
Task<Result<int64_t>> upload(Bucket& bucket, std::string key, int64_t largest, Source& source);

}  // namespace cloister::store
