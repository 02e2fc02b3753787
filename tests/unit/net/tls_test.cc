#include "net/tls.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "pki.h"

namespace cloister::net {
namespace {

std::string problem(const TlsOptions& options) {
  const auto tls = makeTls(options);
  if (tls) return "none";
  EXPECT_EQ(tls.error().code, Errc::InvalidInput);
  return tls.error().message;
}

class TlsTest : public testing::Test {
 protected:
  test::Certificate authority = test::makeAuthority("ca");
  test::Certificate client = test::makeCertificate(authority, "client", {});
};

TEST_F(TlsTest, TakesAuthoritiesAndCertificates) {
  EXPECT_EQ(problem({}), "none");
  const auto other = test::makeAuthority("other");
  EXPECT_EQ(problem({.caPem = authority.certificatePem + other.certificatePem,
                     .certificatePem = client.certificatePem + authority.certificatePem,
                     .keyPem = client.keyPem}),
            "none");
}

TEST_F(TlsTest, SaysWhichTextIsOfNoUse) {
  EXPECT_TRUE(
      problem({.caPem = "not a certificate"}).starts_with("the certificate authority cannot be used: "));
  EXPECT_TRUE(problem({.certificatePem = "x", .keyPem = client.keyPem})
                  .starts_with("the client certificate cannot be used: "));
  EXPECT_TRUE(problem({.certificatePem = client.certificatePem, .keyPem = "x"})
                  .starts_with("the client key cannot be used: "));
  EXPECT_TRUE(problem({.certificatePem = client.certificatePem, .keyPem = authority.keyPem})
                  .starts_with("the client key cannot be used: "));
}

TEST_F(TlsTest, DoesNotAskForThePasswordOfAKey) {
  BIO* in = BIO_new_mem_buf(client.keyPem.data(), int(client.keyPem.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
  BIO* out = BIO_new(BIO_s_mem());
  char password[] = "secret";
  ASSERT_EQ(PEM_write_bio_PKCS8PrivateKey(out, key, EVP_aes_128_cbc(), password, 6, nullptr, nullptr), 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  EXPECT_TRUE(problem({.certificatePem = client.certificatePem, .keyPem = std::string(data, size_t(size))})
                  .starts_with("the client key cannot be used: "));
  BIO_free(in);
  BIO_free(out);
  EVP_PKEY_free(key);
}

}  // namespace
}  // namespace cloister::net
