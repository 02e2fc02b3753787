#include "kube/lines.h"

#include <vector>

#include <gtest/gtest.h>

namespace cloister::kube {
namespace {

std::vector<std::string> drain(Lines& lines) {
  std::vector<std::string> out;
  while (const auto line = lines.next()) out.emplace_back(*line);
  return out;
}

using Texts = std::vector<std::string>;

TEST(Lines, AreCutWhereverTheBytesAreCut) {
  const std::string text = "one\r\n\ntwo\n{\"three\":3}\nunfinished";
  for (size_t size = 1; size <= text.size(); ++size) {
    Lines lines;
    Texts got;
    for (size_t at = 0; at < text.size(); at += size) {
      ASSERT_TRUE(lines.add(std::string_view(text).substr(at, size)));
      for (auto& line : drain(lines)) got.push_back(std::move(line));
    }
    EXPECT_EQ(got, (Texts{"one", "two", "{\"three\":3}"})) << "pieces of " << size;
  }
}

TEST(Lines, NeedNotBeTakenAtOnce) {
  Lines lines;
  ASSERT_TRUE(lines.add("a\nb\nc"));
  EXPECT_EQ(lines.next(), "a");
  ASSERT_TRUE(lines.add("c\nd\n"));
  EXPECT_EQ(drain(lines), (Texts{"b", "cc", "d"}));
}

TEST(Lines, HaveABound) {
  Lines lines(4);
  EXPECT_TRUE(lines.add("1234"));
  EXPECT_TRUE(lines.add("\n1234\n12"));
  EXPECT_EQ(drain(lines), (Texts{"1234", "1234"}));
  EXPECT_TRUE(lines.add("34"));
  const auto tooLong = lines.add("5");
  ASSERT_FALSE(tooLong);
  EXPECT_EQ(tooLong.error().code, Errc::Protocol);
}

}  // namespace
}  // namespace cloister::kube
