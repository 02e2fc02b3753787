#include "json/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cloister::json {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

value read(std::string_view text) {
  const auto yaml = parseYaml(text, "f.yaml");
  EXPECT_TRUE(yaml) << yaml.error().message;
  return yaml ? yaml->root : value("unreadable");
}
std::string errorOf(std::string_view text) {
  const auto yaml = parseYaml(text, "f.yaml");
  return yaml ? "accepted" : yaml.error().message;
}

TEST(Yaml, IsReadAsJson) {
  EXPECT_EQ(read("a: 1\nb:\n- x\n- {c: true}\n"), *parse(R"({"a": 1, "b": ["x", {"c": true}]})"));
  EXPECT_EQ(read(""), value(nullptr));
  EXPECT_EQ(read("# nothing\n"), value(nullptr));
  EXPECT_EQ(read("a: 1\n---\nb: 2\n"), *parse(R"({"a": 1})")) << "the first document";
}

TEST(Yaml, TellsPlainScalarsByTheirForm) {
  EXPECT_EQ(
      read("[1, -2, 1.5, 1e3, true, False, null, ~, text, 1m, 10.0.0.0/8, 2026-01-01, 'yes', no]"),
      *parse(R"([1, -2, 1.5, 1000.0, true, false, null, null, "text", "1m", "10.0.0.0/8", "2026-01-01", "yes",
                       "no"])"));
}

TEST(Yaml, LeavesQuotedScalarsStrings) {
  EXPECT_EQ(read(R"(["1", 'true', "null", ""])"), *parse(R"(["1", "true", "null", ""])"));
  EXPECT_EQ(read("a: |\n  1\n"), *parse(R"({"a": "1\n"})"));
}

TEST(Yaml, KnowsTheLineOfEachField) {
  const auto yaml = parseYaml("a: 1\nb:\n  c:\n  - x\n  -\n    d: 2\n", "f.yaml");
  ASSERT_TRUE(yaml);
  EXPECT_EQ(yaml->lines.at(".a"), 1);
  EXPECT_EQ(yaml->lines.at(".b"), 2);
  EXPECT_EQ(yaml->lines.at(".b.c"), 3);
  EXPECT_EQ(yaml->lines.at(".b.c[0]"), 4);
  EXPECT_EQ(yaml->lines.at(".b.c[1].d"), 6);
}

TEST(Yaml, PutsFileAndLineBeforeAnError) {
  const auto yaml = parseYaml("a: 1\nb:\n  c: [1]\n", "f.yaml");
  ASSERT_TRUE(yaml);
  const auto located = [&](const char* message) {
    return yaml->locate("f.yaml", {.code = Errc::InvalidInput, .message = message}).message;
  };
  EXPECT_EQ(located(".b.c[0]: not that"), "f.yaml:3: .b.c[0]: not that");
  EXPECT_EQ(located(".b.absent.deeper: missing"), "f.yaml:2: .b.absent.deeper: missing")
      << "the deepest known part";
  EXPECT_EQ(located("no path at all"), "f.yaml:1: no path at all");
}

TEST(Yaml, RefusesWhatIsAmbiguousOrUnbounded) {
  EXPECT_EQ(errorOf("a: 1\nb: 2\na: 3\n"), "f.yaml:3: .a: given twice");
  EXPECT_THAT(errorOf("a: 1\n? [x]\n: 2\n"), StartsWith("f.yaml:2: a field's name must be"));
  EXPECT_THAT(errorOf("a: [1\n"), StartsWith("f.yaml:"));
  EXPECT_THAT(errorOf("a:\n\t- 1\n"), StartsWith("f.yaml:2:"));
  EXPECT_THAT(errorOf(std::string(70, '[') + std::string(70, ']')), HasSubstr("nested deeper"));
  EXPECT_EQ(errorOf("a: 1\nb: \x9f\x8f\n"), "f.yaml:2: not UTF-8");
  EXPECT_EQ(errorOf("a: 1\n\xff: b\n"), "f.yaml:2: not UTF-8");
  EXPECT_THAT(errorOf(std::string((1 << 20) + 1, ' ')), HasSubstr("larger than 1 MiB"));
}

TEST(Yaml, FollowsAliasesButNotIntoAFloodOfThem) {
  EXPECT_EQ(parseYaml("a: &x [1]\nb: *x  # see *this\n", "f.yaml")->root, (value{{"a", {1}}, {"b", {1}}}));
  std::string flood = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string one = "*a" + std::to_string(i - 1);
    flood += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + one;
    for (int j = 1; j < 10; ++j) flood += ", " + one;
    flood += "]\n";
  }
  EXPECT_THAT(errorOf(flood), HasSubstr("values"));
}

}  // namespace
}  // namespace cloister::json
