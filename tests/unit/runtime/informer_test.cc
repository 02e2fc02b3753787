#include "runtime/informer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/runtime/thing.h"

namespace cloister::runtime::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr kube::Resource things{"example.com", "v1", "things", "Thing"};

class InformerTest : public testing::Test {
 protected:
  std::vector<std::string> contents() const {
    std::vector<std::string> texts;
    for (const auto& thing : store.all()) {
      texts.push_back(toString(api::keyOf(thing->metadata)) + "@" + thing->metadata.resourceVersion);
    }
    return texts;
  }

  static void list(Informer<Thing>& informer, json::array items, std::string_view version) {
    informer.beginList();
    informer.page(std::move(items));
    informer.endList(version);
  }

  // What the struct cannot hold: the size is no number.
  static json::value unreadable(const std::string& name, int version, const std::string& uid = "") {
    json::value object = json::encode(thing(name, version, "red", uid));
    object.at("spec").as_object()["size"] = "large";
    return object;
  }

  Store<Thing> store;
  Informer<Thing> informer{store, {things}};
};

TEST_F(InformerTest, FillsTheStoreFromPagesAndEvents) {
  informer.beginList();
  informer.page({json::encode(thing("a", 1))});
  informer.page({json::encode(thing("b", 2))});
  EXPECT_THAT(contents(), IsEmpty());
  EXPECT_FALSE(informer.synced());
  informer.endList("5");
  EXPECT_TRUE(informer.synced());
  EXPECT_THAT(contents(), ElementsAre("ns/a@1", "ns/b@2"));
  informer.put(json::encode(thing("a", 6)));
  informer.erase(json::encode(thing("b", 7)));
  EXPECT_THAT(contents(), ElementsAre("ns/a@6"));
}

TEST_F(InformerTest, TellsTheStoreOfBookmarks) {
  list(informer, {}, "5");
  informer.reached("8");
  EXPECT_EQ(store.watchedUpTo("ns"), 8U);
}

TEST_F(InformerTest, AListThatDidNotEndIsVoid) {
  informer.beginList();
  informer.page({json::encode(thing("a", 1))});
  list(informer, {json::encode(thing("b", 2))}, "5");
  EXPECT_THAT(contents(), ElementsAre("ns/b@2"));
}

TEST_F(InformerTest, IsCurrentOnlyWhenFilledAndFollowing) {
  int told = 0;
  informer.onState([&] { ++told; });
  EXPECT_FALSE(informer.current());
  list(informer, {}, "5");
  EXPECT_FALSE(informer.current());
  informer.current(true);
  EXPECT_TRUE(informer.current());
  EXPECT_EQ(told, 2);
  informer.current(false);
  EXPECT_FALSE(informer.current());
  EXPECT_TRUE(informer.synced());
  list(informer, {}, "9");
  EXPECT_FALSE(informer.current());
  EXPECT_EQ(told, 3);
}

TEST_F(InformerTest, ANewUnreadableObjectIsLeftOut) {
  list(informer, {json::encode(thing("a", 1)), unreadable("b", 2)}, "5");
  EXPECT_THAT(contents(), ElementsAre("ns/a@1"));
  EXPECT_EQ(informer.unreadable(), 1U);
  informer.put(unreadable("c", 6));
  EXPECT_THAT(contents(), ElementsAre("ns/a@1"));
  EXPECT_EQ(informer.unreadable(), 2U);
}

TEST_F(InformerTest, AnObjectThatBecomesUnreadableIsNotTakenForDeleted) {
  list(informer, {json::encode(thing("a", 1))}, "5");
  informer.put(unreadable("a", 6));
  EXPECT_THAT(contents(), ElementsAre("ns/a@1"));
  list(informer, {unreadable("a", 6)}, "8");
  EXPECT_THAT(contents(), ElementsAre("ns/a@1"));
  EXPECT_EQ(informer.unreadable(), 1U);
  informer.put(json::encode(thing("a", 9)));
  EXPECT_THAT(contents(), ElementsAre("ns/a@9"));
  EXPECT_EQ(informer.unreadable(), 0U);
}

TEST_F(InformerTest, AnAnswerThatTheStoreKnowsIsConfirmedByTheWatch) {
  list(informer, {json::encode(thing("a", 1))}, "5");
  informer.put(unreadable("a", 6));
  store.learn(thing("a", 7));
  informer.put(json::encode(thing("a", 7)));
  EXPECT_EQ(store.watchedUpTo("ns"), 7U);
  EXPECT_EQ(store.newestTold("ns"), 7U);
  EXPECT_EQ(informer.unreadable(), 0U);
  list(informer, {}, "8");
  EXPECT_THAT(contents(), IsEmpty());
}

TEST_F(InformerTest, AnUnreadableObjectCanBeDeleted) {
  list(informer, {json::encode(thing("a", 1))}, "5");
  informer.put(unreadable("a", 6));
  informer.erase(unreadable("a", 7));
  EXPECT_THAT(contents(), IsEmpty());
  EXPECT_EQ(informer.unreadable(), 0U);
}

TEST_F(InformerTest, AnUnreadableSuccessorOfTheSameNameDoesNotKeepThePredecessorAlive) {
  list(informer, {json::encode(thing("a", 1, "red", "first")), json::encode(thing("b", 2, "red", "first"))},
       "5");
  informer.put(unreadable("a", 7, "second"));
  EXPECT_THAT(contents(), ElementsAre("ns/b@2"));
  list(informer, {unreadable("b", 8, "second")}, "9");
  EXPECT_THAT(contents(), IsEmpty());
}

TEST_F(InformerTest, EachReasonIsLoggedOnce) {
  testing::internal::CaptureStderr();
  list(informer, {unreadable("a", 1)}, "5");
  informer.put(unreadable("a", 6));
  list(informer, {unreadable("a", 6)}, "8");
  const std::string logged = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(logged, '\n'), 1) << logged;
  EXPECT_NE(logged.find("ns/a"), std::string::npos) << logged;
  EXPECT_NE(logged.find(".spec.size"), std::string::npos) << logged;
}

TEST_F(InformerTest, SeveralNamespacesFeedOneStore) {
  Informer<Thing> one{store, {things, "one"}};
  Informer<Thing> two{store, {things, "two"}};
  list(one, {json::encode(in("one", thing("a", 1)))}, "100");
  list(two, {json::encode(in("two", thing("a", 2)))}, "10");
  EXPECT_THAT(contents(), ElementsAre("one/a@1", "two/a@2"));
  list(one, {}, "101");
  EXPECT_THAT(contents(), ElementsAre("two/a@2"));
}

// A kind that is told when it cannot be read.
struct FrankStatus {
  std::string mood;
  bool operator==(const FrankStatus&) const = default;
};
BOOST_DESCRIBE_STRUCT(FrankStatus, (), (mood))

struct FrankThing {
  api::ObjectMeta metadata;
  ThingSpec spec;
  FrankStatus status;
  std::string unreadable = {};
  bool operator==(const FrankThing&) const = default;
};
BOOST_DESCRIBE_STRUCT(FrankThing, (), (metadata, spec, status))

json::value frank(int version, json::value size, const std::string& uid = "one") {
  return {{"metadata",
           {{"namespace", "ns"}, {"name", "a"}, {"uid", uid}, {"resourceVersion", std::to_string(version)}}},
          {"spec", {{"colour", "red"}, {"size", std::move(size)}}},
          {"status", {{"mood", "calm at " + std::to_string(version)}}}};
}

TEST(InformerOfAFrankKind, SavesWhatCanBeRead) {
  Store<FrankThing> store;
  Informer<FrankThing> informer(store, {things});
  const auto stored = [&store] { return *store.get({"ns", "a"}); };
  informer.beginList();
  informer.page({frank(1, "large")});
  informer.endList("1");
  EXPECT_EQ(stored().spec, ThingSpec{}) << "it never could be read";
  EXPECT_THAT(stored().unreadable, testing::HasSubstr("spec.size"));
  EXPECT_EQ(informer.unreadable(), 1U);
  informer.put(frank(2, 7));
  EXPECT_EQ(stored().unreadable, "");
  EXPECT_EQ(informer.unreadable(), 0U);
  informer.put(frank(3, "large"));
  EXPECT_EQ(stored().spec.size, 7) << "as it was";
  EXPECT_EQ(stored().metadata.resourceVersion, "3");
  EXPECT_EQ(stored().status.mood, "calm at 3");
  EXPECT_THAT(stored().unreadable, testing::HasSubstr("spec.size"));
  informer.put(frank(4, "large", "two"));
  EXPECT_EQ(stored().spec, ThingSpec{}) << "a namesake's is not its own";
  informer.erase(frank(5, "large", "two"));
  EXPECT_EQ(store.get({"ns", "a"}), nullptr);
}

}  // namespace
}  // namespace cloister::runtime::test
