#include "operator/sandbox/expiry.h"

#include <gtest/gtest.h>

#include "tests/unit/operator/examples.h"

namespace cloister::sandbox {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using test::aSandbox;
using test::epoch;

Time expiry(const api::Sandbox& sandbox, std::optional<Time> startedAt, const Config& config = {}) {
  return expiryOf(sandbox, resolve(sandbox.spec, config), startedAt, {});
}

TEST(Expiry, CountsTheTtlFromTheStart) {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.lifecycle.ttl = minutes(10);
  const Time startedAt = epoch + minutes(3);
  EXPECT_EQ(expiry(sandbox, startedAt), startedAt + minutes(10));
}

TEST(Expiry, IsTheLongestLifetimeBeforeTheStart) {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.lifecycle.ttl = minutes(10);
  EXPECT_EQ(expiry(sandbox, std::nullopt), epoch + hours(24 * 7));
  sandbox.spec.lifecycle.maxLifetime = hours(2);
  EXPECT_EQ(expiry(sandbox, std::nullopt), epoch + hours(2));
}

TEST(Expiry, IsTheEarliestOfAll) {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.lifecycle = {.ttl = hours(3),
                            .expiresAt = epoch + hours(2),
                            .idleTimeout = {},
                            .maxLifetime = hours(1),
                            .onExpiry = {}};
  EXPECT_EQ(expiry(sandbox, epoch), epoch + hours(1));
  sandbox.spec.lifecycle.maxLifetime = hours(5);
  EXPECT_EQ(expiry(sandbox, epoch), epoch + hours(2));
  sandbox.spec.lifecycle.expiresAt = epoch + hours(4);
  EXPECT_EQ(expiry(sandbox, epoch), epoch + hours(3));
}

TEST(Expiry, IsCappedByTheConfiguration) {
  Config config;
  config.lifecycle = {.defaultTtl = minutes(30), .largestTtl = hours(2), .maxLifetime = hours(3)};
  api::Sandbox sandbox = aSandbox();
  EXPECT_EQ(expiry(sandbox, epoch, config), epoch + minutes(30));
  sandbox.spec.lifecycle.ttl = hours(100);
  EXPECT_EQ(expiry(sandbox, epoch, config), epoch + hours(2));
  EXPECT_EQ(expiry(sandbox, epoch + hours(2), config), epoch + hours(3));
}

TEST(Expiry, MayLieInThePast) {
  api::Sandbox sandbox = aSandbox();
  sandbox.spec.lifecycle.expiresAt = epoch - hours(1);
  EXPECT_EQ(expiry(sandbox, std::nullopt), epoch - hours(1));
}

}  // namespace
}  // namespace cloister::sandbox
