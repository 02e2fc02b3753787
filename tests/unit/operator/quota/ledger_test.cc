#include "operator/quota/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/operator/examples.h"

namespace cloister::quota {
namespace {

using std::chrono::hours;
using test::epoch;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Creations, AreCountedInSteps) {
  std::vector<api::QuotaStep> recent;
  addCreations(recent, 1, epoch + seconds(3));
  addCreations(recent, 2, epoch + seconds(4));
  addCreations(recent, 1, epoch + seconds(5));
  EXPECT_THAT(recent, ElementsAre(api::QuotaStep{epoch, 3}, api::QuotaStep{epoch + seconds(5), 1}));
  EXPECT_EQ(creations(recent), 4);
}

TEST(Creations, CountForAsLongAsOneMayLieWithinTheMinute) {
  std::vector<api::QuotaStep> recent;
  addCreations(recent, 1, epoch + milliseconds(4999));
  EXPECT_EQ(creations(forgotten(recent, epoch + milliseconds(64'998))), 1);
  EXPECT_THAT(forgotten(recent, epoch + seconds(65)), IsEmpty());
}

TEST(Creations, NeverComeFromTheFuture) {
  std::vector<api::QuotaStep> recent;
  addCreations(recent, 2, epoch + hours(2));
  EXPECT_THAT(forgotten(recent, epoch + seconds(7)), ElementsAre(api::QuotaStep{epoch + seconds(5), 2}));
}

TEST(HoursLedger, AddsWhatEachRanSinceItWasCounted) {
  const Hours before{.day = epoch, .spent = hours(1), .asOf = epoch + hours(3)};
  const Hours after = advanced(before, {epoch + hours(2), epoch + hours(4)}, epoch + hours(5));
  EXPECT_EQ(after.spent, hours(1) + hours(2) + hours(1));
  EXPECT_EQ(after.asOf, epoch + hours(5));
}

TEST(HoursLedger, BeginsAnewAtMidnight) {
  const Hours before{.day = epoch, .spent = hours(20), .asOf = epoch + hours(23)};
  const Hours after = advanced(before, {epoch}, epoch + hours(26));
  EXPECT_EQ(after.day, epoch + hours(24));
  EXPECT_EQ(after.spent, hours(2));
  EXPECT_EQ(nextDay(epoch + hours(26)), epoch + hours(48));
}

TEST(HoursLedger, IsNotShortenedByAClockThatIsSetBack) {
  const Hours before{.day = epoch, .spent = hours(5), .asOf = epoch + hours(6)};
  EXPECT_EQ(advanced(before, {epoch}, epoch + hours(4)).spent, hours(5));
}

TEST(HoursLedger, IsWrittenInWholeSecondsAndReadBack) {
  const Hours exact{.day = epoch, .spent = milliseconds(2900), .asOf = epoch + milliseconds(1500)};
  const api::QuotaHours text = written(exact);
  EXPECT_EQ(text.seconds, 2);
  EXPECT_EQ(read(text).spent, seconds(2));
  EXPECT_EQ(read(text).asOf, epoch + seconds(1));
}

}  // namespace
}  // namespace cloister::quota
