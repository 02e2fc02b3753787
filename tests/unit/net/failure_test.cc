#include "net/failure.h"

#include <gtest/gtest.h>

#include "net/http.h"

namespace cloister::net {
namespace {

using enum Stage;
using enum Failure::Cause;

TEST(Failure, TellsWhetherTheRequestMayHaveBeenCarriedOut) {
  EXPECT_EQ(toError({Connect, Broken, "m"}).code, Errc::Unavailable);
  EXPECT_EQ(toError({Connect, TimedOut, "m"}).code, Errc::Unavailable);
  EXPECT_EQ(toError({Send, Broken, "m"}).code, Errc::Unavailable);
  EXPECT_EQ(toError({Send, TimedOut, "m"}).code, Errc::Unavailable);
  EXPECT_EQ(toError({Wait, Broken, "m"}).code, Errc::Timeout);
  EXPECT_EQ(toError({Wait, TimedOut, "m"}).code, Errc::Timeout);
  EXPECT_EQ(toError({Answer, Broken, "m"}).code, Errc::Timeout);
  EXPECT_EQ(toError({Answer, TimedOut, "m"}).code, Errc::Timeout);
  EXPECT_EQ(toError({Answer, Malformed, "m"}).code, Errc::Protocol);
  EXPECT_EQ(toError({Answer, Malformed, "m"}).message, "m");
}

TEST(Failure, OnlyWhatChangesNothingIsSentTwice) {
  for (const auto* method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}) {
    const bool safe = std::string_view(method) == "GET" || std::string_view(method) == "HEAD";
    EXPECT_TRUE(mayRetry(method, {Send, Broken, ""})) << method;
    EXPECT_EQ(mayRetry(method, {Wait, Broken, ""}), safe) << method;
    EXPECT_FALSE(mayRetry(method, {Wait, TimedOut, ""})) << method;
    EXPECT_FALSE(mayRetry(method, {Send, TimedOut, ""})) << method;
    EXPECT_FALSE(mayRetry(method, {Answer, Broken, ""})) << method;
    EXPECT_FALSE(mayRetry(method, {Answer, Malformed, ""})) << method;
  }
}

TEST(Headers, AreFoundWhateverTheirCase) {
  const Headers headers{{"Content-Type", "a"}, {"retry-after", "1"}};
  EXPECT_EQ(header(headers, "content-type"), "a");
  EXPECT_EQ(header(headers, "Retry-After"), "1");
  EXPECT_EQ(header(headers, "Retry"), "");
}

}  // namespace
}  // namespace cloister::net
