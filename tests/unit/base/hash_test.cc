#include "base/hash.h"

#include <set>

#include <gtest/gtest.h>

namespace cloister {
namespace {

// FIPS 180-2, appendix B.
TEST(HashTest, Sha256KnowsTheStandardsExamples) {
  EXPECT_EQ(sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(HashTest, ZeroBytesCount) {
  EXPECT_NE(sha256Hex(std::string_view("a\0b", 3)), sha256Hex("a"));
}

TEST(HashTest, ShortHashesArePrefixesOfOneAnother) {
  const std::string longest = shortHash("abc", 51);
  EXPECT_EQ(longest.size(), 51U);
  EXPECT_EQ(shortHash("abc", 10), longest.substr(0, 10));
  EXPECT_EQ(shortHash("abc", 0), "");
}

TEST(HashTest, ShortHashesStayTheSameOverReleases) {
  EXPECT_EQ(shortHash("abc", 10), "vc43hk4k29");
}

TEST(HashTest, ShortHashesMakeDnsLabelsWithoutWords) {
  std::set<std::string> seen;
  for (int i = 0; i < 2000; ++i) {
    const std::string hash = shortHash(std::to_string(i), 10);
    EXPECT_EQ(hash.find_first_not_of("23456789bcdfghjkmnpqrstvwxyz"), std::string::npos) << hash;
    seen.insert(hash);
  }
  EXPECT_EQ(seen.size(), 2000U);
}

}  // namespace
}  // namespace cloister
