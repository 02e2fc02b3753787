#include "tests/generated/values.h"

#include <regex>

namespace cloister::generated {
namespace {

using json::array;
using json::object;
using json::value;

// Values that a rule's author had in mind, and those that might have been forgotten, by what the rule says.
struct Vocabulary {
  std::string_view trigger;
  std::vector<std::string_view> words;
};

const std::vector<Vocabulary>& vocabularies() {
  static const std::vector<Vocabulary> all{
      {"isQuantity(",
       {"0",
        "-1",
        "+2",
        "1.5",
        "0.1",
        "1e3",
        "1E3",
        "2e9",
        "1e-3",
        "1Ei",
        "9223372036854775808",
        "1e400",
        "99999999999999999999999999999999",
        "1 ",
        "0x10",
        "1Kb",
        ".5",
        "1.",
        "512MI",
        "1u",
        "1n",
        "NaN",
        "1e",
        "\u0661"}},
      {"duration(",
       {"999ms", "8760h1ms", "1h30m", "1.5s", ".5s", "1e3s", "1d", "-2h", "+2h", "0", "2h 1s", "7200000ms",
        "99999999999999999999999999999h", "00000000000000000000000007200s",
        "7200.00000000000000000000000001s", "8759h59m59.9999999999s", "7200000000us", "2H", "\u0662h"}},
      {"isCIDR(",
       {"0.0.0.0/0", "::/0", "10.1.2.3/8", "10.0.0.0/33", "010.0.0.0/8", "10.0.0.0/08", "203.0.113.7",
        "2001:DB8::/32", "2001:db8:0:0::/32", "::ffff:10.0.0.0/104", "fe80::%eth0/64", "10.0.0.0/8 ",
        "0.0.0.0/32"}},
      {"format.", {"a.b-c", "A", "-a", "a-", "a..b", "a_b", "a/b", "system-node-critical", "\u00e9"}},
      {"matches(", {"a b", "*.example.com", "*", "a.", "-", "_", "0", "A-B", "example.com/a:1@b"}},
      {"startsWith('/')", {"/", "//", "relative", "/a/../b", "/a b", "/\u00e9", "/a:b"}},
  };
  return all;
}

// A moment that has passed and moments to come, in all spellings that one might take for RFC 3339.
constexpr std::string_view moments[] = {
    "2001-01-01T00:00:00Z",      "2200-01-01T00:00:00Z",         "2200-01-01T00:00:00.123456789Z",
    "2200-01-01T23:59:59+14:00", "2200-01-01T00:00:00-23:59",    "2200-02-30T00:00:00Z",
    "2200-01-01T24:00:00Z",      "2200-01-01T00:00:60Z",         "2200-01-01T00:00:00+99:99",
    "2200-01-01T00:00:00",       "2200-01-01 00:00:00Z",         "2200-01-01",
    "9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00Z",         "2200-01-01t00:00:00z",
    "2200-01-01T00:00:00x7Z",    "2200-01-01T00:00:00|01:00",    "2200-01-01T00:00:00,5Z",
    "2200-01-01T00:00:00Z rest", "2200-01-01T00:00:00Ztomorrow", "99999-01-01T00:00:00Z"};

std::string repeated(std::string_view text, int64_t count) {
  std::string out;
  for (int64_t i = 0; i < count; ++i) out += text;
  return out;
}

// The texts that a rule compares quantities or durations with: quantity('10m').
std::vector<std::string> literals(const std::string& rules) {
  static const std::regex call(R"((?:quantity|duration)\('([^']+)'\))");
  std::vector<std::string> found;
  for (auto at = std::sregex_iterator(rules.begin(), rules.end(), call); at != std::sregex_iterator(); ++at)
    found.push_back((*at)[1]);
  return found;
}

// The bound of a rule on a list's texts together.
std::optional<int64_t> largestSum(const std::string& rules) {
  static const std::regex sum(R"(\.sum\(\) <= ([0-9]+))");
  std::smatch match;
  if (!std::regex_search(rules, match, sum)) return std::nullopt;
  return std::stoll(match[1]);
}

std::string exampleText(const object& schema, int number) {
  const std::string rules = rulesOf(schema);
  if (json::findString(schema, "format") == "date-time") return "2200-01-01T00:00:00Z";
  if (rules.contains("duration(")) return "2h";
  if (rules.contains("isCIDR("))
    return "10." + std::to_string(number / 256) + "." + std::to_string(number % 256) + ".0/24";
  if (rules.contains("startsWith('/')")) return "/v" + std::to_string(number);
  return "v" + std::to_string(number);
}

object exampleObject(const object& schema, int number) {
  object out;
  if (const object* values = part(schema, "additionalProperties"))
    out["v" + std::to_string(number)] = example(*values, number);
  if (const value* required = schema.if_contains("required")) {
    for (const value& name : required->as_array())
      out[name.as_string()] = example(*part(*part(schema, "properties"), name.as_string()), number);
  }
  return out;
}

array exampleList(const object& items, int64_t count) {
  array out;
  for (int64_t i = 0; i < count; ++i) out.push_back(example(items, int(i)));
  return out;
}

void addWrongTypes(const object& schema, std::vector<Candidate>& out) {
  out.push_back({"absent", std::nullopt});
  out.push_back({"null", nullptr});
  const bool quantity = isQuantity(schema);
  const std::string type = typeOf(schema);
  if (type != "string" && !quantity) out.push_back({"a text", "text"});
  if (type != "integer" && !quantity) out.push_back({"a number", 7});
  if (type != "array") out.push_back({"a list", array{"a"}});
  if (type != "object") out.push_back({"an object", object{{"a", "b"}}});
  if (type == "integer" || quantity) out.push_back({"a truth", true});
  if (type == "integer" || quantity) out.push_back({"a fraction", 1.5});
}

void addTexts(const object& schema, std::vector<Candidate>& out) {
  const auto add = [&](const std::string& name, std::string_view text) {
    out.push_back({name, value(text)});
  };
  add("empty", "");
  add("plain", exampleText(schema, 0));
  add("another", exampleText(schema, 1));
  add("of many scripts", "\u65e5\u672c-\U0001f600-\u00e9");
  add("with a zero byte", std::string("a\0b", 3));
  add("with a zero byte after a slash", std::string("/a\0b", 4));
  add("of two lines", "a\nb");
  add("with blanks around", " a ");
  add("with a blank of no ASCII at its end", "a\u00a0");
  if (const auto longest = bound(schema, "maxLength")) {
    add("the longest", repeated("a", *longest));
    add("the longest, of wide characters", repeated("\U0001f600", *longest));
    add("just longer than the longest", repeated("a", *longest + 1));
  }
  if (json::findString(schema, "format") == "date-time") {
    for (std::string_view moment : moments) add("the moment " + std::string(moment), std::string(moment));
  }
}

void addWords(const std::string& rules, std::vector<Candidate>& out) {
  for (const Vocabulary& vocabulary : vocabularies()) {
    if (!rules.contains(vocabulary.trigger)) continue;
    for (std::string_view word : vocabulary.words)
      out.push_back({"the word " + std::string(word), value(word)});
  }
  for (const std::string& literal : literals(rules))
    out.push_back({"the bound " + literal, value(std::string_view(literal))});
}

void addEnum(const object& schema, std::vector<Candidate>& out) {
  const value* listed = schema.if_contains("enum");
  if (listed == nullptr) return;
  for (const value& one : listed->as_array()) {
    std::string text(one.as_string());
    out.push_back({text, one});
    text.front() = char(text.front() ^ 0x20);
    out.push_back({"another case: " + text, value(std::string_view(text))});
  }
}

void addNumbers(const object& schema, std::vector<Candidate>& out) {
  const auto least = bound(schema, "minimum");
  const auto most = bound(schema, "maximum");
  if (least) out.push_back({"the least", *least});
  if (least) out.push_back({"just below the least", *least - 1});
  if (most) out.push_back({"the largest", *most});
  if (most) out.push_back({"just above the largest", *most + 1});
  out.push_back({"zero", 0});
  out.push_back({"negative", -1});
  out.push_back({"a whole number as a fraction", 3.0});
  out.push_back({"beyond 32 bits", int64_t(1) << 40});
  out.push_back({"the largest of 64 bits", std::numeric_limits<int64_t>::max()});
  out.push_back({"beyond 64 bits", 1e30});
}

// The longest text of SCHEMA in characters of four bytes.
value widestText(const object& schema) {
  return value(repeated("\U0001f600", *bound(schema, "maxLength")));
}

// COUNT items as large as may be, in bytes.
array widestItems(const object& items, int64_t count) {
  array out;
  const object* members = part(items, "properties");
  for (int64_t i = 0; i < count; ++i) {
    value item = members == nullptr ? widestText(items) : example(items, int(i));
    if (members != nullptr) item.as_object()["value"] = widestText(*part(*members, "value"));
    out.push_back(std::move(item));
  }
  return out;
}

void addLists(const object& schema, std::vector<Candidate>& out) {
  const object& items = *part(schema, "items");
  out.push_back({"empty", array()});
  out.push_back({"one", exampleList(items, 1)});
  out.push_back({"two", exampleList(items, 2)});
  out.push_back({"twice the same", array{example(items), example(items)}});
  out.push_back({"of a null", array{nullptr}});
  if (const auto most = bound(schema, "maxItems")) {
    out.push_back({"the longest", exampleList(items, *most)});
    out.push_back({"just longer than the longest", exampleList(items, *most + 1)});
  }
  if (const auto sum = largestSum(rulesOf(schema))) {
    const object& text = typeOf(items) == "string" ? items : *part(*part(items, "properties"), "value");
    const int64_t most = *sum / (4 * *bound(text, "maxLength"));
    out.push_back({"as large as may be", widestItems(items, most)});
    out.push_back({"larger than may be", widestItems(items, most + 1)});
  }
}

void addMaps(const object& schema, std::vector<Candidate>& out) {
  const object& values = *part(schema, "additionalProperties");
  const auto of = [&](int64_t count) {
    object map;
    for (int64_t i = 0; i < count; ++i) map["v" + std::to_string(i)] = example(values, int(i));
    return map;
  };
  if (const auto most = bound(schema, "maxProperties")) {
    out.push_back({"the largest", of(*most)});
    out.push_back({"just larger than the largest", of(*most + 1)});
  }
  for (const char* key :
       {"", "-a", "a b", "\u00e9", "a/b/c", "example.com/a", "kubernetes.io/os", "cloister.dev/sandbox",
        "cloister.dev/network", "app.kubernetes.io/managed-by", "dev.gvisor.flag.network", "EXAMPLE.com/A"}) {
    out.push_back({"the key " + std::string(key), object{{key, example(values)}}});
  }
  out.push_back({"an overlong key", object{{repeated("k", 400), example(values)}}});
}

}  // namespace

value example(const object& schema, int number) {
  if (const value* listed = schema.if_contains("enum"))
    return listed->as_array()[size_t(number) % listed->as_array().size()];
  const std::string type = typeOf(schema);
  if (isQuantity(schema)) return value(std::string_view(literals(rulesOf(schema)).front()));
  if (type == "integer") return bound(schema, "minimum").value_or(1) + number;
  if (type == "array") return exampleList(*part(schema, "items"), 1);
  if (type == "object") return exampleObject(schema, number);
  return value(exampleText(schema, number));
}

std::vector<Candidate> candidates(const object& schema) {
  std::vector<Candidate> out;
  addWrongTypes(schema, out);
  addEnum(schema, out);
  const std::string type = typeOf(schema);
  if (type == "string" && !schema.contains("enum")) addTexts(schema, out);
  if (type == "integer" || isQuantity(schema)) addNumbers(schema, out);
  if (type == "string" || isQuantity(schema)) addWords(rulesOf(schema), out);
  if (type == "array") addLists(schema, out);
  if (type == "object") out.push_back({"empty", object()});
  if (type == "object") out.push_back({"ordinary", example(schema)});
  if (type == "object") out.push_back({"with a field that does not exist", object{{"noSuchField", 1}}});
  if (part(schema, "additionalProperties") != nullptr) addMaps(schema, out);
  return out;
}

}  // namespace cloister::generated
