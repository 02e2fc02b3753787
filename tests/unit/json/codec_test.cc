#include "json/codec.h"

#include <limits>

#include <gtest/gtest.h>

namespace cloister::json {
namespace {

BOOST_DEFINE_FIXED_ENUM_CLASS(Mode, int, Fast, slow)

struct Inner {
  std::string text;
  std::optional<int> number;
  bool operator==(const Inner&) const = default;
};
BOOST_DESCRIBE_STRUCT(Inner, (), (text, number))

struct Base {
  std::string inherited;
  bool operator==(const Base&) const = default;
};
BOOST_DESCRIBE_STRUCT(Base, (), (inherited))

struct Everything : Base {
  bool flag = false;
  int number = 7;
  uint16_t small = 0;
  int64_t large = 0;
  uint64_t unsigned_ = 0;
  double real = 0;
  std::string text = "default";
  std::string namespace_;
  Time time;
  std::optional<MicroTime> micro;
  Duration duration{};
  Quantity quantity;
  Mode mode = Mode::Fast;
  std::optional<Mode> perhaps;
  std::vector<std::string> list;
  std::vector<bool> flags;
  std::vector<Inner> inners;
  std::map<std::string, std::string> labels;
  std::map<std::string, Inner> byName;
  Inner inner;
  std::optional<Inner> optional;
  value any;
  object free;
  bool operator==(const Everything&) const = default;
};
BOOST_DESCRIBE_STRUCT(Everything, (Base),
                      (flag, number, small, large, unsigned_, real, text, namespace_, time, micro, duration,
                       quantity, mode, perhaps, list, flags, inners, labels, byName, inner, optional, any,
                       free))

struct Keeper {
  std::string known;
  UnknownFields others;
  bool operator==(const Keeper&) const = default;
};
BOOST_DESCRIBE_STRUCT(Keeper, (), (known, others))

struct Holder {
  Keeper keeper;
  Inner inner;
  bool operator==(const Holder&) const = default;
};
BOOST_DESCRIBE_STRUCT(Holder, (), (keeper, inner))

Everything read(std::string_view text) {
  const auto decoded = decode<Everything>(*parse(text));
  EXPECT_TRUE(decoded) << decoded.error().message;
  return decoded.value_or(Everything{});
}

template <class T = Everything>
std::string errorOf(std::string_view text, Unknown unknown = Unknown::Ignore) {
  const auto parsed = parse(text);
  EXPECT_TRUE(parsed) << text;
  const auto decoded = decode<T>(*parsed, unknown);
  if (decoded) return "no error";
  EXPECT_EQ(decoded.error().code, Errc::InvalidInput);
  return decoded.error().message;
}

TEST(DecodeTest, ReadsEachKindOfMember) {
  const Everything all = read(R"({
    "inherited": "base", "flag": true, "number": -5, "small": 65535, "large": -9223372036854775808,
    "unsigned": 9223372036854775807, "real": 1.5, "text": "\u00e9", "namespace": "ns",
    "time": "2026-01-02T03:04:05Z", "micro": "2026-01-02T03:04:05.000006Z", "duration": "1h30m",
    "quantity": "512Mi", "mode": "slow", "perhaps": "Fast", "list": ["a", "b"], "flags": [true, false],
    "inners": [{"text": "x"}, {"number": 3}], "labels": {"k": "v"}, "byName": {"n": {"text": "y"}},
    "inner": {"text": "z", "number": 0}, "optional": {}, "any": [1, {"a": null}], "free": {"b": 2}})");
  Everything expected;
  expected.inherited = "base";
  expected.flag = true;
  expected.number = -5;
  expected.small = 65535;
  expected.large = INT64_MIN;
  expected.unsigned_ = INT64_MAX;
  expected.real = 1.5;
  expected.text = "\u00e9";
  expected.namespace_ = "ns";
  expected.time = *parseTime("2026-01-02T03:04:05Z");
  expected.micro = MicroTime{expected.time + Duration(6)};
  expected.duration = std::chrono::minutes(90);
  expected.quantity = {"512Mi"};
  expected.mode = Mode::slow;
  expected.perhaps = Mode::Fast;
  expected.list = {"a", "b"};
  expected.flags = {true, false};
  expected.inners = {{"x", {}}, {"", 3}};
  expected.labels = {{"k", "v"}};
  expected.byName = {{"n", {"y", {}}}};
  expected.inner = {"z", 0};
  expected.optional = Inner{};
  expected.any = *parse(R"([1, {"a": null}])");
  expected.free = {{"b", 2}};
  EXPECT_EQ(all, expected);
}

TEST(DecodeTest, AbsentAndNullLeaveTheDefault) {
  EXPECT_EQ(read("{}"), Everything{});
  const Everything all = read(R"({"number": null, "text": null, "optional": null, "inner": null, "list": null,
                                  "labels": null, "time": null, "any": null, "free": null, "flag": null})");
  EXPECT_EQ(all, Everything{});
  EXPECT_EQ(all.number, 7);
  EXPECT_EQ(all.text, "default");
}

TEST(DecodeTest, TheLastOfTwoEqualFieldsCounts) {
  EXPECT_EQ(read(R"({"number": 1, "number": 2})").number, 2);
}

TEST(DecodeTest, NumbersMustFit) {
  EXPECT_EQ(errorOf(R"({"number": 2147483648})"),
            ".number: 2147483648 is not between -2147483648 and 2147483647");
  EXPECT_EQ(errorOf(R"({"number": -2147483649})"),
            ".number: -2147483649 is not between -2147483648 and 2147483647");
  EXPECT_EQ(errorOf(R"({"small": 65536})"), ".small: 65536 is not between 0 and 65535");
  EXPECT_EQ(errorOf(R"({"small": -1})"), ".small: -1 is not between 0 and 65535");
  EXPECT_EQ(errorOf(R"({"unsigned": -1})"), ".unsigned: -1 is not between 0 and 9223372036854775807");
  EXPECT_EQ(errorOf(R"({"large": 9223372036854775808})"),
            ".large: 9223372036854775808 is not a whole number in range");
  EXPECT_EQ(errorOf(R"({"large": 1e300})"), ".large: 1E300 is not a whole number in range");
  EXPECT_EQ(errorOf(R"({"number": 1.5})"), ".number: 1.5E0 is not a whole number in range");
  EXPECT_EQ(read(R"({"number": 2.0})").number, 2);
  EXPECT_EQ(read(R"({"number": 2e3})").number, 2000);
  EXPECT_EQ(read(R"({"real": 3})").real, 3);
}

TEST(DecodeTest, TypesMustFit) {
  EXPECT_EQ(errorOf(R"({"flag": "true"})"), ".flag: expected true or false, got string");
  EXPECT_EQ(errorOf(R"({"flag": 1})"), ".flag: expected true or false, got int64");
  EXPECT_EQ(errorOf(R"({"number": "1"})"), ".number: expected whole number, got string");
  EXPECT_EQ(errorOf(R"({"number": true})"), ".number: expected whole number, got bool");
  EXPECT_EQ(errorOf(R"({"real": "1"})"), ".real: expected number, got string");
  EXPECT_EQ(errorOf(R"({"text": 1})"), ".text: expected string, got int64");
  EXPECT_EQ(errorOf(R"({"list": "a"})"), ".list: expected list, got string");
  EXPECT_EQ(errorOf(R"({"list": {}})"), ".list: expected list, got object");
  EXPECT_EQ(errorOf(R"({"labels": []})"), ".labels: expected object, got array");
  EXPECT_EQ(errorOf(R"({"inner": []})"), ".inner: expected object, got array");
  EXPECT_EQ(errorOf(R"({"free": 1})"), ".free: expected object, got int64");
  EXPECT_EQ(errorOf(R"({"mode": 1})"), ".mode: expected string, got int64");
  EXPECT_EQ(errorOf(R"({"time": 1})"), ".time: expected time, got int64");
  EXPECT_EQ(errorOf("[]"), "expected object, got array");
  EXPECT_EQ(errorOf("null"), "expected object, got null");
}

TEST(DecodeTest, TextsMustMeanSomething) {
  EXPECT_EQ(errorOf(R"({"mode": "SLOW"})"), ".mode: \"SLOW\" is none of Fast, slow");
  EXPECT_EQ(errorOf(R"({"perhaps": ""})"), ".perhaps: \"\" is none of Fast, slow");
  EXPECT_EQ(errorOf(R"({"time": "now"})"),
            ".time: \"now\" is not an RFC 3339 time such as 2026-01-02T03:04:05Z");
  EXPECT_EQ(errorOf(R"({"duration": "1d"})"),
            ".duration: \"1d\" is not a duration such as \"90s\" or \"1h30m\"");
  EXPECT_EQ(errorOf(R"({"duration": 90})"), ".duration: expected duration such as \"90s\", got int64");
  EXPECT_EQ(errorOf(R"({"quantity": "1 Gi"})"),
            ".quantity: \"1 Gi\" is not a quantity such as \"500m\" or \"1Gi\"");
  EXPECT_EQ(errorOf(R"({"quantity": true})"),
            ".quantity: expected quantity such as \"500m\" or \"1Gi\", got bool");
}

TEST(DecodeTest, AQuantityMayBeANumber) {
  EXPECT_EQ(read(R"({"quantity": 2})").quantity.text, "2");
  EXPECT_EQ(parseMilli(read(R"({"quantity": 0.5})").quantity.text), 500);
  EXPECT_EQ(parseUnits(read(R"({"quantity": 1e3})").quantity.text), 1000);
  EXPECT_EQ(errorOf(R"({"quantity": -1})"),
            ".quantity: \"-1\" is not a quantity such as \"500m\" or \"1Gi\"");
}

TEST(DecodeTest, ErrorsTellTheWholePath) {
  EXPECT_EQ(errorOf(R"({"inner": {"number": "x"}})"), ".inner.number: expected whole number, got string");
  EXPECT_EQ(errorOf(R"({"inners": [{}, {"text": 1}]})"), ".inners[1].text: expected string, got int64");
  EXPECT_EQ(errorOf(R"({"byName": {"a": {"number": 1e99}}})"),
            ".byName.a.number: 1E99 is not a whole number in range");
  EXPECT_EQ(errorOf(R"({"labels": {"a.b/c": 1}})"), ".labels.a.b/c: expected string, got int64");
  EXPECT_EQ(errorOf(R"({"list": ["a", null]})"), ".list[1]: expected string, got null");
  EXPECT_EQ(errorOf(R"({"namespace": 1})"), ".namespace: expected string, got int64");
}

TEST(DecodeTest, UnknownFieldsAreDroppedRefusedOrKept) {
  EXPECT_EQ(read(R"({"strange": 1, "inner": {"odd": 2}})"), Everything{});
  EXPECT_EQ(errorOf(R"({"strange": 1})", Unknown::Refuse), ".strange: no such field");
  EXPECT_EQ(errorOf(R"({"inner": {"odd": 2}})", Unknown::Refuse), ".inner.odd: no such field");
  EXPECT_EQ(errorOf(R"({"inners": [{"odd": null}]})", Unknown::Refuse), ".inners[0].odd: no such field");
  EXPECT_EQ(errorOf(R"({"byName": {"a": {"odd": 2}}})", Unknown::Refuse), ".byName.a.odd: no such field");
  EXPECT_EQ(errorOf(R"({"namespace_": "x"})", Unknown::Refuse), ".namespace_: no such field");
  EXPECT_EQ(errorOf(R"({"inherited": "x", "namespace": "y"})", Unknown::Refuse), "no error");
  const auto kept =
      decode<Keeper>(*parse(R"({"known": "a", "odd": {"b": [1, null]}, "more": null})"), Unknown::Refuse);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->known, "a");
  EXPECT_EQ(kept->others.fields, (object{{"odd", {{"b", {1, nullptr}}}}, {"more", nullptr}}));
}

TEST(DecodeTest, KeepingUnknownFieldsIsForOneLevel) {
  EXPECT_EQ(errorOf<Holder>(R"({"keeper": {"odd": 1}, "inner": {}})", Unknown::Refuse), "no error");
  EXPECT_EQ(errorOf<Holder>(R"({"keeper": {}, "inner": {"odd": 1}})", Unknown::Refuse),
            ".inner.odd: no such field");
}

TEST(DecodeTest, AFieldMayBeCalledLikeTheMemberThatKeepsUnknownOnes) {
  const value text = *parse(R"({"known": "a", "others": 1})");
  const auto kept = decode<Keeper>(text);
  ASSERT_TRUE(kept);
  EXPECT_EQ(encode(*kept), text);
}

TEST(EncodeTest, LeavesOutWhatIsEmptyButNotWhatIsZero) {
  const value written = encode(Everything{});
  EXPECT_EQ(written,
            *parse(R"({"flag": false, "number": 7, "small": 0, "large": 0, "unsigned": 0, "real": 0.0,
                                "text": "default", "time": "1970-01-01T00:00:00Z", "duration": "0s", "mode": "Fast"})"));
}

TEST(EncodeTest, APresentButEmptyObjectIsWritten) {
  Everything all;
  all.optional = Inner{};
  EXPECT_EQ(encode(all).at("optional"), object{});
  all.inners = {Inner{}};
  EXPECT_EQ(encode(all).at("inners"), (array{object{}}));
  all.byName["a"] = {};
  EXPECT_EQ(encode(all).at("byName"), (object{{"a", object{}}}));
}

TEST(EncodeTest, WhatIsWrittenReadsBack) {
  Everything all;
  all.inherited = "base";
  all.flag = true;
  all.number = std::numeric_limits<int>::min();
  all.small = 65535;
  all.large = INT64_MAX;
  all.unsigned_ = INT64_MAX;
  all.real = 0.1;
  all.text = std::string("a\0\"\\\n\u20ac", 8);
  all.time = *parseTime("1999-12-31T23:59:59Z");
  all.micro = MicroTime{Time(Duration(-1))};
  all.duration = Duration(3'723'000'042);
  all.quantity = {"1.5Gi"};
  all.mode = Mode::slow;
  all.perhaps = Mode::slow;
  all.list = {"", "b"};
  all.flags = {true, false};
  all.inners = {{"x", 1}, {}};
  all.labels = {{"", "v"}, {"k", ""}};
  all.byName = {{"n", {"y", -1}}};
  all.optional = Inner{};
  all.any = array{1, "two", nullptr};
  all.free = {{"b", object{}}};
  const auto back = decode<Everything>(*parse(print(encode(all))), Unknown::Refuse);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, all);
}

TEST(EncodeTest, UnknownFieldsAreWrittenAgain) {
  const value text = *parse(R"({"known": "a", "odd": {"b": [1, null]}, "more": null})");
  EXPECT_EQ(encode(*decode<Keeper>(text)), text);
}

TEST(ParseTest, TellsWhereItIsNotJson) {
  for (const std::string_view text :
       {"", " ", "{", "[1,", "{\"a\":}", "{'a':1}", "nul", "01", "1.", "\"\x01\"", "\"\xff\"", "[1,]",
        "{\"a\":1,}", "// c\n1", "NaN", "Infinity", "-"}) {
    const auto parsed = parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Errc::Protocol);
    EXPECT_NE(parsed.error().message.find("at byte "), std::string::npos);
  }
  EXPECT_NE(parse("{\"a\": x}").error().message.find("at byte 6"), std::string::npos)
      << parse("{\"a\": x}").error().message;
}

TEST(ParseTest, RefusesWhatFollows) {
  EXPECT_FALSE(parse("{} {}"));
  EXPECT_FALSE(parse("1 2"));
  EXPECT_TRUE(parse(" {} \n"));
  EXPECT_TRUE(parse("12"));
}

TEST(ParseTest, ADepthOf64IsTheLimit) {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(parse(nested(64)));
  EXPECT_FALSE(parse(nested(65)));
  EXPECT_FALSE(parse(std::string(1'000'000, '[')));
}

TEST(ParseTest, AListThatIsLeftOutComesOutEmpty) {
  const std::string whole =
      R"({"x": [{"a": [1, "]"], "x": [2]}, [[], 1.5, true, null]], "y": [{"z": {"x": [3]}}, [4]]})";
  EXPECT_EQ(*parse(whole, "x"), *parse(R"({"x": [], "y": [{"z": {"x": []}}, [4]]})"));
}

TEST(ParseTest, NothingButAListIsLeftOut) {
  for (const char* text : {R"({"x": "kept", "y": ["x", [1]]})", R"({"x": {"a": [2]}})", R"([{"x": 1}, [2]])"})
    EXPECT_EQ(*parse(text, "x"), *parse(text));
}

TEST(ParseTest, NothingIsLeftOutUnlessNamed) {
  EXPECT_EQ(print(*parse(R"({"":[1],"x":[2]})")), R"({"":[1],"x":[2]})");
}

TEST(ParseTest, WhatIsLeftOutIsJsonAsWell) {
  EXPECT_FALSE(parse(R"({"x": [1, }]})", "x"));
  EXPECT_FALSE(parse(R"({"x": [1)", "x"));
}

TEST(PrintTest, SortedEachObjectsMembersStandInOrder) {
  const auto document =
      parse(R"({"b": [{"d": 1, "c": "\"\n"}, {}, []], "a\"": null, "A": {"z": true, "y": 1.5}})");
  EXPECT_EQ(printSorted(*document),
            R"({"A":{"y":1.5E0,"z":true},"a\"":null,"b":[{"c":"\"\n","d":1},{},[]]})");
}

TEST(PrintTest, SortedTextsHaveTheSameEscapes) {
  std::string all = "\u20ac";
  for (char c = 0; c < 0x7f; ++c) {
    all += c;
    EXPECT_EQ(printSorted(value(std::string(1, c))), print(value(std::string(1, c))));
  }
  all += '\x7f';
  EXPECT_EQ(printSorted(value({{all, all}})), print(value({{all, all}})));
}

TEST(DecodeTest, NumbersBeyondADoubleAreNoInfinity) {
  EXPECT_EQ(errorOf(R"({"real": 1e999})"), ".real: too large a number");
  EXPECT_EQ(errorOf(R"({"real": -1e999})"), ".real: too large a number");
  EXPECT_EQ(read(R"({"real": 1e-999})").real, 0);
}

TEST(FindTest, WalksObjectsAndLists) {
  const value root =
      *parse(R"({"spec": {"containers": [{"image": "a"}, {"image": "b"}], "": 1}, "n": null})");
  EXPECT_EQ(*find(root, "spec.containers.1.image"), "b");
  EXPECT_EQ(find(root, ""), &root);
  EXPECT_TRUE(find(root, "n")->is_null());
  for (const char* absent :
       {"spec.containers.2", "spec.containers.x", "spec.containers.1x", "spec.containers.-1",
        "spec.containers.0.image.x", "nothing", "n.x", "spec.containers.99999999999999999999"}) {
    EXPECT_EQ(find(root, absent), nullptr) << absent;
  }
  EXPECT_EQ(findString(root, "spec.containers.0.image"), "a");
  EXPECT_EQ(findString(root, "spec.containers"), "");
  EXPECT_EQ(findString(root, "nothing"), "");
}

}  // namespace
}  // namespace cloister::json
