#include "net/idle_pool.h"

#include <memory>

#include <gtest/gtest.h>

namespace cloister::net {
namespace {

constexpr Instant start{};

TEST(IdlePool, GivesTheYoungestFirst) {
  IdlePool<int> pool(8, seconds(60));
  pool.put(1, start);
  pool.put(2, start + seconds(1));
  EXPECT_EQ(pool.take(start + seconds(2)), 2);
  EXPECT_EQ(pool.take(start + seconds(2)), 1);
  EXPECT_EQ(pool.take(start + seconds(2)), std::nullopt);
}

TEST(IdlePool, ForgetsTheOldestWhenFull) {
  IdlePool<int> pool(2, seconds(60));
  for (int i = 1; i <= 3; ++i) pool.put(i, start);
  EXPECT_EQ(pool.size(), 2U);
  EXPECT_EQ(pool.take(start), 3);
  EXPECT_EQ(pool.take(start), 2);
  EXPECT_EQ(pool.take(start), std::nullopt);
}

TEST(IdlePool, GivesNothingOlderThanItsLifetime) {
  IdlePool<int> pool(8, seconds(60));
  pool.put(1, start);
  pool.put(2, start + seconds(10));
  EXPECT_EQ(pool.take(start + seconds(61)), 2);
  pool.put(3, start + seconds(61));
  EXPECT_EQ(pool.take(start + seconds(121)), std::nullopt);
  EXPECT_EQ(pool.size(), 0U);
}

TEST(IdlePool, LetsGoOfWhatItForgets) {
  IdlePool<std::shared_ptr<int>> pool(8, seconds(60));
  const auto item = std::make_shared<int>(1);
  pool.put(item, start);
  pool.put(std::make_shared<int>(2), start + seconds(61));
  EXPECT_EQ(item.use_count(), 1);
  pool.clear();
  EXPECT_EQ(pool.size(), 0U);
}

}  // namespace
}  // namespace cloister::net
