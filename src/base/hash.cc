#include "base/hash.h"

#include <array>
#include <cassert>

#include <openssl/evp.h>
#include <openssl/sha.h>

namespace cloister {
namespace {

std::array<unsigned char, SHA256_DIGEST_LENGTH> sha256(std::string_view bytes) {
  // SHA256() would look for it each time, which takes longer than most of what is hashed here.
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, algorithm, nullptr);
  return digest;
}

}  // namespace

std::string hexOf(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text += digits[uint8_t(byte) >> 4];
    text += digits[uint8_t(byte) & 15];
  }
  return text;
}

std::string sha256Hex(std::string_view bytes) {
  const auto digest = sha256(bytes);
  return hexOf({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::string shortHash(std::string_view bytes, size_t length) {
  // Only 28 characters qualify, so four stand twice: a character carries 4.7 bits, not 5.
  constexpr std::string_view alphabet = "23456789bcdfghjkmnpqrstvwxyz4567";
  static_assert(alphabet.size() == 32);
  const auto digest = sha256(bytes);
  assert(length * 5 <= digest.size() * 8);
  std::string text;
  for (size_t i = 0; i < length; ++i) {
    unsigned value = 0;
    for (size_t bit = i * 5; bit < i * 5 + 5; ++bit) {
      value = value << 1 | (digest[bit / 8] >> (7 - bit % 8) & 1U);
    }
    text += alphabet[value];
  }
  return text;
}

}  // namespace cloister
