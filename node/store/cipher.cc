#include "node/store/cipher.h"

#include <cassert>
#include <memory>

#include <boost/algorithm/string/trim.hpp>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

namespace cloister::store {
namespace {

using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

const unsigned char* bytesOf(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytesOf(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

// OpenSSL fails here only for want of memory.
void must(int outcome) {
  if (outcome != 1) std::abort();
}

}  // namespace

std::string hmacSha256(std::string_view key, std::string_view bytes) {
  std::string out(keyBytes, '\0');
  unsigned length = 0;
  if (HMAC(EVP_sha256(), key.data(), int(key.size()), bytesOf(bytes), bytes.size(), bytesOf(out), &length) ==
      nullptr)
    std::abort();
  return out;
}

std::string md5Of(std::string_view bytes) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned length = 0;
  must(EVP_Digest(bytes.data(), bytes.size(), bytesOf(out), &length, EVP_md5(), nullptr));
  out.resize(length);
  return out;
}

std::string randomBytes(size_t count) {
  std::string out(count, '\0');
  must(RAND_bytes(bytesOf(out), int(count)));
  return out;
}

std::string seal(std::string_view key, std::string_view nonce, std::string_view plain,
                 std::string_view bound) {
  assert(key.size() == keyBytes && nonce.size() == nonceBytes);
  const Context context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  must(EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, bytesOf(key), bytesOf(nonce)));
  int length = 0;
  must(EVP_EncryptUpdate(context.get(), nullptr, &length, bytesOf(bound), int(bound.size())));
  std::string out(plain.size() + tagBytes, '\0');
  must(EVP_EncryptUpdate(context.get(), bytesOf(out), &length, bytesOf(plain), int(plain.size())));
  must(EVP_EncryptFinal_ex(context.get(), bytesOf(out) + length, &length));
  must(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, int(tagBytes), bytesOf(out) + plain.size()));
  return out;
}

std::optional<std::string> unseal(std::string_view key, std::string_view nonce, std::string_view sealed,
                                  std::string_view bound) {
  assert(key.size() == keyBytes && nonce.size() == nonceBytes);
  if (sealed.size() < tagBytes) return std::nullopt;
  const std::string_view text = sealed.substr(0, sealed.size() - tagBytes);
  std::string tag(sealed.substr(text.size()));
  const Context context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  must(EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, bytesOf(key), bytesOf(nonce)));
  int length = 0;
  must(EVP_DecryptUpdate(context.get(), nullptr, &length, bytesOf(bound), int(bound.size())));
  std::string out(text.size(), '\0');
  must(EVP_DecryptUpdate(context.get(), bytesOf(out), &length, bytesOf(text), int(text.size())));
  must(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, int(tagBytes), bytesOf(tag)));
  if (EVP_DecryptFinal_ex(context.get(), bytesOf(tag), &length) != 1) return std::nullopt;
  return out;
}

std::string base64Of(std::string_view bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  out.resize(size_t(EVP_EncodeBlock(bytesOf(out), bytesOf(bytes), int(bytes.size()))));
  return out;
}

std::optional<std::string> fromBase64(std::string_view given) {
  const std::string text = boost::algorithm::trim_copy(std::string(given));
  std::string out(text.size(), '\0');
  const int length = EVP_DecodeBlock(bytesOf(out), bytesOf(std::string_view(text)), int(text.size()));
  if (length < 0) return std::nullopt;
  out.resize(size_t(length));
  // OpenSSL counts what padding stands for.
  for (const char end : {text.empty() ? ' ' : text.back(), text.size() < 2 ? ' ' : text[text.size() - 2]}) {
    if (end == '=') out.pop_back();
  }
  // "A=B=" and the like decode, too.
  if (base64Of(out) != text) return std::nullopt;
  return out;
}

}  // namespace cloister::store
