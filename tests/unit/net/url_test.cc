#include "net/url.h"

#include <gtest/gtest.h>

namespace cloister::net {
namespace {

TEST(Url, TellsTheServer) {
  EXPECT_EQ(parseBaseUrl("https://10.0.0.1:6443"), (BaseUrl{true, "10.0.0.1", 6443}));
  EXPECT_EQ(parseBaseUrl("https://api.example.com"), (BaseUrl{true, "api.example.com", 443}));
  EXPECT_EQ(parseBaseUrl("http://localhost:8001/"), (BaseUrl{false, "localhost", 8001}));
  EXPECT_EQ(parseBaseUrl("http://localhost"), (BaseUrl{false, "localhost", 80}));
  EXPECT_EQ(parseBaseUrl("https://[fd00::1]:6443"), (BaseUrl{true, "fd00::1", 6443}));
  EXPECT_EQ(parseBaseUrl("https://rancher.example.com/k8s/clusters/c-1/"),
            (BaseUrl{true, "rancher.example.com", 443, "/k8s/clusters/c-1"}));
}

TEST(Url, SaysWhatIsWrong) {
  for (const auto* text :
       {"", "10.0.0.1:6443", "ftp://example.com", "https://", "https://user:password@example.com",
        "https://example.com:0", "https://example.com:65536", "https://example.com/?a=b",
        "https://example.com/#a", "https://exa mple.com", "https://[fd00::1", "https://a%0d%0aX: y",
        "https://example%2ecom", "https://example.com:443.a", "https://example.com:x"}) {
    const auto url = parseBaseUrl(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, Errc::InvalidInput) << text;
    EXPECT_TRUE(url.error().message.starts_with("\"" + std::string(text) + "\" is not a URL"))
        << url.error().message;
  }
}

TEST(Url, WritesTheHostHeader) {
  EXPECT_EQ(authority({true, "example.com", 443}), "example.com");
  EXPECT_EQ(authority({true, "example.com", 80}), "example.com:80");
  EXPECT_EQ(authority({false, "example.com", 80}), "example.com");
  EXPECT_EQ(authority({true, "fd00::1", 6443}), "[fd00::1]:6443");
}

}  // namespace
}  // namespace cloister::net
