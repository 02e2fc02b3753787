#include "base/time.h"

#include <gtest/gtest.h>

namespace cloister {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

Time at(int year, unsigned month, unsigned day, Duration ofDay = {}) {
  return std::chrono::sys_days(std::chrono::year_month_day(std::chrono::year(year), std::chrono::month(month),
                                                           std::chrono::day(day))) +
         ofDay;
}

struct TimeText {
  std::string_view text;
  std::optional<Time> time;
};

class ParseTimeTest : public testing::TestWithParam<TimeText> {};

TEST_P(ParseTimeTest, Parses) {
  EXPECT_EQ(parseTime(GetParam().text), GetParam().time) << GetParam().text;
}

const Duration t030405 = hours(3) + minutes(4) + seconds(5);

INSTANTIATE_TEST_SUITE_P(
    Valid, ParseTimeTest,
    testing::Values(TimeText{"2026-01-02T03:04:05Z", at(2026, 1, 2, t030405)},
                    TimeText{"2026-01-02t03:04:05z", at(2026, 1, 2, t030405)},
                    TimeText{"2026-01-02T03:04:05.1Z", at(2026, 1, 2, t030405 + milliseconds(100))},
                    TimeText{"2026-01-02T03:04:05.000001Z", at(2026, 1, 2, t030405 + Duration(1))},
                    TimeText{"2026-01-02T03:04:05.123456789Z", at(2026, 1, 2, t030405 + Duration(123456))},
                    TimeText{"2026-01-02T03:04:05.0000000000000000000000001Z", at(2026, 1, 2, t030405)},
                    TimeText{"2026-01-02T03:04:05+00:00", at(2026, 1, 2, t030405)},
                    TimeText{"2026-01-02T03:04:05-00:00", at(2026, 1, 2, t030405)},
                    TimeText{"2026-01-02T03:04:05+02:00", at(2026, 1, 2, t030405 - hours(2))},
                    TimeText{"2026-01-02T03:04:05-09:30", at(2026, 1, 2, t030405 + hours(9) + minutes(30))},
                    TimeText{"2026-01-01T00:30:00+01:00", at(2025, 12, 31, hours(23) + minutes(30))},
                    TimeText{"2024-02-29T00:00:00Z", at(2024, 2, 29)},
                    TimeText{"2016-12-31T23:59:60Z", at(2017, 1, 1)},  // a leap second is the next one
                    TimeText{"1969-12-31T23:59:59.5Z", at(1970, 1, 1, -milliseconds(500))},
                    TimeText{"0001-01-01T00:00:00Z", at(1, 1, 1)},
                    TimeText{"0000-01-01T00:00:00Z", at(0, 1, 1)},
                    TimeText{"9999-12-31T23:59:59Z", at(9999, 12, 31, hours(24) - seconds(1))}));

INSTANTIATE_TEST_SUITE_P(
    Invalid, ParseTimeTest,
    testing::Values(TimeText{"", {}}, TimeText{"2026", {}}, TimeText{"2026-01-02", {}},
                    TimeText{"2026-01-02T03:04:05", {}}, TimeText{"2026-01-02 03:04:05Z", {}},
                    TimeText{"2026-01-02T03:04Z", {}}, TimeText{"2026-1-2T3:4:5Z", {}},
                    TimeText{"2026-13-02T03:04:05Z", {}}, TimeText{"2026-00-02T03:04:05Z", {}},
                    TimeText{"2026-02-29T03:04:05Z", {}}, TimeText{"2026-04-31T03:04:05Z", {}},
                    TimeText{"2026-01-02T24:00:00Z", {}}, TimeText{"2026-01-02T03:60:05Z", {}},
                    TimeText{"2026-01-02T03:04:61Z", {}}, TimeText{"2026-01-02T03:04:05.Z", {}},
                    TimeText{"2026-01-02T03:04:05,5Z", {}}, TimeText{"2026-01-02T03:04:05ZZ", {}},
                    TimeText{"2026-01-02T03:04:05+0200", {}}, TimeText{"2026-01-02T03:04:05+02", {}},
                    TimeText{"2026-01-02T03:04:05+24:00", {}}, TimeText{"2026-01-02T03:04:05+02:60", {}},
                    TimeText{" 2026-01-02T03:04:05Z", {}}, TimeText{"2026-01-02T03:04:05Z ", {}},
                    TimeText{"0000-01-01T00:00:00+00:01", {}},  // no year can be written for these
                    TimeText{"9999-12-31T23:59:59-00:01", {}}, TimeText{"9999-12-31T23:59:60Z", {}},
                    TimeText{"-026-01-02T03:04:05Z", {}}, TimeText{"2026-01-02T03:04:+5Z", {}},
                    TimeText{std::string_view("2026-01-02T03:04:05Z\0", 21), {}}));

TEST(FormatTimeTest, WritesWholeSecondsRoundedDown) {
  EXPECT_EQ(formatTime(at(2026, 1, 2, t030405 + Duration(999'999))), "2026-01-02T03:04:05Z");
  EXPECT_EQ(formatTime(Time{}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(formatTime(at(1970, 1, 1, -Duration(1))), "1969-12-31T23:59:59Z");
}

TEST(FormatTimeTest, WritesSixDecimalsForMicroTime) {
  EXPECT_EQ(formatMicroTime(at(2026, 1, 2, t030405 + Duration(42))), "2026-01-02T03:04:05.000042Z");
  EXPECT_EQ(formatMicroTime(at(1970, 1, 1, -Duration(1))), "1969-12-31T23:59:59.999999Z");
}

TEST(FormatTimeTest, WhatIsWrittenReadsBack) {
  for (const Time time :
       {Time{}, at(2026, 12, 31, Duration(1)), at(1, 1, 1), at(1969, 7, 20, Duration(999'999))}) {
    EXPECT_EQ(parseTime(formatMicroTime(time)), time);
  }
}

struct DurationText {
  std::string_view text;
  std::optional<Duration> duration;
};

class ParseDurationTest : public testing::TestWithParam<DurationText> {};

TEST_P(ParseDurationTest, Parses) {
  EXPECT_EQ(parseDuration(GetParam().text), GetParam().duration) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Valid, ParseDurationTest,
    testing::Values(DurationText{"0", Duration(0)}, DurationText{"0s", Duration(0)},
                    DurationText{"90s", seconds(90)}, DurationText{"1h30m", minutes(90)},
                    DurationText{"1.5h", minutes(90)}, DurationText{"250ms", milliseconds(250)},
                    DurationText{"1m1ms", minutes(1) + milliseconds(1)}, DurationText{"7us", Duration(7)},
                    DurationText{"7\u00b5s", Duration(7)},  // micro sign
                    DurationText{"7\u03bcs", Duration(7)},  // Greek mu
                    DurationText{"1500ns", Duration(2)}, DurationText{".5s", milliseconds(500)},
                    DurationText{"5.s", seconds(5)}, DurationText{"+5s", seconds(5)},
                    DurationText{"0.1s", milliseconds(100)}, DurationText{"30m1h", minutes(90)},
                    DurationText{"1h1h", hours(2)}, DurationText{"876000h", hours(876'000)},
                    DurationText{"1.0000000000000000000000001s", seconds(1)}));

INSTANTIATE_TEST_SUITE_P(
    Invalid, ParseDurationTest,
    testing::Values(DurationText{"", {}}, DurationText{"1", {}}, DurationText{"s", {}},
                    DurationText{".s", {}}, DurationText{".", {}}, DurationText{"-5s", {}},
                    DurationText{"-0", {}}, DurationText{"1.2.3s", {}}, DurationText{"1d", {}},
                    DurationText{"1 s", {}}, DurationText{" 1s", {}}, DurationText{"1s ", {}},
                    DurationText{"1S", {}}, DurationText{"1e3s", {}}, DurationText{"0x1s", {}},
                    DurationText{"infs", {}}, DurationText{"nans", {}}, DurationText{"1h30", {}},
                    DurationText{"876001h", {}}, DurationText{"876000h1s", {}}, DurationText{"+", {}},
                    DurationText{"++1s", {}}, DurationText{"99999999999999999h", {}},
                    DurationText{"99999999999999999999999999999999999999999999999h", {}}));

TEST(FormatDurationTest, WritesGosShortestForm) {
  EXPECT_EQ(formatDuration(Duration(0)), "0s");
  EXPECT_EQ(formatDuration(seconds(90)), "1m30s");
  EXPECT_EQ(formatDuration(hours(1)), "1h");
  EXPECT_EQ(formatDuration(hours(1) + minutes(30)), "1h30m");
  EXPECT_EQ(formatDuration(hours(1) + seconds(1)), "1h1s");
  EXPECT_EQ(formatDuration(milliseconds(250)), "250ms");
  EXPECT_EQ(formatDuration(Duration(1500)), "1500us");
  EXPECT_EQ(formatDuration(seconds(1) + Duration(7)), "1s7us");
}

TEST(FormatDurationTest, WhatIsWrittenReadsBack) {
  for (const int64_t micros :
       {0L, 1L, 999L, 1000L, 1001L, 999'999L, 59'999'999L, 3'600'000'001L, 86'399'999'999L}) {
    EXPECT_EQ(parseDuration(formatDuration(Duration(micros))), Duration(micros)) << micros;
  }
}

}  // namespace
}  // namespace cloister
