// The examples of AWS's documentation ("Signature Calculations for the Authorization Header").
#include "node/store/sigv4.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/store/bucket.h"

namespace cloister::store {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

const Credentials credentials{.accessKey = "AKIAIOSFODNN7EXAMPLE",
                              .secretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};

std::string signed_(net::Request request) {
  sign(request, "examplebucket.s3.amazonaws.com", credentials, "us-east-1",
       *parseTime("2013-05-24T00:00:00Z"));
  return std::string(net::header(request.headers, "authorization"));
}

TEST(SigV4, SignsARange) {
  const std::string text =
      signed_({.target = targetOf("/test.txt", {}), .headers = {{"Range", "bytes=0-9"}}});
  EXPECT_THAT(text, HasSubstr("Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"));
  EXPECT_THAT(text, HasSubstr("SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"));
  EXPECT_THAT(text, EndsWith("Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"));
}

TEST(SigV4, SignsABody) {
  EXPECT_THAT(signed_({.method = "PUT",
                       .target = targetOf("/test$file.text", {}),
                       .headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                                   {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                       .body = "Welcome to Amazon S3."}),
              EndsWith("Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));
}

TEST(SigV4, SignsAParameterWithoutValue) {
  EXPECT_THAT(signed_({.target = targetOf("/", {{"lifecycle", ""}})}),
              EndsWith("Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));
}

TEST(SigV4, SignsParametersInOrder) {
  EXPECT_THAT(signed_({.target = targetOf("/", {{"prefix", "J"}, {"max-keys", "2"}})}),
              EndsWith("Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

TEST(SigV4, EncodesWhatIsSigned) {
  EXPECT_EQ(targetOf("/a b/c+d~e", {{"x/y", "="}, {"A", "\xc3\xa4"}}), "/a%20b/c%2Bd~e?A=%C3%A4&x%2Fy=%3D");
}

TEST(SigV4, SendsTheTokenOfCredentialsThatExpire) {
  net::Request request;
  sign(request, "h", {.accessKey = "a", .secretKey = "s", .sessionToken = "t"}, "r", Time());
  EXPECT_EQ(net::header(request.headers, "x-amz-security-token"), "t");
  EXPECT_THAT(std::string(net::header(request.headers, "authorization")),
              HasSubstr(";x-amz-security-token,"));
}

TEST(Place, IsAHostOrAPath) {
  Place place{.endpoint = {.host = "s3.example"}, .bucket = "saved"};
  EXPECT_EQ(urlOf(place)->host, "s3.example");
  place.virtualHost = true;
  EXPECT_EQ(urlOf(place)->host, "saved.s3.example");
}

TEST(Place, NamesWhatCannotBe) {
  EXPECT_THAT(urlOf({.endpoint = {.host = "s3.example"}, .bucket = "a/../b"}).error().message,
              HasSubstr("no name of a bucket"));
  EXPECT_THAT(urlOf({.endpoint = {.host = "s3.example", .prefix = "/x"}, .bucket = "saved"}).error().message,
              HasSubstr("has no path"));
}

}  // namespace
}  // namespace cloister::store
