// Watching a real API server: bookmarks, the end of a watch, versions that are gone, and the watcher's view.
#include <set>

#include <gtest/gtest.h>

#include "base/task_group.h"
#include "kube/watcher.h"
#include "live_cluster.h"

namespace cloister::conformance {
namespace {

constexpr kube::Resource definitions{"apiextensions.k8s.io", "v1", "customresourcedefinitions",
                                     "CustomResourceDefinition", false};

json::value definition(const std::string& group) {
  return {{"apiVersion", "apiextensions.k8s.io/v1"},
          {"kind", "CustomResourceDefinition"},
          {"metadata", {{"name", "widgets." + group}}},
          {"spec",
           {{"group", group},
            {"scope", "Namespaced"},
            {"names", {{"plural", "widgets"}, {"singular", "widget"}, {"kind", "Widget"}}},
            {"versions",
             json::array{{{"name", "v1"},
                          {"served", true},
                          {"storage", true},
                          {"subresources", {{"status", json::object()}}},
                          {"schema",
                           {{"openAPIV3Schema",
                             {{"type", "object"}, {"x-kubernetes-preserve-unknown-fields", true}}}}}}}}}}};
}

std::string version(const json::value& object) {
  return json::findString(object, "metadata.resourceVersion");
}

// A kind of its own, so that no other test writes to it.
class WatchTest : public testing::Test {
 protected:
  void SetUp() override { mustHave(cluster.run(client.create(definitions, "", definition(group)))); }
  void TearDown() override { (void)cluster.run(client.remove(definitions, {"", "widgets." + group}, {})); }

  // Served only a moment after the definition is accepted.
  json::value create(std::string_view name) {
    const json::value widget{
        {"apiVersion", kube::apiVersion(widgets)}, {"kind", "Widget"}, {"metadata", {{"name", name}}}};
    for (int attempt = 0;; ++attempt) {
      auto created = cluster.run(client.create(widgets, namespace_, widget));
      if (created || created.error().code != Errc::NotFound || attempt == 300)
        return mustHave(std::move(created));
      cluster.wait(milliseconds(50));
    }
  }
  json::value patch(std::string_view name, json::value body, kube::PatchOptions options) {
    return mustHave(
        cluster.run(client.patch(widgets, {namespace_, std::string(name)}, std::move(body), options)));
  }
  std::unique_ptr<kube::Watch> watch(std::string from, Duration timeout = std::chrono::minutes(5)) {
    return mustHave(cluster.run(
        client.watch(widgets, namespace_, {.resourceVersion = std::move(from), .timeout = timeout})));
  }
  Result<kube::WatchEvent> next(kube::Watch& from) { return cluster.run(from.next(seconds(30))); }

  LiveCluster cluster;
  kube::Client& client = cluster.client();
  std::string namespace_ = cluster.makeNamespace();
  std::string group = namespace_ + ".cloister.dev";
  kube::Resource widgets{group, "v1", "widgets", "Widget"};
};

TEST_F(WatchTest, TheStatusIsASubresource) {
  create("a");
  const json::value change{{"spec", {{"size", 1}}}, {"status", {{"phase", "Running"}}}};
  const auto ofObject = patch("a", change, {});
  EXPECT_EQ(json::find(ofObject, "status"), nullptr);
  const auto ofStatus =
      patch("a", {{"spec", {{"size", 2}}}, {"status", {{"phase", "Running"}}}}, {.subresource = "status"});
  EXPECT_EQ(json::findString(ofStatus, "status.phase"), "Running");
  EXPECT_EQ(ofStatus.at("spec").at("size"), 1);
  auto whole = ofStatus;
  whole.at("status").as_object()["phase"] = "Stopped";
  const auto replaced = mustHave(cluster.run(client.replace(widgets, {namespace_, "a"}, whole, "status")));
  EXPECT_EQ(json::findString(replaced, "status.phase"), "Stopped");
}

TEST_F(WatchTest, TellsChangesInOrderAndEndsWithABookmark) {
  const auto first = create("a");
  const auto from = watch(version(first), seconds(3));
  create("b");
  patch("a", {{"spec", {{"size", 1}}}}, {});
  mustHave(cluster.run(client.remove(widgets, {namespace_, "b"}, {})));
  using enum kube::WatchEvent::Type;
  for (const auto& [type, name] :
       {std::pair{Added, "b"}, std::pair{Modified, "a"}, std::pair{Deleted, "b"}}) {
    const auto event = mustHave(next(*from));
    EXPECT_EQ(event.type, type);
    EXPECT_EQ(json::findString(event.object, "metadata.name"), name);
  }
  const auto bookmark = mustHave(next(*from));
  EXPECT_EQ(bookmark.type, Bookmark);
  EXPECT_FALSE(version(bookmark.object).empty());
  EXPECT_EQ(next(*from).error().code, Errc::Unavailable);
}

TEST_F(WatchTest, AnOldVersionIsGone) {
  create("a");
  // The server began to keep this kind's history when the kind was defined, long after version 1.
  auto opened = cluster.run(client.watch(widgets, namespace_, {.resourceVersion = "1"}));
  const Error error = opened ? next(**opened).error() : opened.error();
  EXPECT_EQ(error.code, Errc::Gone) << error.message;
}

TEST_F(WatchTest, AVersionFromTheFutureIsToldAsSuch) {
  create("a");
  const auto page = cluster.run(client.list(widgets, namespace_, {.resourceVersion = "999999999"}));
  EXPECT_EQ(page.error().code, Errc::Timeout);
  EXPECT_EQ(page.error().reason, "ResourceVersionTooLarge");
}

class Names final : public kube::Sink {
 public:
  void beginList() override { listing_.clear(); }
  void page(json::array items) override {
    for (const auto& item : items) listing_.insert(json::findString(item, "metadata.name"));
  }
  void endList(std::string_view) override { names = std::move(listing_); }
  void put(json::value object) override { names.insert(json::findString(object, "metadata.name")); }
  void erase(json::value last) override { names.erase(json::findString(last, "metadata.name")); }
  void current(bool current) override { isCurrent = current; }

  std::set<std::string> names;
  bool isCurrent = false;

 private:
  std::set<std::string> listing_;
};

TEST_F(WatchTest, TheWatcherKeepsItsViewAcrossManyWatches) {
  for (const auto* name : {"a", "b", "c"}) create(name);
  Names view;
  TaskGroup tasks(cluster.context().get_executor());
  // Watches of a second: several end in the course of this test.
  tasks.spawn("watcher",
              kube::runWatcher(client, cluster.clock(), {.resource = widgets, .namespace_ = namespace_},
                               {.pageSize = 2, .timeout = seconds(1)}, view));
  cluster.waitUntil([&] { return view.isCurrent; });
  EXPECT_EQ(view.names, (std::set<std::string>{"a", "b", "c"}));
  for (int i = 0; i < 20; ++i) {
    create("d" + std::to_string(i));
    mustHave(cluster.run(client.remove(widgets, {namespace_, "d" + std::to_string(i)}, {})));
    cluster.wait(milliseconds(150));
  }
  mustHave(cluster.run(client.remove(widgets, {namespace_, "b"}, {})));
  create("last");
  cluster.waitUntil([&] { return view.names == std::set<std::string>{"a", "c", "last"}; });
  EXPECT_EQ(view.names, (std::set<std::string>{"a", "c", "last"}));
  cluster.stop(tasks);
}

}  // namespace
}  // namespace cloister::conformance
