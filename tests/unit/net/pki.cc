#include "pki.h"

#include <memory>
#include <stdexcept>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace cloister::test {
namespace {

template <auto Free>
struct Freeing {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freeing<EVP_PKEY_free>>;
using X509Ptr = std::unique_ptr<X509, Freeing<X509_free>>;
using Bio = std::unique_ptr<BIO, Freeing<BIO_free>>;

void require(bool good) {
  if (!good) throw std::runtime_error("OpenSSL failed in a test");
}

template <class Write>
std::string pem(Write write) {
  const Bio bio(BIO_new(BIO_s_mem()));
  require(write(bio.get()) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, size_t(size)};
}

void extend(X509* certificate, int kind, const std::string& text) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, text.c_str());
  require(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

X509Ptr blank(const std::string& name, EVP_PKEY* key) {
  static long serial = 0;
  X509Ptr out(X509_new());
  X509_set_version(out.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(out.get()), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(out.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(out.get()), 86400);
  X509_set_pubkey(out.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(out.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return out;
}

Certificate sealed(X509* certificate, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuerKey) {
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
  require(X509_sign(certificate, issuerKey, EVP_sha256()) > 0);
  return {pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); }), pem([&](BIO* bio) {
            return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

Bio reading(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), int(text.size())));
}

}  // namespace

Certificate makeAuthority(const std::string& name) {
  const Key key(EVP_EC_gen("P-256"));
  const X509Ptr certificate = blank(name, key.get());
  extend(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  return sealed(certificate.get(), key.get(), certificate.get(), key.get());
}

Certificate makeCertificate(const Certificate& authority, const std::string& name,
                            const std::vector<std::string>& names) {
  const X509Ptr issuer(PEM_read_bio_X509(reading(authority.certificatePem).get(), nullptr, nullptr, nullptr));
  const Key issuerKey(PEM_read_bio_PrivateKey(reading(authority.keyPem).get(), nullptr, nullptr, nullptr));
  const Key key(EVP_EC_gen("P-256"));
  const X509Ptr certificate = blank(name, key.get());
  std::string alternatives;
  for (const auto& alternative : names) alternatives += (alternatives.empty() ? "" : ",") + alternative;
  if (!alternatives.empty()) extend(certificate.get(), NID_subject_alt_name, alternatives);
  return sealed(certificate.get(), key.get(), issuer.get(), issuerKey.get());
}

}  // namespace cloister::test
