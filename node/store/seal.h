// What leaves a node: each file of a snapshot in chunks, each compressed (zstd) and enciphered (AES-256-GCM)
// by itself, so that cut, changed, swapped, repeated and foreign chunks are found as they come. Pure.
//
// A sealed file is a row of: the length of what follows (4 bytes, the highest first), a nonce, the
// enciphered chunk, its tag. Each is bound to its number and to whether it is the last; the key, to the
// snapshot and to the file's name. The nonce is a keyed sum of what it seals: the same file gives the same
// bytes, so that an upload is resumed by making it again, and no nonce ever serves for two texts.
#pragma once

#include <functional>

#include "base/result.h"
#include "node/store/cipher.h"

namespace cloister::store {

// Of a file: what a chunk has of it, but for the last, which has less, or none of an empty file.
inline constexpr size_t chunkBytes = size_t(1) << 20;
// That a file of SIZE bytes is sealed in, at most.
int64_t largestSealed(int64_t size);

// The keys for the file NAME of the snapshot UID, whose own key is DATAKEY (keyBytes).
struct FileKeys {
  FileKeys(std::string_view dataKey, std::string_view uid, std::string_view name);
  std::string cipher;
  std::string nonce;
};

// One file, from its first chunk to its last.
class Sealer {
 public:
  explicit Sealer(FileKeys keys) : keys_(std::move(keys)) {}
  // CHUNK has chunkBytes, or fewer if it is the LAST one.
  std::string add(std::string_view chunk, bool last);

 private:
  FileKeys keys_;
  uint64_t number_ = 0;
};

// Its reverse, from pieces of any size. What it gives is true, but only the whole is complete: see finish().
class Opener {
 public:
  explicit Opener(FileKeys keys) : keys_(std::move(keys)) {}
  // Gives TAKE each chunk that is whole by now. InvalidInput when it is not what was sealed; else what TAKE
  // fails with.
  Result<void> add(std::string_view piece, const std::function<Result<void>(std::string_view)>& take);
  // InvalidInput when something is missing at the end.
  Result<void> finish() const;

 private:
  FileKeys keys_;
  std::string pending_;
  uint64_t number_ = 0;
  bool ended_ = false;
};

}  // namespace cloister::store
