#include "node/store/seal.h"

#include <array>
#include <cassert>
#include <zstd.h>

namespace cloister::store {
namespace {

constexpr int level = 1;  // memory compresses well, and a node has better uses for its CPU
constexpr size_t lengthBytes = 4;

size_t largestChunk() {
  return nonceBytes + ZSTD_compressBound(chunkBytes) + tagBytes;
}

std::string bigEndian(uint64_t number, size_t bytes) {
  std::string out(bytes, '\0');
  for (size_t i = bytes; i-- > 0; number >>= 8) out[i] = char(number & 0xff);
  return out;
}

size_t lengthAt(std::string_view text) {
  size_t length = 0;
  for (const char byte : text.substr(0, lengthBytes)) length = length << 8 | uint8_t(byte);
  return length;
}

std::string boundOf(uint64_t number, bool last) {
  return bigEndian(number, 8) + (last ? '\1' : '\0');
}

std::string nonceOf(const FileKeys& keys, std::string_view bound, std::string_view text) {
  return hmacSha256(keys.nonce, std::string(bound) + std::string(text)).substr(0, nonceBytes);
}

std::string compressed(std::string_view chunk) {
  std::string out(ZSTD_compressBound(chunk.size()), '\0');
  const size_t length = ZSTD_compress(out.data(), out.size(), chunk.data(), chunk.size(), level);
  assert(!ZSTD_isError(length));
  out.resize(length);
  return out;
}

Result<std::string> decompressed(std::string_view text) {
  std::string out(chunkBytes, '\0');
  const size_t length = ZSTD_decompress(out.data(), out.size(), text.data(), text.size());
  if (ZSTD_isError(length)) return fail(Errc::InvalidInput, "a chunk cannot be decompressed");
  out.resize(length);
  return out;
}

std::string derive(std::string_view dataKey, std::string_view use, std::string_view uid,
                   std::string_view name) {
  // Neither a uid nor the name of a file has a slash.
  return hmacSha256(dataKey, "cloister snapshot file 1/" + std::string(use) + "/" + std::string(uid) + "/" +
                                 std::string(name));
}

}  // namespace

int64_t largestSealed(int64_t size) {
  return (size / int64_t(chunkBytes) + 1) * int64_t(lengthBytes + largestChunk());
}

FileKeys::FileKeys(std::string_view dataKey, std::string_view uid, std::string_view name)
    : cipher(derive(dataKey, "cipher", uid, name)), nonce(derive(dataKey, "nonce", uid, name)) {}

std::string Sealer::add(std::string_view chunk, bool last) {
  assert(chunk.size() == chunkBytes || (last && chunk.size() < chunkBytes));
  const std::string bound = boundOf(number_++, last);
  const std::string text = compressed(chunk);
  const std::string nonce = nonceOf(keys_, bound, text);
  const std::string sealed = seal(keys_.cipher, nonce, text, bound);
  return bigEndian(nonce.size() + sealed.size(), lengthBytes) + nonce + sealed;
}

Result<void> Opener::add(std::string_view piece, const std::function<Result<void>(std::string_view)>& take) {
  pending_ += piece;
  std::string_view rest = pending_;
  while (rest.size() >= lengthBytes) {
    const size_t length = lengthAt(rest);
    if (ended_) return fail(Errc::InvalidInput, "something follows its last chunk");
    if (length < nonceBytes + tagBytes || length > largestChunk())
      return fail(Errc::InvalidInput, "chunk " + std::to_string(number_) + " has an impossible length");
    if (rest.size() < lengthBytes + length) break;
    const std::string_view nonce = rest.substr(lengthBytes, nonceBytes);
    const std::string_view sealed = rest.substr(lengthBytes + nonceBytes, length - nonceBytes);
    rest.remove_prefix(lengthBytes + length);
    auto text = unseal(keys_.cipher, nonce, sealed, boundOf(number_, false));
    if (!text) {
      text = unseal(keys_.cipher, nonce, sealed, boundOf(number_, true));
      ended_ = true;
    }
    if (!text) {
      return fail(Errc::InvalidInput,
                  "chunk " + std::to_string(number_) + " is not what was sealed there with this key");
    }
    ++number_;
    const auto chunk = decompressed(*text);
    if (!chunk) return fail(chunk.error());
    if (auto taken = take(*chunk); !taken) return taken;
  }
  pending_ = std::string(rest);
  return {};
}

Result<void> Opener::finish() const {
  if (!ended_) return fail(Errc::InvalidInput, "it has been cut short");
  if (!pending_.empty()) return fail(Errc::InvalidInput, "something follows its last chunk");
  return {};
}

}  // namespace cloister::store
