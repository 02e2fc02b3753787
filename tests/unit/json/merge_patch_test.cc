#include "json/merge_patch.h"

#include <gtest/gtest.h>

namespace cloister::json {
namespace {

object of(std::string_view text) {
  return parse(text)->as_object();
}

// RFC 7386, as an API server applies it.
void apply(value& into, const value& patch) {
  if (!patch.is_object()) {
    into = patch;
    return;
  }
  if (!into.is_object()) into = object();
  for (const auto& [key, item] : patch.get_object()) {
    if (item.is_null()) {
      into.get_object().erase(key);
    } else {
      apply(into.get_object()[key], item);
    }
  }
}

TEST(MergePatch, SaysOnlyWhatChanged) {
  EXPECT_EQ(mergePatch(of(R"({"a": 1, "b": 2})"), of(R"({"a": 1, "b": 3})")), of(R"({"b": 3})"));
  EXPECT_EQ(mergePatch(of(R"({"a": {"b": 1, "c": 2}})"), of(R"({"a": {"b": 1, "c": 3}})")),
            of(R"({"a": {"c": 3}})"));
  EXPECT_EQ(mergePatch(of(R"({"a": [1, 2]})"), of(R"({"a": [1]})")), of(R"({"a": [1]})"))
      << "lists are replaced whole";
}

TEST(MergePatch, RemovesWithNull) {
  EXPECT_EQ(mergePatch(of(R"({"a": 1, "b": {"c": 1}})"), of("{}")), of(R"({"a": null, "b": null})"));
  EXPECT_EQ(mergePatch(of(R"({"a": {"b": 1, "c": 1}})"), of(R"({"a": {"c": 1}})")),
            of(R"({"a": {"b": null}})"));
}

TEST(MergePatch, IsEmptyForEqualObjects) {
  EXPECT_TRUE(mergePatch(of(R"({"a": {"b": [1, {"c": 2}]}, "d": "x"})"),
                         of(R"({"d": "x", "a": {"b": [1, {"c": 2}]}})"))
                  .empty());
}

TEST(MergePatch, TurnsTheOneIntoTheOther) {
  const object states[] = {of("{}"),
                           of(R"({"a": 1})"),
                           of(R"({"a": {}})"),
                           of(R"({"a": {"b": 1}})"),
                           of(R"({"a": {"b": {"c": [1]}}, "d": "x"})"),
                           of(R"({"a": [{"b": 1}], "d": {"e": true}})"),
                           of(R"({"d": {"e": false, "f": 1.5}})")};
  for (const object& from : states) {
    for (const object& to : states) {
      value patched = from;
      apply(patched, mergePatch(from, to));
      EXPECT_EQ(patched, value(to)) << print(from) << " to " << print(to) << " by "
                                    << print(mergePatch(from, to));
    }
  }
}

}  // namespace
}  // namespace cloister::json
