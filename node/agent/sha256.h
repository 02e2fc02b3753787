#pragma once

#include <memory>
#include <string>

#include <openssl/evp.h>

#include "base/hash.h"

namespace cloister::node {

// The SHA-256 of what is added, block by block.
class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
  }
  void add(std::string_view bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  // Once: 64 lower-case hexadecimal digits.
  std::string finish() {
    std::string sum(EVP_MAX_MD_SIZE, '\0');
    unsigned length = 0;
    EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(sum.data()), &length);
    return hexOf(std::string_view(sum).substr(0, length));
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace cloister::node
