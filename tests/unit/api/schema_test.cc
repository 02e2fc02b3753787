// The CRD, the chart's values and the C++ structs say the same.

#include <filesystem>
#include <fstream>
#include <span>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/pool.h"
#include "api/quota.h"
#include "api/snapshot.h"
#include "api/template.h"
#include "json/yaml.h"
#include "operator/config.h"
#include "operator/pool/reasons.h"
#include "operator/quota/reasons.h"
#include "operator/sandbox/reasons.h"
#include "tests/unit/api/schema_agreement.h"

namespace cloister::api {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using testing::UnorderedElementsAreArray;

const std::filesystem::path source = CLOISTER_SOURCE_DIR;

std::string readFile(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_TRUE(file) << path;
  return text.str();
}

json::value readYaml(const std::filesystem::path& path) {
  auto yaml = json::parseYaml(readFile(path), path.filename().string());
  EXPECT_TRUE(yaml) << yaml.error().message;
  return yaml ? yaml->root : json::value();
}

// One kind's CRD.
class Crd {
 public:
  explicit Crd(const std::string& plural)
      : root_(readYaml(source / ("crds/cloister.dev_" + plural + ".yaml"))) {}

  const json::object& at(std::string_view path) const {
    return json::find(root_, "spec.versions.0.schema.openAPIV3Schema.properties." + std::string(path))
        ->as_object();
  }

  template <class Spec, class Status>
  std::vector<std::string> differences() const {
    SchemaAgreement agreement(root_);
    std::vector<std::string> found = agreement.compare<Spec>(at("spec"));
    std::ranges::copy(agreement.compare<Status>(at("status")), std::back_inserter(found));
    return found;
  }

 private:
  json::value root_;
};

// A template is a Sandbox's spec without what is a Sandbox's own.
constexpr std::array ofSandboxesAlone{"templateRef", "poolRef", "restoreFrom", "desiredState"};

TEST(Schemas, HaveTheFieldsOfTheStructs) {
  EXPECT_THAT((Crd("sandboxes").differences<SandboxSpec, SandboxStatus>()), IsEmpty());
  EXPECT_THAT((Crd("sandboxpools").differences<SandboxPoolSpec, SandboxPoolStatus>()), IsEmpty());
  EXPECT_THAT((Crd("sandboxquotas").differences<SandboxQuotaSpec, SandboxQuotaStatus>()), IsEmpty());
  EXPECT_THAT((Crd("sandboxsnapshots").differences<SandboxSnapshotSpec, SandboxSnapshotStatus>()), IsEmpty());
  std::vector<std::string> absent;
  for (std::string_view own : ofSandboxesAlone) {
    absent.push_back(".sandbox." + std::string(own) + ": is not in the schema");
  }
  EXPECT_THAT((Crd("sandboxtemplates").differences<SandboxTemplateSpec, SandboxTemplateStatus>()),
              UnorderedElementsAreArray(absent));
}

// Each property, list item and map value of SCHEMA that no description explains.
void findUndescribed(const json::object& schema, const std::string& path, std::vector<std::string>& found) {
  const json::value* description = schema.if_contains("description");
  if (description == nullptr || description->get_string().empty()) found.push_back(path);
  for (std::string_view inner : {"items", "additionalProperties"}) {
    if (const json::value* contained = schema.if_contains(inner)) {
      findUndescribed(contained->as_object(), path + "[]", found);
    }
  }
  const json::value* properties = schema.if_contains("properties");
  if (properties == nullptr) return;
  for (const auto& [name, field] : properties->as_object()) {
    findUndescribed(field.as_object(), path + "." + std::string(name), found);
  }
}

TEST(Schemas, DescribeEachField) {
  for (const char* plural :
       {"sandboxes", "sandboxtemplates", "sandboxpools", "sandboxquotas", "sandboxsnapshots"}) {
    const Crd crd(plural);
    std::vector<std::string> undescribed;
    for (const char* part : {"spec", "status"}) findUndescribed(crd.at(part), part, undescribed);
    EXPECT_THAT(undescribed, IsEmpty()) << plural;
  }
}

// What the description of PLURAL's conditions lacks of REASONS and CONDITIONS.
std::vector<std::string> unexplained(const char* plural, std::span<const std::string_view> reasons,
                                     std::initializer_list<std::string_view> conditions) {
  const Crd crd(plural);
  const std::string text(crd.at("status.properties.conditions").at("description").as_string());
  std::vector<std::string> missing;
  for (std::string_view reason : reasons) {
    if (!text.contains(" " + std::string(reason))) missing.emplace_back(reason);
  }
  for (std::string_view type : conditions) {
    if (!text.contains(std::string(type) + ": ")) missing.emplace_back(type);
  }
  return missing;
}

TEST(Schemas, ExplainEachReasonAndCondition) {
  {
    using namespace sandbox::condition;
    EXPECT_THAT(unexplained("sandboxes", sandbox::reason::all,
                            {accepted, podScheduled, ready, networkFenced, warmStart, stalled}),
                IsEmpty());
    EXPECT_THAT(unexplained("sandboxtemplates", {}, {accepted}), IsEmpty());
  }
  EXPECT_THAT(
      unexplained("sandboxquotas", quota::reason::all, {quota::condition::ready, quota::condition::guarded}),
      IsEmpty());
  EXPECT_THAT(unexplained("sandboxsnapshots", snapshot::all, {snapshot::ready, snapshot::stored}), IsEmpty());
  using namespace pool::condition;
  EXPECT_THAT(unexplained("sandboxpools", pool::reason::all, {ready, progressing, stalled}), IsEmpty());
}

TEST(ChartValues, HaveTheFieldsOfTheConfiguration) {
  const auto schema = json::parse(readFile(source / "charts/cloister/values.schema.json"));
  ASSERT_TRUE(schema) << schema.error().message;
  const json::object& config = json::find(*schema, "properties.config")->as_object();
  // What the chart sets itself.
  EXPECT_THAT(SchemaAgreement(*schema).compare<Config>(config),
              UnorderedElementsAre(".watchNamespaces: is not in the schema",
                                   ".leaderElection.namespace: is not in the schema"));
}

class Examples : public testing::TestWithParam<std::filesystem::path> {};

template <class Spec>
void expectToBeKnown(const json::value& spec) {
  const auto decoded = json::decode<Spec>(spec, json::Unknown::Refuse);
  EXPECT_TRUE(decoded) << decoded.error().message;
}

TEST_P(Examples, HaveNoUnknownFields) {
  const json::value example = readYaml(GetParam());
  const json::value* given = json::find(example, "spec");
  const json::value spec = given == nullptr ? json::object() : *given;
  const std::string kind = json::findString(example, "kind");
  if (kind == "SandboxTemplate") {
    expectToBeKnown<SandboxTemplateSpec>(spec);
  } else if (kind == "SandboxQuota") {
    expectToBeKnown<SandboxQuotaSpec>(spec);
  } else if (kind == "SandboxSnapshot") {
    expectToBeKnown<SandboxSnapshotSpec>(spec);
  } else if (kind == "SandboxPool") {
    expectToBeKnown<SandboxPoolSpec>(spec);
  } else {
    EXPECT_EQ(kind, "Sandbox");
    expectToBeKnown<SandboxSpec>(spec);
  }
}

std::vector<std::filesystem::path> examples() {
  std::vector<std::filesystem::path> found;
  for (const auto& file : std::filesystem::directory_iterator(source / "examples"))
    found.push_back(file.path());
  std::ranges::sort(found);
  return found;
}
INSTANTIATE_TEST_SUITE_P(All, Examples, testing::ValuesIn(examples()), [](const auto& info) {
  std::string name = info.param.stem().string();
  std::ranges::replace(name, '-', '_');
  return name;
});

// The comparison itself.

enum class Colour { red, green };
BOOST_DESCRIBE_ENUM(Colour, red, green)
struct Inner {
  int count = 0;
};
BOOST_DESCRIBE_STRUCT(Inner, (), (count))
struct Outer {
  std::string name;
  std::optional<Colour> colour;
  std::vector<Inner> inner;
  std::map<std::string, Quantity> amounts;
  Time at;
};
BOOST_DESCRIBE_STRUCT(Outer, (), (name, colour, inner, amounts, at))

std::vector<std::string> compareOuter(std::string_view text) {
  const json::value schema = json::parseYaml(text, "schema")->root;
  return SchemaAgreement(schema).compare<Outer>(schema.as_object());
}

TEST(SchemaAgreement, IsSilentWhereBothSayTheSame) {
  EXPECT_THAT(compareOuter(R"(
type: object
definitions: {inner: {type: object, properties: {count: {type: integer}}}}
properties:
  name: {type: string}
  colour: {type: string, enum: [red, green]}
  inner: {type: array, items: {$ref: "#/definitions/inner"}}
  amounts: {type: object, additionalProperties: {x-kubernetes-int-or-string: true}}
  at: {type: string, format: date-time}
)"),
              IsEmpty());
}

TEST(SchemaAgreement, NamesWhatIsMissingOnEitherSide) {
  EXPECT_THAT(
      compareOuter(R"(
type: object
properties:
  colour: {type: string, enum: [red, green]}
  inner: {type: array, items: {type: object, properties: {count: {type: integer}, extra: {type: string}}}}
  amounts: {type: object, additionalProperties: {x-kubernetes-int-or-string: true}}
  at: {type: string, format: date-time}
  other: {type: string}
)"),
      ElementsAre(".name: is not in the schema", ".inner[].extra: is not in C++", ".other: is not in C++"));
}

TEST(SchemaAgreement, NamesWhatIsOfAnotherType) {
  EXPECT_THAT(
      compareOuter(R"(
type: object
properties:
  name: {type: integer}
  colour: {type: string, enum: [red, blue]}
  inner: {type: object, properties: {}}
  amounts: {type: object, additionalProperties: {type: string}}
  at: {type: string}
)"),
      ElementsAre(".name: is a string in C++, not in the schema",
                  ".colour: has other enumerators in the schema",
                  ".inner: is a array in C++, not in the schema", ".inner: lacks items in the schema",
                  ".amounts[]: is a quantity in C++, not in the schema", ".at: lacks the format date-time"));
}

}  // namespace
}  // namespace cloister::api
