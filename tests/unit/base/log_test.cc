#include "base/log.h"

#include <gtest/gtest.h>

#include "json/codec.h"

namespace cloister::log {
namespace {

using namespace std::string_literals;

// The line as a strict parser of JSON reads it.
json::value read(Level level, std::string_view message, Fields fields) {
  const std::string line = formatLine(Time(seconds(1)), level, message, fields);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto parsed = json::parse(line);
  EXPECT_TRUE(parsed) << line;
  return parsed.value_or(json::value());
}

TEST(LogTest, WritesOneJsonObjectALine) {
  EXPECT_EQ(
      formatLine(Time(seconds(1)), Level::Info, "started", {{"workers", 8}, {"leader", true}, {"name", "a"}}),
      R"({"time":"1970-01-01T00:00:01.000000Z","level":"info","msg":"started","workers":8,"leader":true,"name":"a"})");
}

TEST(LogTest, NamesItsLevels) {
  EXPECT_EQ(json::findString(read(Level::Debug, "", {}), "level"), "debug");
  EXPECT_EQ(json::findString(read(Level::Warn, "", {}), "level"), "warn");
  EXPECT_EQ(json::findString(read(Level::Error, "", {}), "level"), "error");
}

TEST(LogTest, TakesAnyText) {
  const std::string odd = "line\nquote\"back\\slash\ttab\0nul\x01 é {} %s"s;
  const json::value line = read(Level::Info, odd, {{"error", odd}, {odd, 1}});
  EXPECT_EQ(json::findString(line, "msg"), odd);
  EXPECT_EQ(json::findString(line, "error"), odd);
}

TEST(LogTest, ReplacesWhatIsNotUtf8) {
  const json::value line = read(Level::Info,
                                "a\xff"
                                "b",
                                {{"path", "\xc3"},
                                 {"overlong", "\xc0\xaf"},
                                 {"surrogate", "\xed\xa0\x80"},
                                 {"fine", "\xf0\x9f\x98\x80"}});
  EXPECT_EQ(json::findString(line, "msg"),
            "a\ufffd"
            "b");
  EXPECT_EQ(json::findString(line, "path"), "\ufffd");
  EXPECT_EQ(json::findString(line, "overlong"), "\ufffd\ufffd");
  EXPECT_EQ(json::findString(line, "surrogate"), "\ufffd\ufffd\ufffd");
  EXPECT_EQ(json::findString(line, "fine"), "\U0001f600");
}

TEST(LogTest, LevelsAreSetByName) {
  EXPECT_FALSE(setLevel("verbose"));
  EXPECT_FALSE(setLevel(""));
  ASSERT_TRUE(setLevel("error"));
  testing::internal::CaptureStderr();
  warn("not heard");
  error("heard {} %s");
  const std::string heard = testing::internal::GetCapturedStderr();
  EXPECT_EQ(heard.find("not heard"), std::string::npos);
  EXPECT_NE(heard.find("heard {} %s\"}\n"), std::string::npos);
  ASSERT_TRUE(setLevel("info"));
}

}  // namespace
}  // namespace cloister::log
