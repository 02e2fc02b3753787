// The client's verbs against a real API server: what it answers is what the rest of the program is built on.
#include <gtest/gtest.h>

#include "kube/request.h"
#include "live_cluster.h"

namespace cloister::conformance {
namespace {

using kube::configMaps;
using kube::ObjectKey;
using kube::PatchType;

json::value configMap(std::string_view name, std::string_view text) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", {{"name", name}}},
          {"data", {{"text", text}}}};
}

std::string version(const json::value& object) {
  return json::findString(object, "metadata.resourceVersion");
}

class ClientTest : public testing::Test {
 protected:
  json::value create(std::string_view name, std::string_view text = "one") {
    return mustHave(cluster.run(client.create(configMaps, namespace_, configMap(name, text))));
  }
  Result<json::value> patch(std::string_view name, json::value body, kube::PatchOptions options) {
    return cluster.run(client.patch(configMaps, key(name), std::move(body), std::move(options)));
  }
  ObjectKey key(std::string_view name) const { return {namespace_, std::string(name)}; }

  LiveCluster cluster;
  kube::Client& client = cluster.client();
  std::string namespace_ = cluster.makeNamespace();
};

Errc codeOf(const Result<json::value>& result) {
  EXPECT_FALSE(result.has_value());
  return result ? Errc::Internal : result.error().code;
}

TEST_F(ClientTest, CreatesGetsReplacesAndDeletes) {
  const auto created = create("a");
  EXPECT_EQ(json::findString(created, "data.text"), "one");
  EXPECT_EQ(codeOf(cluster.run(client.create(configMaps, namespace_, configMap("a", "two")))),
            Errc::AlreadyExists);

  auto next = configMap("a", "two");
  next.at("metadata").as_object()["resourceVersion"] = version(created);
  mustHave(cluster.run(client.replace(configMaps, key("a"), next)));
  EXPECT_EQ(codeOf(cluster.run(client.replace(configMaps, key("a"), next))), Errc::Conflict);

  const auto read = mustHave(cluster.run(client.get(configMaps, key("a"))));
  EXPECT_EQ(json::findString(read, "data.text"), "two");
  mustHave(cluster.run(client.remove(configMaps, key("a"), {})));
  EXPECT_EQ(codeOf(cluster.run(client.get(configMaps, key("a")))), Errc::NotFound);
  EXPECT_EQ(codeOf(cluster.run(client.remove(configMaps, key("a"), {}))), Errc::NotFound);
}

TEST_F(ClientTest, DeletesOnlyWhatItMeans) {
  const auto created = create("a");
  EXPECT_EQ(codeOf(cluster.run(client.remove(configMaps, key("a"), {.uid = "another"}))), Errc::Conflict);
  EXPECT_EQ(codeOf(cluster.run(client.remove(configMaps, key("a"), {.resourceVersion = "1"}))),
            Errc::Conflict);
  mustHave(cluster.run(client.remove(configMaps, key("a"),
                                     {.uid = json::findString(created, "metadata.uid"),
                                      .resourceVersion = version(created),
                                      .gracePeriodSeconds = 0,
                                      .propagation = "Background"})));
}

TEST_F(ClientTest, AJsonPatchThatDoesNotFitIsAConflict) {
  const auto created = create("a");
  const json::value change{{"op", "replace"}, {"path", "/data/text"}, {"value", "two"}};
  const auto testing = [&](std::string_view wanted) {
    return json::array{{{"op", "test"}, {"path", "/metadata/resourceVersion"}, {"value", wanted}}, change};
  };
  EXPECT_EQ(codeOf(patch("a", testing("1"), {.type = PatchType::Json})), Errc::Conflict);
  const json::array absent{{{"op", "add"}, {"path", "/spec/none"}, {"value", "two"}}};
  EXPECT_EQ(codeOf(patch("a", absent, {.type = PatchType::Json})), Errc::Conflict);
  const auto patched = mustHave(patch("a", testing(version(created)), {.type = PatchType::Json}));
  EXPECT_EQ(json::findString(patched, "data.text"), "two");
  // Validation of the result is no conflict.
  const json::array invalid{{{"op", "add"}, {"path", "/data/%"}, {"value", "x"}}};
  EXPECT_EQ(codeOf(patch("a", invalid, {.type = PatchType::Json})), Errc::InvalidInput);
}

TEST_F(ClientTest, AMergePatchWithAStaleVersionIsAConflict) {
  const auto created = create("a");
  const auto body = [](std::string_view resourceVersion, std::string_view text) {
    return json::value{{"metadata", {{"resourceVersion", resourceVersion}}}, {"data", {{"text", text}}}};
  };
  mustHave(patch("a", body(version(created), "two"), {}));
  EXPECT_EQ(codeOf(patch("a", body(version(created), "three"), {})), Errc::Conflict);
  const auto dry = mustHave(patch("a", {{"data", {{"text", "four"}}}}, {.dryRun = true}));
  EXPECT_EQ(json::findString(dry, "data.text"), "four");
  EXPECT_EQ(json::findString(mustHave(cluster.run(client.get(configMaps, key("a")))), "data.text"), "two");
}

TEST_F(ClientTest, AppliesAndRespectsOtherOwners) {
  mustHave(patch("a", configMap("a", "one"), {.type = PatchType::Apply, .fieldManager = "first"}));
  const auto refused =
      patch("a", configMap("a", "two"), {.type = PatchType::Apply, .fieldManager = "second"});
  EXPECT_EQ(codeOf(refused), Errc::Conflict);
  EXPECT_EQ(refused.error().reason, "FieldManagerConflict");
  const auto forced = mustHave(
      patch("a", configMap("a", "two"), {.type = PatchType::Apply, .fieldManager = "second", .force = true}));
  EXPECT_EQ(json::findString(forced, "data.text"), "two");
}

TEST_F(ClientTest, RefusesFieldsThatTheServerDoesNotKnow) {
  auto object = configMap("a", "one");
  object.as_object()["fence"] = "up";
  const auto refused = cluster.run(client.create(configMaps, namespace_, object));
  EXPECT_EQ(codeOf(refused), Errc::InvalidInput);
  EXPECT_NE(refused.error().message.find("unknown field \"fence\""), std::string::npos)
      << refused.error().message;
}

TEST_F(ClientTest, IsRecordedAsTheManagerOfWhatItWrites) {
  const auto created = create("a");
  EXPECT_EQ(*json::find(created, "metadata.managedFields"), json::array());  // the client leaves that out
  const auto answer = cluster.run(cluster.transport().exchange(kube::getRequest(configMaps, key("a"))));
  const auto whole = json::parse(mustHave(answer).body);
  EXPECT_EQ(json::findString(*whole, "metadata.managedFields.0.manager"), "cloister-operator");
}

TEST_F(ClientTest, ListsInPages) {
  for (const auto* name : {"a", "b", "c", "d", "e"}) create(name);
  std::vector<std::string> seen;
  kube::ListOptions options{.limit = 2};
  std::string resourceVersion;
  for (;;) {
    const auto page = mustHave(cluster.run(client.list(configMaps, namespace_, options)));
    EXPECT_LE(page.items.size(), 2U);
    for (const auto& item : page.items) seen.push_back(json::findString(item, "metadata.name"));
    if (!resourceVersion.empty()) EXPECT_EQ(page.resourceVersion, resourceVersion);
    resourceVersion = page.resourceVersion;
    options.continueToken = page.continueToken;
    if (options.continueToken.empty()) break;
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "b", "c", "d", "e"}));
}

TEST_F(ClientTest, SelectsByLabelAndField) {
  create("a");
  auto labelled = configMap("b", "one");
  labelled.at("metadata").as_object()["labels"] = {{"cloister.dev/sandbox", "x"}};
  mustHave(cluster.run(client.create(configMaps, namespace_, labelled)));
  const auto count = [&](kube::ListOptions options) {
    return mustHave(cluster.run(client.list(configMaps, namespace_, std::move(options)))).items.size();
  };
  EXPECT_EQ(count({.labelSelector = "cloister.dev/sandbox in (x,y),!other"}), 1U);
  EXPECT_EQ(count({.labelSelector = "cloister.dev/sandbox!=x"}), 1U);
  EXPECT_EQ(count({.fieldSelector = "metadata.name=a,metadata.namespace=" + namespace_}), 1U);
}

TEST_F(ClientTest, AnEmptyListIsAPage) {
  const auto page = mustHave(cluster.run(client.list(kube::networkPolicies, namespace_, {})));
  EXPECT_TRUE(page.items.empty());
  EXPECT_FALSE(page.resourceVersion.empty());
}

TEST_F(ClientTest, ReportsEachCall) {
  std::vector<std::string> calls;
  client.onCall([&](const kube::CallRecord& call) {
    calls.push_back(std::string(call.verb) + " " + std::string(call.resource) + " " +
                    std::to_string(call.status));
  });
  create("a");
  (void)cluster.run(client.get(configMaps, key("none")));
  EXPECT_EQ(calls, (std::vector<std::string>{"create configmaps 201", "get configmaps 404"}));
}

}  // namespace
}  // namespace cloister::conformance
